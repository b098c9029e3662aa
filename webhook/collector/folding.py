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
    Held,
    Program,
    Redacted,
    Resize,
    SessionStart,
    Untraced,
)
from sidecar.contract.frames import Chain
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
    )


def fold(record: SessionRecord, event: Event) -> SessionRecord:
    """Give the record after one more event. Raises EventError when the event cannot follow.

    Bytes, findings and programs are counted here, from the frames that are kept. What End claims is used
    only for findings beyond those that are recorded one by one.
    """
    if record.how is not None:
        raise EventError("an event follows the end of the session")
    match event:
        case Data(_, channel, data):
            return _count(record, channel, len(data))
        case Resize(_, rows, cols):
            return _resize(record, rows, cols)
        case Found(_, _, rule, brand):
            return _find(record, f"{rule}/{brand}")
        case Program() | Untraced() | Exit():
            return _note(record, event)
        case Redacted() | Held():
            return record
        case End(at, how, reason, findings=claimed):
            phase = Phase.INTERRUPTED if how is Ending.INTERRUPTED else Phase.COMPLETED
            return msgspec.structs.replace(
                record,
                phase=phase,
                how=how,
                reason=reason,
                ended_at=record.started_at + at,
                findings=_all_findings(record.findings, claimed),
            )
        case SessionStart():
            raise EventError("the session starts a second time")


def _note(record: SessionRecord, event: Program | Untraced | Exit) -> SessionRecord:
    match event:
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
            sound &= _is_size(rows, cols) and max(map(len, _names(event))) <= _MAX_NAME
            sound &= sum(map(len, event.argv)) <= _MAX_ARGV
        case Resize(_, rows, cols):
            sound &= _is_size(rows, cols)
        case Found(_, _, rule, brand, offset, length):
            sound &= len(rule) + len(brand) <= _MAX_NAME and 0 <= offset < _MAX_NANOSECONDS and length >= 0
        case Program():
            sound &= all(0 <= number <= _MAX_NUMBER for number in (event.pid, event.parent, event.uid))
            sound &= _is_command(event.executable, event.argv) and len(event.cwd) <= _MAX_PATH
            sound &= len(event.denied) <= _MAX_NAME
            sound &= sum(map(len, event.approvals)) <= _MAX_CELLS
        case Held(_, rule, approval, executable, argv, wait_seconds):
            sound &= len(rule) + len(approval) <= _MAX_NAME and 0 <= wait_seconds <= _MAX_CELLS
            sound &= _is_command(executable, argv)
        case Untraced(reason=reason):
            sound &= len(reason) <= _MAX_NAME
        case Exit(_, code, signal):
            sound &= 0 <= code <= 255 and 0 <= signal <= 255
        case End(how=how, reason=reason, findings=findings, programs=programs):
            sound &= how is not Ending.LOST and 0 <= programs < _MAX_NANOSECONDS
            sound &= len(reason) <= _MAX_CELLS and len(findings) <= _MAX_KINDS
            sound &= all(len(kind) <= _MAX_NAME and 0 <= n < _MAX_NANOSECONDS for kind, n in findings.items())
    if not sound:
        raise EventError(f"an event of kind {type(event).__name__} holds an impossible value")


def check_wanted(wanted: ApprovalWanted) -> None:
    """Raise EventError when an approval is wanted for what no honest recorder asks."""
    sound = 1 <= wanted.program <= MAX_PROGRAM_EVENTS and 1 <= wanted.turn <= _MAX_NAME
    if not (sound and _is_command(wanted.executable, wanted.argv)):
        raise EventError("an approval is wanted with an impossible value")


def _is_command(executable: str, argv: tuple[str, ...]) -> bool:
    size = sum(map(len, argv)) + len(argv)
    return len(executable) <= _MAX_PATH and size <= MAX_PROGRAM_ARGV_BYTES + 1


def _is_size(rows: int, cols: int) -> bool:
    return 0 <= rows <= _MAX_CELLS and 0 <= cols <= _MAX_CELLS


def _names(start: SessionStart) -> tuple[str, ...]:
    """Give what comes from the recorder alone; the rest must agree with the grant."""
    return start.node, start.masking, start.recorder


def _count(record: SessionRecord, channel: Channel, count: int) -> SessionRecord:
    match channel:
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


def _all_findings(counted: dict[str, int], claimed: dict[str, int]) -> dict[str, int]:
    """Give the counts of the session's end where more was found than is recorded one by one."""
    if sum(counted.values()) < MAX_FOUND_EVENTS:
        return counted
    merged = {kind: max(counted.get(kind, 0), claimed.get(kind, 0)) for kind in (*counted, *claimed)}
    if len(merged) > _MAX_KINDS:
        raise EventError("the session has too many kinds of findings")
    return merged
