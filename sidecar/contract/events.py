"""The event schema of a session. Everything in it is masked already.

Times are ``at``: nanoseconds since the session started, on the recorder's monotonic clock. The encoding
is MessagePack maps with a ``type`` field; a session's first event is SessionStart and its last End.
"""

from enum import Enum

import msgspec

from sidecar.contract.decoding import UNREADABLE
from sidecar.contract.errors import CallerError

MAX_DATA_BYTES = 256 * 1024
"""Most bytes one Data event holds."""
MAX_FOUND_EVENTS = 4096
"""Findings of a session that are recorded one by one; End counts all of them."""
MAX_OWN_FOUND_EVENTS = 1000
"""The same of a container's own program, which may run for months; Tally counts all of them until then."""
MAX_PROGRAM_EVENTS = 100_000
"""Programs a session may start: all are recorded, and one more ends it."""
MAX_PROGRAM_ARGV_BYTES = 32 * 1024
"""Most of a program's arguments that is recorded, with one byte between two of them."""


class Channel(Enum):
    """A stream of a session. With a terminal, output is STDOUT only."""

    STDIN = "stdin"
    STDOUT = "stdout"
    STDERR = "stderr"


class SessionKind(Enum):
    """What is recorded as a session."""

    EXEC = "exec"
    """What somebody started in a container."""
    MAIN_PROCESS = "main-process"
    """A container's own program, as long as one recorder has it."""


class Ending(Enum):
    """How a session ended."""

    EXITED = "exited"
    CLIENT_GONE = "client-gone"
    IDLE = "idle-timeout"
    TOO_LONG = "total-timeout"
    TOO_MUCH = "output-limit"
    TOO_MANY_FINDINGS = "finding-limit"
    TOO_MANY_PROGRAMS = "program-limit"
    SPOOL_FULL = "spool-full"
    POLICY = "policy"
    """A policy forbids it to go on."""
    KILLED = "killed"
    """Somebody with the right to do so ordered it; the reason names them."""
    CONTINUED = "continued"
    """Of an own program that runs on: the next session follows, and nothing is missing between them."""
    RECORDER_STOPPED = "recorder-stopped"
    RECORDER_FAILED = "recorder-failed"
    INTERRUPTED = "interrupted"
    """The recorder died; what it had delivered is recorded, the rest is a gap."""
    LOST = "lost"
    """Nothing is heard of the recorder any more. Said by the collector, never by a recorder."""


class _Event(msgspec.Struct, frozen=True, tag_field="type", omit_defaults=True):
    pass


class SessionStart(_Event, frozen=True, tag="start"):
    """What started, where."""

    session: str
    started_at: int
    """Unix nanoseconds on the recorder's clock."""
    namespace: str
    pod: str
    pod_uid: str
    container: str
    node: str
    argv: tuple[str, ...]
    """The exact command line, masked; undecodable bytes as U+FFFD."""
    tty: bool
    stdin: bool
    rows: int
    cols: int
    grant_digest: bytes
    """SHA-256 of the grant's token."""
    profile: str
    masking: str
    """Fingerprint of the masking engine: version, profile and card-table hash."""
    recorder: str
    """Version of the recorder."""
    kind: SessionKind = SessionKind.EXEC
    content: bool = True
    """Whether there are Data events; otherwise Tally and End say how much came and went."""
    resumed: bool = False
    """Whether the program ran before under another recorder: some of its output may be missing."""
    previous: str = ""
    """Of an own program: the session before, under the same recorder or another; empty for the first."""


class Data(_Event, frozen=True, tag="data"):
    """Bytes of one channel, masked, as they were delivered (output) or taken (input)."""

    at: int
    channel: Channel
    data: bytes


class Redacted(_Event, frozen=True, tag="redacted"):
    """Something was typed at a terminal that does not echo, as for a password. Nor is its length recorded."""

    at: int


class Resize(_Event, frozen=True, tag="resize"):
    """The terminal's new size in character cells."""

    at: int
    rows: int
    cols: int


class Found(_Event, frozen=True, tag="finding"):
    """Card data was masked; never the number itself."""

    at: int
    channel: Channel
    rule: str
    brand: str
    offset: int
    """Bytes from the start of the channel."""
    length: int


class Gap(_Event, frozen=True, tag="gap"):
    """From the session's start up to here a channel's output is missing: another recorder had it before.

    What that one had taken and not delivered is lost, and its amount unknown. What follows begins at a line.
    """

    at: int
    channel: Channel
    left_out: int
    """Bytes that this recorder received and did not show, because they may be the end of a number."""


class Tally(_Event, frozen=True, tag="tally"):
    """What came until now, altogether, of a session that has no Data events or too many findings."""

    at: int
    stdin_bytes: int = 0
    stdout_bytes: int = 0
    stderr_bytes: int = 0
    findings: dict[str, int] = {}
    """By ``rule/brand``, those that are recorded one by one among them."""


class Program(_Event, frozen=True, tag="program"):
    """A program began, the main one or any that something in the session started. All text is masked.

    What the kernel lets nobody read is empty. A shell's builtins and what busybox runs within itself are no
    programs of their own.
    """

    at: int
    pid: int
    """As the container numbers processes."""
    parent: int
    uid: int
    """The effective user, as the container numbers users."""
    executable: str
    """The file, after links: a script's is its interpreter. " (deleted)" follows one without a name."""
    cwd: str
    argv: tuple[str, ...]
    truncated: bool = False
    """Whether arguments are missing at the end, or the rest of the last one."""
    denied: str = ""
    """The rule, as ``policy/rule``, by which it did not run; empty when it ran."""
    approvals: tuple[str, ...] = ()
    """The approval requests it waited for; what became of the last one ``denied`` tells."""
    typed: bool = False
    """Whether it is no program, but a line that was typed at a terminal: ``argv`` holds it as one word."""


class Held(_Event, frozen=True, tag="held"):
    """A program waits before its first instruction until somebody has decided. All text is masked."""

    at: int
    rule: str
    """``policy/rule``."""
    approval: str
    """The approval request."""
    executable: str
    argv: tuple[str, ...]
    wait_seconds: int
    """How long it waits at most."""


class Untraced(_Event, frozen=True, tag="untraced"):
    """Not every program of the session is recorded, from the start."""

    at: int
    reason: str


class Exit(_Event, frozen=True, tag="exit"):
    """The main program ended: its exit code, 128 + signal when a signal ended it."""

    at: int
    code: int
    signal: int = 0


class End(_Event, frozen=True, tag="end"):
    """The session is over and its record complete up to here."""

    at: int
    how: Ending
    reason: str = ""
    stdin_bytes: int = 0
    stdout_bytes: int = 0
    stderr_bytes: int = 0
    findings: dict[str, int] = {}
    """How often something was masked, by ``rule/brand``; also what was not recorded one by one."""
    programs: int = 0
    """How many programs were started, those that may not run among them."""


Event = SessionStart | Data | Redacted | Resize | Found | Gap | Tally | Program | Held | Untraced | Exit | End

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Event] = msgspec.msgpack.Decoder(Event)


def encode_event(event: Event) -> bytes:
    """Give the payload of an event; the hash chain is over exactly these bytes."""
    return _encoder.encode(event)


def decode_event(payload: bytes) -> Event:
    """Read a payload. Raises CallerError when it is not an event of this schema."""
    try:
        return _decoder.decode(payload)
    except UNREADABLE:
        raise CallerError("an event cannot be read: it does not follow the event schema") from None
