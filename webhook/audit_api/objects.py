"""The API's objects, and how times are written in them."""

from datetime import UTC, datetime
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from sidecar.contract.names import AUDIT_GROUP, AUDIT_VERSION

API_VERSION: Final = f"{AUDIT_GROUP}/{AUDIT_VERSION}"
_NANOSECONDS: Final = 1_000_000_000


class Part(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What the parts of objects share: names in camel case, and nothing that says nothing."""


class ObjectMeta(Part, frozen=True):
    """The part of metav1.ObjectMeta that sessions have."""

    name: str
    namespace: str
    uid: str = ""
    resource_version: str = ""
    creation_timestamp: str = ""
    """On the collector's clock, RFC 3339."""
    labels: dict[str, str] = {}


class ListMeta(Part, frozen=True):
    """metav1.ListMeta."""

    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class User(Part, frozen=True):
    """Who asked for the session, as the API server authenticated them."""

    username: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: dict[str, tuple[str, ...]] = {}


class Masking(Part, frozen=True):
    """Which masking profile the recorder applied, and the fingerprint of its engine."""

    profile: str
    fingerprint: str


class SessionDecision(Part, frozen=True):
    """What admission decided when the session was asked for."""

    action: str
    policy: str
    rule: str
    request_uid: str = msgspec.field(name="requestUID")
    decided_at: str
    approval: str = ""
    would: str = ""
    """What audit mode did not enforce: action, policy and rule; absent when nothing."""


class TerminalSize(Part, frozen=True, omit_defaults=False):
    """Size of the session's terminal when it started, in character cells."""

    rows: int
    cols: int


class SessionSpec(Part, frozen=True):
    """What was asked for."""

    user: User
    pod: str
    pod_uid: str = msgspec.field(name="podUID")
    node: str
    container: str
    command: tuple[str, ...]
    """The exact command line, masked."""
    masking: Masking
    decision: SessionDecision
    tty: bool = False
    stdin: bool = False
    terminal: TerminalSize | UnsetType = UNSET
    """Absent without a terminal."""
    kind: str = "exec"
    """main-process for a container's own program, whose user is who made the pod; absent for exec."""
    without_content: bool = False
    """Of an own program: what came and went is counted and not recorded."""
    resumed: bool = False
    """Another recorder had the program before, so that output may be missing at the beginning."""
    previous: str = ""
    """Of an own program: its session before this one, under another recorder or before a restart."""


class ByteCounts(Part, frozen=True, omit_defaults=False):
    """Bytes recorded by channel."""

    stdin: int
    stdout: int
    stderr: int


class Findings(Part, frozen=True, omit_defaults=False):
    """How often card data was masked, in all and by rule and brand."""

    total: int
    by_rule: dict[str, int]


class ChainState(Part, frozen=True, omit_defaults=False):
    """How far the session's hash chain was stored, and its digest there (SHA-256, hexadecimal)."""

    next_sequence: int
    digest: str


class SessionStatus(Part, frozen=True):
    """What became of it."""

    phase: str
    """Active, Completed, or Interrupted when the recorder died and the record may have a gap."""
    started_at: str
    """On the recorder's clock, RFC 3339 with microseconds."""
    bytes: ByteCounts
    findings: Findings
    clock_skew: str
    """The recorder's clock minus the collector's, as a duration such as -0.25s."""
    chain: ChainState
    recorder: str
    """Version of the recorder."""
    ended_at: str = ""
    duration: str = ""
    """As a duration such as 61.5s; absent while the session is active."""
    exit_code: int | UnsetType = UNSET
    """Of the main program, 128 + signal when a signal ended it; absent when it is not known."""
    partly_searchable: bool = False
    """A channel is so long that search sees only its beginning; replay shows all of it."""
    programs: int = 0
    """How many programs ran in it, the main one included."""
    untraced: str = ""
    """Why not all of them are recorded; absent when they are."""
    how: str = ""
    """How the session ended: exited, client-gone, idle-timeout and so on."""
    reason: str = ""


class Session(Part, frozen=True, omit_defaults=False):
    """One recorded session: an exec, or a container's own program."""

    metadata: ObjectMeta
    spec: SessionSpec
    status: SessionStatus
    api_version: str = API_VERSION
    kind: str = "Session"


class SessionList(Part, frozen=True, omit_defaults=False):
    """Sessions, newest first."""

    metadata: ListMeta
    items: list[Session]
    api_version: str = API_VERSION
    kind: str = "SessionList"


class Notice(Part, frozen=True, omit_defaults=False):
    """What a recorder reported outside any session, such as a grant that it refused."""

    metadata: ObjectMeta
    reason: str
    """recorder-started, recorder-stopped, recorder-failed, grant-refused or grant-replayed."""
    message: str
    pod: str
    pod_uid: str = msgspec.field(name="podUID")
    container: str
    session: str
    command: tuple[str, ...]
    """The command line concerned, masked."""
    at: str
    """On the recorder's clock."""
    api_version: str = API_VERSION
    kind: str = "Notice"


class NoticeList(Part, frozen=True, omit_defaults=False):
    """Notices, newest first."""

    metadata: ListMeta
    items: list[Notice]
    api_version: str = API_VERSION
    kind: str = "NoticeList"


class SearchSpec(Part, frozen=True):
    """What to look for: words or a "quoted phrase" in command lines and in what was shown or typed."""

    text: str
    user: str = ""
    pod: str = ""
    since: str = ""
    """Only sessions that started at or after this RFC 3339 time."""
    until: str = ""
    """Only sessions that started before this RFC 3339 time."""
    exit_code: int | UnsetType = UNSET
    """Only sessions whose command ended so."""
    failed: bool = False
    """Only sessions whose command ended with another exit code than 0."""
    finding: str = ""
    """Only sessions in which card data was masked: any, by a rule, or by rule/brand."""
    approved_by: str = ""
    """Only sessions that started by an approval of this user."""
    phase: str = ""
    """Only sessions in this phase."""
    limit: int = 100


class SearchHit(Part, frozen=True, omit_defaults=False):
    """Where the text was found."""

    session: Session
    channel: str
    """stdin, stdout or stderr; command for the session's command line, program for one that ran inside."""
    at: str
    """Since the session's start, as a duration; where to jump in the replay."""
    text: str
    highlight: list[list[int]]
    """Start and end of each match, in characters of the text."""


class SearchStatus(Part, frozen=True, omit_defaults=False):
    """What was found, in the newest session first."""

    hits: list[SearchHit]


class Search(Part, frozen=True, omit_defaults=False):
    """A question, and once created its answer; it is not kept."""

    spec: SearchSpec
    api_version: str = API_VERSION
    kind: str = "Search"
    metadata: dict[str, msgspec.Raw] = {}
    status: SearchStatus | UnsetType = UNSET


class SessionKillSpec(Part, frozen=True):
    """Why."""

    reason: str
    """For the client of the session and for the record."""


class SessionKillStatus(Part, frozen=True, omit_defaults=False):
    """What became of it."""

    ordered_at: str
    """From then on the recorder is told, as soon as it is connected."""


class SessionKill(Part, frozen=True, omit_defaults=False):
    """An order to end a session."""

    spec: SessionKillSpec
    api_version: str = API_VERSION
    kind: str = "SessionKill"
    metadata: dict[str, msgspec.Raw] = {}
    status: SessionKillStatus | UnsetType = UNSET


def rfc3339(unix_ns: int, *, timespec: str = "microseconds") -> str:
    """Give a moment in UTC, as in 2026-11-23T01:46:45.000000Z."""
    moment = datetime.fromtimestamp(unix_ns // _NANOSECONDS, UTC).replace(
        microsecond=unix_ns % _NANOSECONDS // 1000
    )
    return moment.isoformat(timespec=timespec).replace("+00:00", "Z")


def unix_nanoseconds(text: str) -> int:
    """Read an RFC 3339 time. Raises ValueError; a time without an offset is none."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"the time {text!r} has no offset from UTC")
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * _NANOSECONDS + since.microseconds * 1000


def nearest_moment(text: str) -> int:
    """Read an RFC 3339 time to ask a store by, which has 64 bits: the nearest there is. Raises ValueError."""
    return min(max(unix_nanoseconds(text), -(1 << 63)), (1 << 63) - 1)


def duration(nanoseconds: int) -> str:
    """Give a duration in seconds, as in 61.5s, which metav1.Duration reads."""
    text = f"{nanoseconds / _NANOSECONDS:.6f}".rstrip("0").rstrip(".")
    return f"{text}s"
