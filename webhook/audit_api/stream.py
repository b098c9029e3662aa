"""One watch being served: what there is, then every change, as lines of JSON."""

import asyncio
from collections.abc import AsyncIterator, Callable

import msgspec

from sidecar.contract.names import AUDIT_GROUP
from webhook.audit_api.changes import Changes
from webhook.audit_api.conversion import session_object
from webhook.audit_api.errors import ApiError, Reason, status_of
from webhook.audit_api.objects import API_VERSION, ListMeta, Session
from webhook.audit_api.requests import Form, ListRequest
from webhook.audit_api.table import session_table
from webhook.audit_api.threads import Threads
from webhook.audit_api.watching import OVERLAP, Change, EventType, Watcher, parse_resource_version
from webhook.store.contract import Query, SessionRecord, Store, StoreError

BOOKMARK_SECONDS = 60.0
INITIAL_END = {"k8s.io/initial-events-end": "true"}
PAGE = 500
PAUSE_SECONDS = 0.25
"""Shortest time between two looks; a busy session is one event each time, whatever happened in it."""
POLL_SECONDS = 5.0
"""Longest time between two looks: another replica's changes are not announced here."""
_SECOND = 1_000_000_000


class WatchStream:
    """Serves one watch until its time is over or the client leaves."""

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

    async def lines(self) -> AsyncIterator[bytes]:
        """Give the watch's events."""
        now = self._clock()
        watcher = Watcher(self._asked.selectors, now if self._since is None else self._since)
        try:
            async for line in self._initial(watcher, now):
                yield line
            async for line in self._changing(watcher, now + self._asked.timeout * _SECOND):
                yield line
        except StoreError:
            error = ApiError(Reason.UNAVAILABLE, "the store of sessions does not answer; watch again")
            yield watch_line(EventType.ERROR, status_of(error, group=AUDIT_GROUP))

    async def _initial(self, watcher: Watcher, now: int) -> AsyncIterator[bytes]:
        if self._since is not None and not self._asked.initial_events:
            return
        before: str | None = None
        while True:
            query = Query(namespace=self._namespace, limit=PAGE, before=before)
            records = await self._threads.run(self._store.sessions, query)
            watcher.know(records)
            for session in map(session_object, records):
                if self._asked.selectors.match(session):
                    yield self._event(Change(EventType.ADDED, session))
            if len(records) < PAGE:
                break
            before = records[-1].session
        if self._asked.initial_events:
            yield bookmark("Session", now, INITIAL_END)

    async def _changing(self, watcher: Watcher, until: int) -> AsyncIterator[bytes]:
        bookmarked = self._clock()
        while (now := self._clock()) < until:
            async for records in self._changed(watcher.after):
                for change in watcher.feed(records):
                    yield self._event(change)
            if self._asked.bookmarks and now - bookmarked > BOOKMARK_SECONDS * _SECOND:
                bookmarked = now
                yield bookmark("Session", watcher.position, {})
            await asyncio.sleep(PAUSE_SECONDS)
            seen = max(watcher.position, now - OVERLAP)
            await self._changes.wait(seen, min((until - now) / _SECOND, POLL_SECONDS))

    async def _changed(self, after: int) -> AsyncIterator[list[SessionRecord]]:
        while True:
            records = await self._threads.run(
                self._store.changed, after=after, namespace=self._namespace, limit=PAGE
            )
            yield records
            if len(records) < PAGE:
                return
            after = records[-1].updated_at

    def _event(self, change: Change) -> bytes:
        return watch_line(
            change.type, self._shown([change.session], change.session.metadata.resource_version)
        )

    def _shown(self, sessions: list[Session], version: str) -> object:
        if self._form is Form.OBJECT:
            return sessions[0]
        rows = session_table(
            sessions,
            ListMeta(version),
            now=self._clock(),
            include=self._asked.include,
            with_columns=not self._columns_sent,
        )
        self._columns_sent = True
        return rows


def bookmark(kind: str, position: int, annotations: dict[str, str]) -> bytes:
    """Give the event that tells a client of this kind of objects how far it has come."""
    metadata: dict[str, object] = {"resourceVersion": str(position), "creationTimestamp": None}
    if annotations:
        metadata["annotations"] = annotations
    return watch_line(EventType.BOOKMARK, {"kind": kind, "apiVersion": API_VERSION, "metadata": metadata})


def watch_line(kind: EventType, value: object) -> bytes:
    """Give one event of a watch."""
    return msgspec.json.encode({"type": kind.value, "object": value}) + b"\n"
