"""One watch of audit events being served: what there is, then every new one, as lines of JSON."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator

import msgspec

from sidecar.contract.names import AUDIT_GROUP
from webhook.audit_api.changes import Changes
from webhook.audit_api.errors import ApiError, Reason, status_of
from webhook.audit_api.event_listing import query_of
from webhook.audit_api.event_objects import AuditEvent, event_object
from webhook.audit_api.event_table import event_table
from webhook.audit_api.objects import ListMeta
from webhook.audit_api.requests import Form, ListRequest
from webhook.audit_api.stream import (
    BOOKMARK_SECONDS,
    INITIAL_END,
    PAGE,
    PAUSE_SECONDS,
    POLL_SECONDS,
    bookmark,
    watch_line,
)
from webhook.audit_api.threads import Threads
from webhook.audit_api.watching import OVERLAP, EventType, parse_resource_version
from webhook.store.audit import KeptEvent, Place
from webhook.store.contract import Store, StoreError

_SECOND = 1_000_000_000


class EventStream:
    """Serves one watch until its time is over or the client leaves. Events never change, so all are added."""

    def __init__(
        self,
        store: Store,
        changes: Changes,
        threads: Threads,
        *,
        asked: ListRequest,
        namespace: str | None,
        form: Form,
        clock: Callable[[], int],
    ) -> None:
        self._store = store
        self._changes = changes
        self._threads = threads
        self._asked = asked
        self._namespace = namespace
        self._form = form
        self._clock = clock
        self._columns_sent = False
        self._since = parse_resource_version(asked.resource_version)
        self._position = clock() if self._since is None else self._since
        self._recent: dict[str, int] = {}

    async def lines(self) -> AsyncIterator[bytes]:
        """Give the watch's events."""
        now = self._clock()
        try:
            async for line in self._initial(now):
                yield line
            async for line in self._arriving(now + self._asked.timeout * _SECOND):
                yield line
        except StoreError:
            error = ApiError(Reason.UNAVAILABLE, "the store of audit events does not answer; watch again")
            yield watch_line(EventType.ERROR, status_of(error, group=AUDIT_GROUP))

    async def _initial(self, now: int) -> AsyncIterator[bytes]:
        if self._since is not None and not self._asked.initial_events:
            return
        before: Place | None = None
        query = query_of(self._namespace, self._asked, PAGE)
        while query is not None:
            kept = await self._threads.run(
                self._store.audit_events, msgspec.structs.replace(query, before=before)
            )
            for line in self._added(kept):
                yield line
            if len(kept) < PAGE:
                break
            before = kept[-1].place
        if self._asked.initial_events:
            yield bookmark("AuditEvent", now, INITIAL_END)

    async def _arriving(self, until: int) -> AsyncIterator[bytes]:
        bookmarked = self._clock()
        while (now := self._clock()) < until:
            async for kept in self._received(self._position - OVERLAP):
                for line in self._added(kept):
                    yield line
            self._forget()
            if self._asked.bookmarks and now - bookmarked > BOOKMARK_SECONDS * _SECOND:
                bookmarked = now
                yield bookmark("AuditEvent", self._position, {})
            await asyncio.sleep(PAUSE_SECONDS)
            seen = max(self._position, now - OVERLAP)
            await self._changes.wait(seen, min((until - now) / _SECOND, POLL_SECONDS))

    async def _received(self, after: int) -> AsyncIterator[list[KeptEvent]]:
        while True:
            kept = await self._threads.run(
                self._store.audit_events_since, after=after, namespace=self._namespace, limit=PAGE
            )
            yield kept
            if len(kept) < PAGE:
                return
            after = kept[-1].received_at

    def _added(self, kept: Iterable[KeptEvent]) -> Iterator[bytes]:
        """Give a line for each event that was not given before."""
        for one in kept:
            if one.event.id in self._recent or self._is_old(one):
                continue
            self._recent[one.event.id] = one.received_at
            self._position = max(self._position, one.received_at)
            event = event_object(one)
            if self._asked.selectors.match(event):
                yield watch_line(EventType.ADDED, self._shown(event))

    def _is_old(self, kept: KeptEvent) -> bool:
        """Tell whether an event was there at the resource version that the client has."""
        return self._since is not None and not self._asked.initial_events and kept.received_at <= self._since

    def _forget(self) -> None:
        after = self._position - OVERLAP
        self._recent = {name: at for name, at in self._recent.items() if at >= after}

    def _shown(self, event: AuditEvent) -> object:
        if self._form is Form.OBJECT:
            return event
        table = event_table(
            [event],
            ListMeta(event.metadata.resource_version),
            now=self._clock(),
            include=self._asked.include,
            with_columns=not self._columns_sent,
        )
        self._columns_sent = True
        return table
