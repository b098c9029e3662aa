"""Audit events that an admission replica sends: which are taken. No I/O."""

import hashlib
from typing import Final

import msgspec

from sidecar.contract.errors import CallerError
from sidecar.contract.identifiers import RANDOM_BYTES, is_session_id, session_id
from sidecar.contract.wire import Notice, NoticeKind
from webhook.collector.proving import PodIdentity
from webhook.journal.events import AuditEvent, Kind
from webhook.journal.lines import MAX_EVENT_BYTES
from webhook.store.contract import PodNotice

MAX_BATCH_BYTES: Final = 1024 * 1024
_MAX_TIME: Final = 1 << 62
_HOUR_MS: Final = 3_600_000
_COLLECTORS: Final = frozenset(
    {
        Kind.RECORD_READ,
        Kind.INCIDENT,
        Kind.CANARY,
        Kind.SESSION_FINDING,
        Kind.SESSION_KILLED,
        Kind.SESSION_LOST,
    }
)
"""Nobody else has a session ended, or says that somebody read."""
_NS_PER_MS: Final = 1_000_000

_decoder = msgspec.json.Decoder(AuditEvent)


class Batch(msgspec.Struct, frozen=True):
    """What a sender's events are worth."""

    events: list[AuditEvent]
    """To be stored."""
    refused: dict[int, str]
    """Places and reasons of those that are not taken."""


def judge(body: bytes, sender: PodIdentity) -> Batch:
    """Read a batch: one event a line, as JSON."""
    events: list[AuditEvent] = []
    refused: dict[int, str] = {}
    for place, line in enumerate(body.split(b"\n") if body else ()):
        try:
            events.append(_checked(line, sender))
        except CallerError as error:
            refused[place] = str(error)
    return Batch(events, refused)


def refusal_notice(sender: PodIdentity, reason: str, *, now: int) -> PodNotice:
    """Give the notice of a sender that is not believed; within an hour the same reason is the same notice.

    ``now`` is in Unix nanoseconds.
    """
    hour = now // _NS_PER_MS // _HOUR_MS * _HOUR_MS
    same = hashlib.sha256(f"{sender.uid}\0audit\0{reason}".encode()).digest()[:RANDOM_BYTES]
    notice = Notice(session_id(hour, same), now, NoticeKind.RECORD_REFUSED, reason=reason)
    return PodNotice(sender.namespace, sender.pod, sender.uid, now, notice)


def _checked(line: bytes, sender: PodIdentity) -> AuditEvent:
    if len(line) > MAX_EVENT_BYTES:
        raise CallerError(f"an audit event is larger than {MAX_EVENT_BYTES} bytes")
    try:
        event = _decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise CallerError(
            "an audit event does not follow the schema; is its sender of another version?"
        ) from None
    if not is_session_id(event.id) or not 0 <= event.at < _MAX_TIME:
        raise CallerError("an audit event has an impossible id or time")
    if event.kind in _COLLECTORS:
        raise CallerError("an audit event is of a kind that collectors alone make")
    if event.origin != sender.pod:
        raise CallerError("an audit event is of another pod than sends it")
    return event
