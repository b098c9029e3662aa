"""What a process that ended had not told: found in the record by the next one."""

from collections.abc import Iterable
from typing import Final

from webhook.journal.events import AuditEvent, Kind
from webhook.notifications.terms import NEVER
from webhook.store.audit import AuditQuery, AuditStore

AGAIN: Final = "again"
"""Key of details that says that a notification was given up only because its process ended."""
_OUTCOMES: Final = (Kind.NOTIFICATION_SENT, Kind.NOTIFICATION_FAILED)
_MOST: Final = 500
"""Of each kind."""


def recent(store: AuditStore, since: int) -> list[AuditEvent]:
    """Give what happened since (Unix nanoseconds) and can be told, and what came of telling it, oldest first.

    Blocks; raises StoreError.
    """
    kinds = [kind for kind in Kind if kind not in NEVER] + list(_OUTCOMES)
    found = [
        kept.event
        for kind in kinds
        for kept in store.audit_events(AuditQuery(kind=kind, since=since, limit=_MOST))
    ]
    return sorted(found, key=lambda event: (event.at, event.id))


def told(events: Iterable[AuditEvent]) -> set[tuple[str, str]]:
    """Give of which events which receivers were told, or could not be: ids and names."""
    return {
        (event.details.get("about", ""), event.details.get("receiver", ""))
        for event in events
        if event.kind in _OUTCOMES and AGAIN not in event.details
    }
