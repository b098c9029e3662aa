"""Messages between a recorder's shipper and the collector: MessagePack in binary WebSocket messages.

The shipper authenticates with its pod's projected token in the ``Authorization`` header of the
handshake, sends Hello and waits for Welcome. Before the first frames of a session on a connection it
sends Open and waits for Acknowledged, which tells where to begin, or for Refused or Deferred.

Acknowledged means durable: the shipper may forget. Sending anything again is harmless. While frames are
on their way, an Acknowledged that repeats the last one asks for frames again from that number. The connection
stays as long as a session lives, so that Kill can end it.
"""

from enum import Enum
from typing import TypeVar

import msgspec

from sidecar.contract.decoding import UNREADABLE
from sidecar.contract.errors import CallerError
from sidecar.contract.frames import Frame
from sidecar.contract.identifiers import program_approval

INTAKE_PATH = "/v1/intake"
MAX_MESSAGE_BYTES = 1024 * 1024


class NoticeKind(Enum):
    """What happened at a recorder outside any session's own events."""

    RECORDER_STARTED = "recorder-started"
    RECORDER_STOPPED = "recorder-stopped"
    RECORDER_FAILED = "recorder-failed"
    GRANT_REFUSED = "grant-refused"
    GRANT_REPLAYED = "grant-replayed"
    RECORD_REFUSED = "record-refused"
    """The collector did not believe what a recorder sent; noted by the collector."""
    RECORD_GAP = "record-gap"
    """The collector asks for frames that it had made durable and the recorder has forgotten."""


class _Message(msgspec.Struct, frozen=True, tag_field="type", omit_defaults=True):
    pass


class Hello(_Message, frozen=True, tag="hello"):
    """First message of the shipper."""

    recorder: str
    """Version of the recorder."""
    clock: int
    """Unix nanoseconds at sending, to measure clock skew (PCI DSS 10.6)."""


class Open(_Message, frozen=True, tag="open"):
    """Frames of this session follow; the grant proves that the session may exist."""

    session: str
    grant: str


class Frames(_Message, frozen=True, tag="frames"):
    """Consecutive frames of one session."""

    session: str
    frames: tuple[Frame, ...]


class Notice(_Message, frozen=True, tag="notice"):
    """Something an auditor must see that belongs to no running session."""

    id: str
    """A ULID; sending one again is the same notice."""
    at: int
    """Unix nanoseconds on the recorder's clock."""
    kind: NoticeKind
    container: str = ""
    session: str = ""
    reason: str = ""
    argv: tuple[str, ...] = ()
    """Masked."""


class ApprovalWanted(_Message, frozen=True, tag="approval-wanted"):
    """A program of an open session waits for an approval. Sent on every connection until it is decided."""

    session: str
    program: int
    """The session's programs are counted from 1."""
    turn: int
    """What is asked about this program, from 1: each rule that wants an approval asks for its own."""
    rule: str
    """``policy/rule``, one of the grant's."""
    executable: str
    argv: tuple[str, ...]
    """Masked, as in the record."""
    cwd: str = ""
    """Masked; empty for a line that was typed, and from recorders that do not tell."""
    uid: int | None = None
    """The effective user, as the container numbers users; None where ``cwd`` is empty for such a reason."""

    @property
    def approval(self) -> str:
        """The name of the approval request."""
        return program_approval(self.session, self.program, self.turn)


class Welcome(_Message, frozen=True, tag="welcome"):
    """The collector's answer to Hello."""

    clock: int
    """Unix nanoseconds at sending."""


class Acknowledged(_Message, frozen=True, tag="ack"):
    """All frames of a session below this sequence number are durable."""

    session: str
    next_sequence: int


class NoticeAcknowledged(_Message, frozen=True, tag="notice-ack"):
    """The notice is durable."""

    id: str


class Refused(_Message, frozen=True, tag="refused"):
    """The collector will never take this session's frames: the record is not believed."""

    session: str
    reason: str


class Deferred(_Message, frozen=True, tag="deferred"):
    """The collector cannot judge this session now (a key is missing); open it again later."""

    session: str
    reason: str


class Kill(_Message, frozen=True, tag="kill"):
    """The session is to be ended. It may come more than once, and for a session that has ended."""

    session: str
    reason: str
    """One printable line that says who and why; for the client and for the record."""


class ApprovalDecided(_Message, frozen=True, tag="approval-decided"):
    """What became of an approval that was wanted. It may come more than once, and late."""

    session: str
    approval: str
    approved: bool
    reason: str = ""
    """Why it was not, in one printable line for whoever waits."""


_M = TypeVar("_M")

FromRecorder = Hello | Open | Frames | Notice | ApprovalWanted
FromCollector = Welcome | Acknowledged | NoticeAcknowledged | Refused | Deferred | Kill | ApprovalDecided

_encoder = msgspec.msgpack.Encoder()
_from_recorder: msgspec.msgpack.Decoder[FromRecorder] = msgspec.msgpack.Decoder(FromRecorder)
_from_collector: msgspec.msgpack.Decoder[FromCollector] = msgspec.msgpack.Decoder(FromCollector)


def encode(message: FromRecorder | FromCollector) -> bytes:
    """Give the bytes of a message."""
    return _encoder.encode(message)


def decode_from_recorder(data: bytes) -> FromRecorder:
    """Read a message at the collector. Raises CallerError."""
    return _decode(_from_recorder, data)


def decode_from_collector(data: bytes) -> FromCollector:
    """Read a message at the shipper. Raises CallerError."""
    return _decode(_from_collector, data)


def _decode(decoder: msgspec.msgpack.Decoder[_M], data: bytes) -> _M:
    if len(data) > MAX_MESSAGE_BYTES:
        raise CallerError(f"a message of {len(data)} bytes is larger than {MAX_MESSAGE_BYTES}")
    try:
        return decoder.decode(data)
    except UNREADABLE:
        raise CallerError("a message cannot be read: it does not follow the wire schema") from None
