"""What came of trying the controls (PCI DSS 10.7.2). Pure."""

from collections.abc import Iterable
from typing import Final

from sidecar.contract.names import RECORDER_CONTAINER
from webhook.audit_api.objects import rfc3339
from webhook.journal.events import AuditEvent, Kind

CANARY_COLUMNS: Final = ("time (UTC)", "who", "where", "outcome", "what came of it", "entry")
NO_CANARY: Final = "No canary was sent in this time: nothing shows that the controls worked."


def canary_rows(events: Iterable[tuple[int, AuditEvent]]) -> list[tuple[str, ...]]:
    """Give a row for each canary, with the number of its entry."""
    return [
        (
            rfc3339(event.at),
            event.actor.username,
            place_of(event),
            event.outcome.value,
            event.reason,
            str(index),
        )
        for index, event in events
        if event.kind is Kind.CANARY
    ]


def place_of(event: AuditEvent) -> str:
    """Give what an event is about, in one line."""
    where = event.where
    return " ".join(part for part in (where.namespace, where.resource, where.name) if part)


def refused_to_canaries(events: Iterable[AuditEvent]) -> frozenset[str]:
    """Give the ids of refusals that canaries asked for: nobody has to look at these."""
    told = list(events)
    tried = {_who(event) for event in told if event.kind is Kind.CANARY}
    return frozenset(
        event.id
        for event in told
        if event.kind is Kind.DECISION
        and event.where.container == RECORDER_CONTAINER
        and _who(event) in tried
    )


def _who(event: AuditEvent) -> tuple[str, str, str]:
    return event.actor.username, event.where.namespace, event.where.name
