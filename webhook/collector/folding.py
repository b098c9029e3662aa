"""A session's record, event by event. Pure."""

from typing import Final

import msgspec

from sidecar.contract.errors import CallerError
from sidecar.contract.events import (
    MAX_DATA_BYTES,
    MAX_FOUND_EVENTS,
    MAX_PROGRAM_ARGV_BYTES,
    MAX_PROGRAM_EVENTS,
    Channel,
    Data,
    End,
    Ending,
    Event,
    Exit,
    Found,
    Gap,
    Held,
    Program,
    Redacted,
    Resize,
    SessionKind,
    SessionStart,
    Tally,
    Untraced,
)
from sidecar.contract.frames import Chain
from sidecar.contract.identifiers import is_session_id
from sidecar.contract.sealing import Sealed
from sidecar.contract.wire import ApprovalWanted
from webhook.store.contract import Phase, SessionRecord

_MAX_NANOSECONDS: Final = 1 << 62
"""Of a time since 1970 or since a session began; sums of two stay within 64 bits."""
_MAX_CELLS: Final = 65535
_MAX_KINDS: Final = 256
"""Kinds of findings counted in one session."""
_MAX_NAME: Final = 512
_MAX_ARGV: Final = 512 * 1024
_MAX_PATH: Final = 4 * 4096
_MAX_NUMBER: Final = (1 << 32) - 1
"""Of a process or a user."""


class EventError(CallerError):
    """An event that no honest recorder sends, here or at all."""


def begin(start: SessionStart, sealed: Sealed, *, clock_skew: int) -> SessionRecord:
    """Give the record of a session before its first frame."""
    return SessionRecord(
        session=start.session,
        namespace=start.namespace,
        pod=start.pod,
        pod_uid=start.pod_uid,
        container=start.container,
        node=start.node,
        identity=sealed.identity,
        decision=sealed.decision,
        argv=start.argv,
        tty=start.tty,
        stdin=start.stdin,
        rows=start.rows,
        cols=start.cols,
        profile=start.profile,
        masking=start.masking,
        recorder=start.recorder,
        grant_digest=start.grant_digest,
        started_at=start.started_at,
        clock_skew=clock_skew,
        updated_at=0,
        next_sequence=0,
        digest=Chain(start.session).digest,
        kind=start.kind,
        content=start.content,
        resumed=start.resumed,
        previous=start.previous,
    )


def fold(record: SessionRecord, event: Event) -> SessionRecord:
    """Give the record after one more event. Raises EventError when the event cannot follow.

    Bytes, findings and programs are counted here, from the frames that are kept. What End and Tally claim is
    used only for findings beyond those that are recorded one by one, and where there is no content.
    """
    if record.how is not None:
        raise EventError("an event follows the end of the session")
    match event:
        case Data():
            return _count(record, event)
        case Resize(_, rows, cols):
            return _resize(record, rows, cols)
        case Found(_, _, rule, brand):
            return _find(record, f"{rule}/{brand}")
        case Program() | Untraced() | Exit() | Tally():
            return _note(record, event)
        case Redacted() | Held() | Gap():
            return record
        case End(at, how, reason):
            phase = Phase.INTERRUPTED if how is Ending.INTERRUPTED else Phase.COMPLETED
            return msgspec.structs.replace(
                _tell(record, event),
                phase=phase,
                how=how,
                reason=reason,
                ended_at=record.started_at + at,
            )
        case SessionStart():
            raise EventError("the session starts a second time")


def _note(record: SessionRecord, event: Program | Untraced | Exit | Tally) -> SessionRecord:
    match event:
        case Tally():
            return _tell(record, event)
        case Program():
            return msgspec.structs.replace(record, programs=record.programs + 1)
        case Untraced(_, reason):
            return msgspec.structs.replace(record, untraced=record.untraced or reason)
        case Exit(_, code):
            return msgspec.structs.replace(record, exit_code=code)


def check(event: Event) -> None:
    """Raise EventError when a value lies outside what can be true or kept."""
    time = event.started_at if isinstance(event, SessionStart) else event.at
    sound = 0 <= time < _MAX_NANOSECONDS
    match event:
        case Redacted():
            pass
        case Data(_, _, data):
            sound &= len(data) <= MAX_DATA_BYTES
        case SessionStart(rows=rows, cols=cols):
            sound &= _is_size(rows, cols) and all(map(_is_name, _names(event)))
            sound &= sum(map(len, event.argv)) <= _MAX_ARGV
            sound &= not event.previous or is_session_id(event.previous)
        case Resize(_, rows, cols):
            sound &= _is_size(rows, cols)
        case Found(_, _, rule, brand, offset, length):
            sound &= _is_name(rule + brand) and 0 <= offset < _MAX_NANOSECONDS and length >= 0
        case Program():
            sound &= all(0 <= number <= _MAX_NUMBER for number in (event.pid, event.parent, event.uid))
            sound &= _is_command(event.executable, event.argv) and len(event.cwd) <= _MAX_PATH
            sound &= _is_name(event.denied)
            sound &= sum(map(len, event.approvals)) <= _MAX_CELLS and all(map(_is_name, event.approvals))
        case Held(_, rule, approval, executable, argv, wait_seconds):
            sound &= _is_name(rule + approval) and 0 <= wait_seconds <= _MAX_CELLS
            sound &= _is_command(executable, argv)
        case Untraced(reason=reason):
            sound &= _is_name(reason)
        case Gap(left_out=left_out):
            sound &= 0 <= left_out < _MAX_NANOSECONDS
        case Exit(_, code, signal):
            sound &= 0 <= code <= 255 and 0 <= signal <= 255
        case Tally() | End():
            sound &= _are_counts(event)
    if not sound:
        raise EventError(f"an event of kind {type(event).__name__} holds an impossible value")


