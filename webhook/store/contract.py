"""What every store does.

Methods block and may be called from any thread; callers on an event loop run them in a thread. What a
method kept before it returned is durable, and every read that begins afterwards sees it.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Protocol

import msgspec

from sidecar.contract.errors import ClusterError
from sidecar.contract.events import Channel, Ending, SessionKind
from sidecar.contract.frames import Frame
from sidecar.contract.sealing import Decision, Identity
from sidecar.contract.wire import Notice
from webhook.store.audit import AuditStore
from webhook.store.ledger import LedgerStore
from webhook.store.retention import RetentionStore

SEARCHED_BYTES = 8 * 1024 * 1024
"""How much of each channel can be searched as text. All of it is kept and replayed.

Indexing text costs many times what keeping it does, and a session that moves a hundred megabytes moves
data, not words that a person saw.
"""

SEARCHED_PROGRAMS = 2000
"""How many of a session's programs can be searched; all that are recorded can be listed."""


MAX_APPROVALS = 10_000
"""Most approvals that sessions are looked for by."""
ANY_FINDING = "any"


class StoreError(ClusterError):
    """The store did not do what was asked; nothing was acknowledged."""


class MissingError(StoreError):
    """Something that was kept is not there any more; asking again will not bring it back."""


class DamagedLedgerError(MissingError):
    """An entry of the ledger is kept, and cannot be read any more; the text names it."""


class Phase(Enum):
    """Where a session is."""

    ACTIVE = "Active"
    COMPLETED = "Completed"
    INTERRUPTED = "Interrupted"


