"""Legal holds as the store has them: told by its audit events."""

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from webhook.journal.events import AuditEvent, Kind
from webhook.journal.holds import Hold, holds_of
from webhook.store.audit import AuditQuery, AuditStore

_PAGE: Final = 500


def all_holds(store: AuditStore) -> list[Hold]:
    """Give all holds, newest first, also those that were released. Raises StoreError."""
    return holds_of(
        event
        for kind in (Kind.HOLD_SET, Kind.HOLD_RELEASED)
        for event in all_events(store, AuditQuery(kind=kind))
    )


def all_events(store: AuditStore, query: AuditQuery) -> Iterator[AuditEvent]:
    """Give all events of a query, page by page, newest first."""
    query = replace(query, limit=_PAGE)
    while True:
        page = store.audit_events(query)
        yield from (kept.event for kept in page)
        if len(page) < _PAGE:
            return
        query = replace(query, before=page[-1].place)