def check_wanted(wanted: ApprovalWanted) -> None:
    """Raise EventError when an approval is wanted for what no honest recorder asks."""
    sound = 1 <= wanted.program <= MAX_PROGRAM_EVENTS and 1 <= wanted.turn <= _MAX_NAME
    sound &= len(wanted.cwd) <= _MAX_PATH and 0 <= (wanted.uid or 0) <= _MAX_NUMBER
    if not (sound and _is_command(wanted.executable, wanted.argv)):
        raise EventError("an approval is wanted with an impossible value")


def _are_counts(event: Tally | End) -> bool:
    counts = (event.stdin_bytes, event.stdout_bytes, event.stderr_bytes, *event.findings.values())
    sound = all(0 <= count < _MAX_NANOSECONDS for count in counts) and len(event.findings) <= _MAX_KINDS
    sound &= all(map(_is_name, event.findings))
    if isinstance(event, End):
        sound &= event.how is not Ending.LOST and 0 <= event.programs < _MAX_NANOSECONDS
        sound &= len(event.reason) <= _MAX_CELLS
    return sound


def _is_command(executable: str, argv: tuple[str, ...]) -> bool:
    size = sum(map(len, argv)) + len(argv)
    return len(executable) <= _MAX_PATH and size <= MAX_PROGRAM_ARGV_BYTES + 1


def _is_name(name: str) -> bool:
    """Tell whether something could be called so: what is no text on one line forges a row somewhere."""
    return len(name) <= _MAX_NAME and name.isprintable()


def _is_size(rows: int, cols: int) -> bool:
    return 0 <= rows <= _MAX_CELLS and 0 <= cols <= _MAX_CELLS


def _names(start: SessionStart) -> tuple[str, ...]:
    """Give what comes from the recorder alone; the rest must agree with the grant."""
    return start.node, start.masking, start.recorder


def _count(record: SessionRecord, data: Data) -> SessionRecord:
    if not record.content:
        raise EventError("there is data in a session that is recorded without")
    count = len(data.data)
    match data.channel:
        case Channel.STDIN:
            return msgspec.structs.replace(record, stdin_bytes=record.stdin_bytes + count)
        case Channel.STDOUT:
            return msgspec.structs.replace(record, stdout_bytes=record.stdout_bytes + count)
        case Channel.STDERR:
            return msgspec.structs.replace(record, stderr_bytes=record.stderr_bytes + count)


def _resize(record: SessionRecord, rows: int, cols: int) -> SessionRecord:
    """Keep the first size that is one: a terminal may start without."""
    if record.rows and record.cols:
        return record
    return msgspec.structs.replace(record, rows=rows, cols=cols)


def _find(record: SessionRecord, kind: str) -> SessionRecord:
    if kind not in record.findings and len(record.findings) >= _MAX_KINDS:
        raise EventError("the session has too many kinds of findings")
    return msgspec.structs.replace(
        record, findings={**record.findings, kind: record.findings.get(kind, 0) + 1}
    )


def _tell(record: SessionRecord, told: Tally | End) -> SessionRecord:
    """Take the recorder's counts of what is not recorded itself; they do not go back."""
    findings = _all_findings(record, told.findings)
    if record.content:
        return msgspec.structs.replace(record, findings=findings)
    return msgspec.structs.replace(
        record,
        findings=findings,
        stdin_bytes=max(record.stdin_bytes, told.stdin_bytes),
        stdout_bytes=max(record.stdout_bytes, told.stdout_bytes),
        stderr_bytes=max(record.stderr_bytes, told.stderr_bytes),
    )


def _all_findings(record: SessionRecord, claimed: dict[str, int]) -> dict[str, int]:
    """Give the recorder's counts where more was found than is recorded one by one."""
    counted = record.findings
    if record.kind is SessionKind.EXEC and sum(counted.values()) < MAX_FOUND_EVENTS:
        return counted
    merged = {kind: max(counted.get(kind, 0), claimed.get(kind, 0)) for kind in (*counted, *claimed)}
    if len(merged) > _MAX_KINDS:
        raise EventError("the session has too many kinds of findings")
    return merged
