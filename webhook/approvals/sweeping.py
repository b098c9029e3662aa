"""Noting that the time of requests has passed, and removing those that were over long ago."""

import datetime as dt
from collections.abc import Iterable

from webhook.approvals import lifecycle, telling
from webhook.approvals.objects import ApprovalRequest
from webhook.approvals.telling import Source
from webhook.approvals.tickets import Tickets
from webhook.journal.journal import Journal


def sweep(
    known: Iterable[ApprovalRequest],
    tickets: Tickets,
    *,
    now: dt.datetime,
    retention: dt.timedelta,
    journal: Journal,
    source: Source,
) -> None:
    """Go through all requests. Blocks; raises ClusterError.

    Every replica does so; the one whose write is taken tells, once. A glass that was broken and not used is
    told of before, as the journal may have been full when it was broken; told twice it is the same event.
    """
    for ticket in known:
        status = lifecycle.expired(ticket, now)
        if status is not None and lifecycle.broke_unasked(ticket):
            journal.note(telling.decided(source, ticket, telling.identity_of(ticket.spec.requester), ""))
        if status is not None and tickets.update(ticket, status):
            journal.note(telling.expired(source, ticket, now))
        elif lifecycle.removable(ticket, now, retention) and tickets.remove(ticket):
            journal.note(telling.removed(source, ticket, None, now))
