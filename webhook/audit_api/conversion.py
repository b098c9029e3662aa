"""How a stored session becomes an object of the API."""

import re
from typing import Final

from msgspec import UNSET

from sidecar.contract.names import API_GROUP
from webhook.audit_api.objects import (
    ByteCounts,
    ChainState,
    Findings,
    Masking,
    Notice,
    ObjectMeta,
    Session,
    SessionDecision,
    SessionSpec,
    SessionStatus,
    TerminalSize,
    User,
    duration,
    rfc3339,
)
from webhook.store.contract import PodNotice, SessionRecord

POD_LABEL: Final = f"{API_GROUP}/pod"
CONTAINER_LABEL: Final = f"{API_GROUP}/container"
_LABEL_VALUE: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")


def session_object(record: SessionRecord) -> Session:
    """Give the API's object for a stored session."""
    return Session(metadata=_metadata(record), spec=_spec(record), status=_status(record))


def notice_object(kept: PodNotice) -> Notice:
    """Give the API's object for a recorder's notice."""
    notice = kept.notice
    return Notice(
        metadata=ObjectMeta(
            name=notice.id,
            namespace=kept.namespace,
            uid=notice.id,
            resource_version=str(kept.received_at),
            creation_timestamp=rfc3339(kept.received_at, timespec="seconds"),
        ),
        reason=notice.kind.value,
        message=notice.reason,
        pod=kept.pod,
        pod_uid=kept.pod_uid,
        container=notice.container,
        session=notice.session,
        command=notice.argv,
        at=rfc3339(notice.at),
    )


def _metadata(record: SessionRecord) -> ObjectMeta:
    labels = {POD_LABEL: record.pod, CONTAINER_LABEL: record.container}
    return ObjectMeta(
        name=record.session,
        namespace=record.namespace,
        uid=record.session,
        resource_version=str(record.updated_at),
        creation_timestamp=rfc3339(record.started_at - record.clock_skew, timespec="seconds"),
        labels={name: value for name, value in labels.items() if _LABEL_VALUE.fullmatch(value)},
    )


def _spec(record: SessionRecord) -> SessionSpec:
    identity, decision = record.identity, record.decision
    return SessionSpec(
        user=User(identity.username, identity.uid, identity.groups, identity.extra),
        pod=record.pod,
        pod_uid=record.pod_uid,
        node=record.node,
        container=record.container,
        command=record.argv,
        tty=record.tty,
        stdin=record.stdin,
        terminal=TerminalSize(record.rows, record.cols) if record.tty else UNSET,
        kind=record.kind.value,
        without_content=not record.content,
        resumed=record.resumed,
        previous=record.previous,
        masking=Masking(record.profile, record.masking),
        decision=SessionDecision(
            action=decision.action,
            policy=decision.policy,
            rule=decision.rule,
            request_uid=decision.request_uid,
            decided_at=rfc3339(decision.decided_at),
            approval=decision.approval or "",
            would=decision.would or "",
        ),
    )


def _status(record: SessionRecord) -> SessionStatus:
    ended = record.ended_at
    return SessionStatus(
        phase=record.phase.value,
        started_at=rfc3339(record.started_at),
        ended_at="" if ended is None else rfc3339(ended),
        duration="" if ended is None else duration(max(0, ended - record.started_at)),
        exit_code=UNSET if record.exit_code is None else record.exit_code,
        partly_searchable=not record.searchable,
        programs=record.programs,
        untraced=record.untraced,
        how="" if record.how is None else record.how.value,
        reason=record.reason,
        bytes=ByteCounts(record.stdin_bytes, record.stdout_bytes, record.stderr_bytes),
        findings=Findings(sum(record.findings.values()), record.findings),
        clock_skew=duration(record.clock_skew),
        chain=ChainState(record.next_sequence, record.digest.hex()),
        recorder=record.recorder,
    )
