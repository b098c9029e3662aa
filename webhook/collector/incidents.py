"""Audit events of recorders' notices, so that they are in the ledger, in evidence, and told to people. Pure.

An event's id follows from the pod and the notice's own, so that a notice that comes again makes the same one.
"""

import hashlib
from typing import Final

import msgspec

from sidecar.contract.identifiers import RANDOM_BYTES, is_session_id, session_id
from sidecar.contract.sealing import Identity
from sidecar.contract.wire import NoticeKind
from webhook.journal.events import AuditEvent, Kind, Outcome, Where
from webhook.journal.lines import encode_event
from webhook.store.contract import PodNotice

RECORDER_USER: Final = "system:chaperone:recorder"
"""Who is said to have done what a recorder did by itself; the API server knows nobody of this name."""
_TIME_CHARACTERS: Final = 10
"""Of an id, in which its time is: the notice's own, for its moment may be another when it comes again."""
_CAME: Final = {
    NoticeKind.RECORDER_STARTED: (Kind.CONTROL_STARTED, Outcome.SUCCESS),
    NoticeKind.RECORDER_STOPPED: (Kind.CONTROL_STOPPED, Outcome.SUCCESS),
    NoticeKind.RECORDER_FAILED: (Kind.CONTROL_FAILED, Outcome.FAILURE),
    NoticeKind.RECORD_GAP: (Kind.CONTROL_FAILED, Outcome.FAILURE),
    NoticeKind.GRANT_REFUSED: (Kind.INCIDENT, Outcome.FAILURE),
    NoticeKind.GRANT_REPLAYED: (Kind.INCIDENT, Outcome.FAILURE),
    NoticeKind.RECORD_REFUSED: (Kind.INCIDENT, Outcome.FAILURE),
}

_decoder = msgspec.json.Decoder(AuditEvent)


def notice_event(kept: PodNotice) -> AuditEvent:
    """Give the event of a notice, cut to what an event may hold; its texts are to be masked."""
    notice = kept.notice
    kind, outcome = _CAME[notice.kind]
    same = hashlib.sha256(f"notice\0{kept.pod_uid}\0{notice.id}".encode()).digest()[:RANDOM_BYTES]
    where = Where(
        namespace=kept.namespace,
        resource="pods",
        name=kept.pod,
        uid=kept.pod_uid,
        container=notice.container,
    )
    event = AuditEvent(
        id=notice.id[:_TIME_CHARACTERS] + session_id(0, same)[_TIME_CHARACTERS:],
        at=notice.at,
        origin=kept.pod,
        kind=kind,
        outcome=outcome,
        actor=Identity(RECORDER_USER),
        where=where,
        asked=f"{notice.kind.value} by the recorder of pod {kept.namespace}/{kept.pod}",
        argv=notice.argv,
        reason=notice.reason,
        session=notice.session if is_session_id(notice.session) else "",
        details={"notice": notice.kind.value},
    )
    return _decoder.decode(encode_event(event))
