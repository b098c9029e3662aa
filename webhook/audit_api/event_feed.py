"""What a watch tells of audit events: those there are, then every new one. Events never change."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import ClassVar, Final

import msgspec

from webhook.audit_api.event_listing import query_of
from webhook.audit_api.event_objects import AuditEvent, event_object
from webhook.audit_api.event_table import event_table
from webhook.audit_api.objects import ListMeta
from webhook.audit_api.requests import ListRequest
from webhook.audit_api.stream import Told
from webhook.audit_api.threads import Threads, pages
from webhook.audit_api.watching import OVERLAP, EventType, parse_resource_version
from webhook.store.audit import KeptEvent
from webhook.store.contract import Store

_PAGE: Final = 500


class EventFeed:
    """Audit events for one watch. ``clock`` gives Unix nanoseconds."""

    kind: ClassVar = "AuditEvent"
    called: ClassVar = "audit events"

    def __init__(
        self,
        store: Store,
        threads: Threads,
        *,
        asked: ListRequest,
        namespace: str | None,
        clock: Callable[[], int],
    ) -> None:
        """Take what is asked for. Raises ApiError when its resource version is none."""
        since = parse_resource_version(asked.resource_version)
        self.begins_with_all = since is None or asked.initial_events
        self.position = clock() if since is None else since
        """Up to where the watcher has been told."""
        self._known_before = -1 if since is None or asked.initial_events else since
        self._store = store
        self._threads = threads
        self._asked = asked
        self._namespace = namespace
        self._clock = clock
        self._recent: dict[str, int] = {}

    async def present(self) -> AsyncIterator[Told]:
        """Give the events there are."""
        query = query_of(self._namespace, self._asked, _PAGE)
        if query is None:
            return

        def page(last: KeptEvent | None) -> list[KeptEvent]:
            before = last.place if last is not None else None
            return self._store.audit_events(msgspec.structs.replace(query, before=before))

        async for kept in pages(self._threads, page, limit=_PAGE):
            for told in self._added(kept):
                yield told

    async def arrived(self) -> AsyncIterator[Told]:
        """Give the events that came since the last time."""
        start = self.position - OVERLAP

        def page(last: KeptEvent | None) -> list[KeptEvent]:
            after = last.received_at if last is not None else start
            return self._store.audit_events_since(after=after, namespace=self._namespace, limit=_PAGE)

        async for kept in pages(self._threads, page, limit=_PAGE):
            for told in self._added(kept):
                yield told
        after = self.position - OVERLAP
        self._recent = {name: at for name, at in self._recent.items() if at >= after}

    def table(self, found: AuditEvent, *, with_columns: bool) -> object:
        """Give one event as a table."""
        return event_table(
            [found],
            ListMeta(found.metadata.resource_version),
            now=self._clock(),
            include=self._asked.include,
            with_columns=with_columns,
        )

    def _added(self, kept: Iterable[KeptEvent]) -> Iterator[Told]:
        """Give each event that was not given before, nor known to the watcher from the start."""
        for one in kept:
            if one.event.id in self._recent or one.received_at <= self._known_before:
                continue
            self._recent[one.event.id] = one.received_at
            self.position = max(self.position, one.received_at)
            event = event_object(one)
            if self._asked.selectors.match(event):
                yield EventType.ADDED, event
