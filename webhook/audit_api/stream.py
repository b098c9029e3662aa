"""One watch being served: what there is, then whatever comes, as lines of JSON."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, ClassVar, Final, Protocol

import msgspec

from sidecar.contract.names import AUDIT_GROUP
from webhook.audit_api.changes import Changes
from webhook.audit_api.errors import ApiError, Reason, status_of
from webhook.audit_api.objects import API_VERSION
from webhook.audit_api.requests import Form, ListRequest
from webhook.audit_api.watching import OVERLAP, EventType
from webhook.store.contract import StoreError

BOOKMARK_SECONDS: Final = 60.0
INITIAL_END: Final = {"k8s.io/initial-events-end": "true"}
PAUSE_SECONDS: Final = 0.25
"""Shortest time between two looks; a busy session is one event each time, whatever happened in it."""
POLL_SECONDS: Final = 5.0
"""Longest time between two looks: another replica's changes are not announced here."""
_SECOND: Final = 1_000_000_000

Told = tuple[EventType, Any]
"""What happened to an object, and the object."""


class Feed(Protocol):
    """What a watch tells of one kind of objects. Methods raise StoreError."""

    kind: ClassVar[str]
    """The objects' kind."""
    called: ClassVar[str]
    """What the objects are called, as in "the store of sessions"."""

    @property
    def position(self) -> int:
        """Up to where the watcher has been told, Unix nanoseconds on the collector's clock."""
        ...

    @property
    def begins_with_all(self) -> bool:
        """Whether the watcher is told first what there is."""
        ...

    def present(self) -> AsyncIterator[Told]:
        """Give what there is."""
        ...

    def arrived(self) -> AsyncIterator[Told]:
        """Give what came since the last time."""
        ...

    def table(self, found: Any, *, with_columns: bool) -> object:
        """Give one object as a table."""
        ...


class WatchStream:
    """Serves one watch until its time is over or the client leaves."""

    def __init__(
        self, feed: Feed, changes: Changes, *, asked: ListRequest, form: Form, clock: Callable[[], int]
    ) -> None:
        self._feed = feed
        self._changes = changes
        self._asked = asked
        self._form = form
        self._clock = clock
        self._columns_sent = False

    async def lines(self) -> AsyncIterator[bytes]:
        """Give the watch's events."""
        now = self._clock()
        try:
            if self._feed.begins_with_all:
                async for told in self._feed.present():
                    yield self._line(told)
            if self._asked.initial_events:
                yield bookmark(self._feed.kind, now, INITIAL_END)
            async for line in self._arriving(now + self._asked.timeout * _SECOND):
                yield line
        except StoreError:
            why = f"the store of {self._feed.called} does not answer; watch again"
            yield watch_line(EventType.ERROR, status_of(ApiError(Reason.UNAVAILABLE, why), group=AUDIT_GROUP))

    async def _arriving(self, until: int) -> AsyncIterator[bytes]:
        bookmarked = self._clock()
        while (now := self._clock()) < until:
            async for told in self._feed.arrived():
                yield self._line(told)
            if self._asked.bookmarks and now - bookmarked > BOOKMARK_SECONDS * _SECOND:
                bookmarked = now
                yield bookmark(self._feed.kind, self._feed.position, {})
            await asyncio.sleep(PAUSE_SECONDS)
            seen = max(self._feed.position, now - OVERLAP)
            await self._changes.wait(seen, min((until - now) / _SECOND, POLL_SECONDS))

    def _line(self, told: Told) -> bytes:
        event, found = told
        if self._form is Form.TABLE:
            found = self._feed.table(found, with_columns=not self._columns_sent)
            self._columns_sent = True
        return watch_line(event, found)


def bookmark(kind: str, position: int, annotations: dict[str, str]) -> bytes:
    """Give the event that tells a client of this kind of objects how far it has come."""
    metadata: dict[str, object] = {"resourceVersion": str(position), "creationTimestamp": None}
    if annotations:
        metadata["annotations"] = annotations
    return watch_line(EventType.BOOKMARK, {"kind": kind, "apiVersion": API_VERSION, "metadata": metadata})


def watch_line(kind: EventType, value: object) -> bytes:
    """Give one event of a watch."""
    return msgspec.json.encode({"type": kind.value, "object": value}) + b"\n"