class Unfinished(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Masked bytes at the end of a channel that wait for the rest of their line to become a Passage."""

    channel: Channel
    sequence: int
    """Frame in which they begin."""
    at: int
    data: bytes


class SessionRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One session as far as it is known. Times are Unix nanoseconds."""

    session: str
    namespace: str
    pod: str
    pod_uid: str
    container: str
    node: str
    identity: Identity
    decision: Decision
    argv: tuple[str, ...]
    """Masked."""
    tty: bool
    stdin: bool
    rows: int
    cols: int
    profile: str
    masking: str
    recorder: str
    grant_digest: bytes
    started_at: int
    """On the recorder's clock."""
    clock_skew: int
    """Recorder's clock minus collector's at the connection that opened the session, nanoseconds."""
    updated_at: int
    """On the collector's clock; grows with every change of this record."""
    next_sequence: int
    digest: bytes
    """Of the hash chain, after the last stored frame."""
    phase: Phase = Phase.ACTIVE
    ended_at: int | None = None
    how: Ending | None = None
    reason: str = ""
    exit_code: int | None = None
    stdin_bytes: int = 0
    stdout_bytes: int = 0
    stderr_bytes: int = 0
    findings: dict[str, int] = {}
    """Masked counts by ``rule/brand``."""
    programs: int = 0
    """Programs that ran, as far as it is known."""
    untraced: str = ""
    """Why not all of them are recorded; empty when they are."""
    kind: SessionKind = SessionKind.EXEC
    content: bool = True
    """Whether what came and went is recorded; otherwise bytes and findings are as the recorder counted."""
    resumed: bool = False
    """Whether another recorder had the program before, so that output may be missing at the beginning."""
    previous: str = ""
    """Of an own program: the session before."""

    def channel_bytes(self, channel: Channel) -> int:
        """Give how many bytes of a channel are kept."""
        match channel:
            case Channel.STDIN:
                return self.stdin_bytes
            case Channel.STDOUT:
                return self.stdout_bytes
            case Channel.STDERR:
                return self.stderr_bytes

    @property
    def searchable(self) -> bool:
        """Whether search sees all text; see SEARCHED_BYTES."""
        streams = all(self.channel_bytes(channel) <= SEARCHED_BYTES for channel in Channel)
        return streams and self.programs <= SEARCHED_PROGRAMS

    unfinished: tuple[Unfinished, ...] = ()
    """For whoever continues with the next frame; at most one of each channel."""


class Passage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A piece of a session's masked text as a person saw it, for search; ``at`` leads to the moment."""

    session: str
    sequence: int
    """Frame in which the passage begins."""
    at: int
    channel: Channel | None
    """None for a program that ran; the text is its command line."""
    text: str


class PodNotice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A recorder's notice with the pod that the recorder's token proved."""

    namespace: str
    pod: str
    pod_uid: str
    received_at: int
    notice: Notice


class Query(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which sessions; None means any. Newest first."""

    namespace: str | None = None
    user: str | None = None
    pod: str | None = None
    phase: Phase | None = None
    exit_code: int | None = None
    """Ended with this exit code."""
    failed: bool = False
    """Only those whose exit code is known and not 0."""
    finding: str | None = None
    """Card data was masked: ``any``, by a rule, or by ``rule/brand``."""
    approvals: frozenset[tuple[str, str]] | None = None
    """Let start by one of these approvals: namespace and name. At most ``MAX_APPROVALS``."""
    since: int | None = None
    """Started at or after, Unix nanoseconds."""
    until: int | None = None
    """Started before, Unix nanoseconds."""
    text: str | None = None
    """Words and "quoted phrases", any case, all of them in one command line or one passage.

    A word is a run of letters and digits; one with other characters inside means its parts in that order.
    """
    limit: int = 100
    before: str | None = None
    """Session id to continue after: only older sessions (ids sort by time)."""


class Hit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a text was found."""

    record: SessionRecord
    passage: Passage | None
    """None when the command line matched."""
    highlight: tuple[tuple[int, int], ...]
    """Start and end, in characters of the passage's text or of the argv joined by spaces."""


class Store(AuditStore, LedgerStore, RetentionStore, Protocol):
    """The contract. Every method may raise StoreError."""

    def prepare(self) -> None:
        """Create what the store needs, or bring it up to date; safe to call again."""
        ...

    def create(self, record: SessionRecord) -> SessionRecord:
        """Keep a new session; when its id is known already, give what is kept and change nothing.

        Raises StoreError when ``record.next_sequence`` is not 0: frames come by ``append``.
        """
        ...

    def append(self, record: SessionRecord, frames: Sequence[Frame], passages: Sequence[Passage]) -> None:
        """Make frames, passages and the session's new state durable, all or none.

        Frames are consecutive and end at ``record.next_sequence`` and ``record.digest``. Frames already kept
        stay as they are, a passage equal to a kept one is the same passage, and a record that is not newer
        than the kept one, by ``next_sequence`` and then by ``updated_at``, is not written back. Raises
        StoreError when the session is unknown, frames are missing before these, or the kept chain differs.
        """
        ...

    def note(self, notice: PodNotice) -> None:
        """Keep a notice; one with the same id from the same pod is the same notice."""
        ...

    def session(self, session: str) -> SessionRecord | None:
        """Give one session."""
        ...

    def sessions(self, query: Query) -> list[SessionRecord]:
        """Give at most ``query.limit`` sessions, newest first. Raises CallerError as ``search`` does."""
        ...

    def changed(self, *, after: int, namespace: str | None, limit: int) -> list[SessionRecord]:
        """Give sessions whose ``updated_at`` is greater than ``after``, oldest change first.

        Those that share the last one's time are all given, even beyond ``limit``, so that its time is a
        place to continue from. Writers take the time before they write: one that is slow can be overtaken,
        so ask again from some seconds back and leave out what was seen.
        """
        ...

    def frames(self, session: str, *, start: int, limit: int) -> list[Frame]:
        """Give at most ``limit`` frames in sequence from number ``start``; none for an unknown session."""
        ...

    def notices(self, *, namespace: str | None, since: int | None, limit: int) -> list[PodNotice]:
        """Give notices, newest first; ``since`` is in Unix nanoseconds of ``received_at``."""
        ...

    def search(self, query: Query) -> list[Hit]:
        """Give where ``query.text`` is found among the sessions of the query.

        The newest session comes first, and of a session what was kept last; the order of sessions that
        started within a tenth of a second is open. Raises CallerError when the text is longer than a store
        searches, or there are more than ``MAX_APPROVALS`` approvals.
        """
        ...

    def close(self) -> None:
        """Let go of files and connections. Safe to call twice."""
        ...
