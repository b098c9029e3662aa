"""What an approval request itself knows of its past, told again. Pure.

A replica's journal goes with its pod. What such a pod had not sent is told by those who start; what is known
already is the same event.
"""

import datetime as dt
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from webhook.approvals import telling
from webhook.approvals.approvers import missing
from webhook.approvals.objects import ApprovalRequest, Phase, ReviewState, Status, Verdict
from webhook.approvals.telling import Source, identity_of
from webhook.journal.events import AuditEvent

_NS = 10**9


def told_again(known: Iterable[ApprovalRequest], source: Source, since: dt.datetime) -> Iterator[AuditEvent]:
    """Give the audit events of what happened to requests since a moment."""
    for ticket in known:
        for moment, event in _past(ticket, source):
            if moment >= since:
                yield replace(event, at=int(moment.timestamp()) * _NS)


def _past(ticket: ApprovalRequest, source: Source) -> Iterator[tuple[dt.datetime, AuditEvent]]:
    status, asked_at = ticket.status, ticket.metadata.creation_timestamp
    if asked_at is not None:
        yield asked_at, telling.asked(source, ticket, identity_of(ticket.spec.requester), "")
    for count, decided in enumerate(status.decisions, 1):
        after = replace(ticket, status=_after(ticket, count))
        yield decided.at, telling.decided(source, after, identity_of(decided.by), "")
    use, review = status.use, status.review
    if status.phase is Phase.USED and use is not None:
        yield use.at, telling.used(source, ticket, use.session, use.request)
    if review is not None and review.state is ReviewState.DONE and review.by is not None and review.at:
        yield review.at, telling.reviewed(source, ticket, identity_of(review.by), "")
    if status.phase is Phase.EXPIRED and status.conditions:
        at, phase = (
            status.conditions[0].last_transition_time,
            Phase.APPROVED if status.decisions else Phase.PENDING,
        )
        before = replace(ticket, status=replace(status, phase=phase))
        yield at, telling.expired(source, before, at)


def _after(ticket: ApprovalRequest, count: int) -> Status:
    """Give the status after so many verdicts."""
    status = replace(ticket.status, decisions=ticket.status.decisions[:count])
    last = status.decisions[-1].verdict
    if last is Verdict.DENY:
        return replace(status, phase=Phase.DENIED)
    still = last is Verdict.APPROVE and missing(ticket.spec.approval, status.decisions) > 0
    return replace(status, phase=Phase.PENDING if still else Phase.APPROVED)
