"""What a watch tells of sessions: those there are, then every change of one."""

from collections.abc import AsyncIterator, Callable
from typing import ClassVar, Final

from webhook.audit_api.conversion import session_object
from webhook.audit_api.objects import ListMeta, Session
from webhook.audit_api.requests import ListRequest
from webhook.audit_api.stream import Told
from webhook.audit_api.table import session_table
from webhook.audit_api.threads import Threads, pages
from webhook.audit_api.watching import EventType, Watcher, parse_resource_version
from webhook.store.contract import Query, SessionRecord, Store

_PAGE: Final = 500


class SessionFeed:
    """Sessions for one watch. ``clock`` gives Unix nanoseconds."""

    kind: ClassVar = "Session"
    called: ClassVar = "sessions"

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
        self._store = store
        self._threads = threads
        self._asked = asked
        self._namespace = namespace
        self._clock = clock
        self._watcher = Watcher(asked.selectors, clock() if since is None else since)

    @property
    def position(self) -> int:
        """Up to where the watcher has been told."""
        return self._watcher.position

    async def present(self) -> AsyncIterator[Told]:
        """Give the sessions there are."""

        def page(last: SessionRecord | None) -> list[SessionRecord]:
            before = last.session if last is not None else None
            return self._store.sessions(Query(namespace=self._namespace, limit=_PAGE, before=before))

        async for records in pages(self._threads, page, limit=_PAGE):
            self._watcher.know(records)
            for session in map(session_object, records):
                if self._asked.selectors.match(session):
                    yield EventType.ADDED, session

    async def arrived(self) -> AsyncIterator[Told]:
        """Give the changes since the last time."""
        start = self._watcher.after

        def page(last: SessionRecord | None) -> list[SessionRecord]:
            after = last.updated_at if last is not None else start
            return self._store.changed(after=after, namespace=self._namespace, limit=_PAGE)

        async for records in pages(self._threads, page, limit=_PAGE):
            for change in self._watcher.feed(records):
                yield change.type, change.session

    def table(self, found: Session, *, with_columns: bool) -> object:
        """Give one session as a table."""
        return session_table(
            [found],
            ListMeta(found.metadata.resource_version),
            now=self._clock(),
            include=self._asked.include,
            with_columns=with_columns,
        )
