"""The API's endpoints: each reads its request, tells the hook who reads what, and asks the store."""

import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import TypeVar

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from webhook.audit_api.access import Action, Read, ReadHook
from webhook.audit_api.bodies import body_of
from webhook.audit_api.changes import Changes
from webhook.audit_api.conversion import notice_object, session_object
from webhook.audit_api.errors import unknown_session
from webhook.audit_api.following import Following
from webhook.audit_api.gate import identity_of, json_response
from webhook.audit_api.listing import MAX_ITEMS, list_sessions
from webhook.audit_api.objects import ListMeta, NoticeList, SessionList
from webhook.audit_api.recordings import cast_lines, event_lines, event_page
from webhook.audit_api.requests import (
    Form,
    ListRequest,
    accepts,
    cast_version,
    flag,
    form_of,
    include_object,
    list_request,
    number,
    parameters,
)
from webhook.audit_api.searching import answer, parse_search
from webhook.audit_api.session_feed import SessionFeed
from webhook.audit_api.stream import WatchStream
from webhook.audit_api.table import TABLE_CONTENT_TYPE, notice_table, session_table
from webhook.audit_api.threads import Threads
from webhook.replay.asciicast import CONTENT_TYPE as CAST_CONTENT_TYPE
from webhook.store.contract import SessionRecord, Store

LINES_CONTENT_TYPE = "application/x-ndjson"
DEFAULT_EVENTS = 500
_CHUNK_BYTES = 64 * 1024
_T = TypeVar("_T")


class Endpoints:
    """Answers the API's requests from one store."""

    def __init__(
        self,
        store: Store,
        changes: Changes,
        on_read: ReadHook,
        clock: Callable[[], int] = time.time_ns,
        *,
        threads: Threads | None = None,
    ) -> None:
        self._store = store
        self._changes = changes
        self._on_read = on_read
        self._clock = clock
        self._threads = threads or Threads()

    async def sessions(self, request: Request) -> Response:
        """List or watch sessions."""
        query = parameters(request.query_params.multi_items())
        asked = list_request(query)
        namespace = request.path_params.get("namespace")
        form = form_of(request.headers.get("accept", ""))
        action = Action.WATCH if asked.watch else Action.LIST
        await self._on_read(Read(identity_of(request), action, namespace))
        if asked.watch:
            return self._watch(asked, namespace, form)
        return await self._list(asked, namespace, form)

    async def _list(self, asked: ListRequest, namespace: str | None, form: Form) -> Response:
        now = self._clock()
        listed = await self._threads.run(
            list_sessions,
            self._store,
            namespace=namespace,
            asked=asked,
            now=now,
        )
        if form is Form.OBJECT:
            return json_response(SessionList(listed.metadata, listed.items))
        rows = session_table(listed.items, listed.metadata, now=now, include=asked.include)
        return json_response(rows, content_type=TABLE_CONTENT_TYPE)

    def _watch(self, asked: ListRequest, namespace: str | None, form: Form) -> Response:
        feed = SessionFeed(self._store, self._threads, asked=asked, namespace=namespace, clock=self._clock)
        stream = WatchStream(feed, self._changes, asked=asked, form=form, clock=self._clock)
        content_type = TABLE_CONTENT_TYPE if form is Form.TABLE else "application/json"
        return StreamingResponse(stream.lines(), media_type=content_type)

    async def session(self, request: Request) -> Response:
        """Give one session."""
        query = parameters(request.query_params.multi_items())
        include = include_object(query)
        form = form_of(request.headers.get("accept", ""))
        record = await self._record(request, Action.GET)
        session = session_object(record)
        if form is Form.OBJECT:
            return json_response(session)
        version = ListMeta(session.metadata.resource_version)
        rows = session_table([session], version, now=self._clock(), include=include)
        return json_response(rows, content_type=TABLE_CONTENT_TYPE)

    async def events(self, request: Request) -> Response:
        """Give a session's events, as a page or as JSON lines, and with ``follow`` those that come."""
        query = parameters(request.query_params.multi_items())
        start = number(query, "start", 0)
        limit = number(query, "limit", 0) or None
        record = await self._record(request, Action.EVENTS)
        if accepts(request.headers.get("accept", ""), LINES_CONTENT_TYPE):
            payload = flag(query, "payload")
            if flag(query, "follow"):
                return self._follow(record.session, start=start, payload=payload)
            lines = event_lines(self._store, record.session, start=start, limit=limit, with_payload=payload)
            return await self._streamed(lines, LINES_CONTENT_TYPE)
        page = await self._threads.run(
            event_page, self._store, record.session, start=start, limit=limit or DEFAULT_EVENTS
        )
        return json_response(page)

    def _follow(self, session: str, *, start: int, payload: bool) -> Response:
        following = Following(
            self._store, self._changes, self._threads, session=session, start=start, with_payload=payload
        )
        return StreamingResponse(following.lines(), media_type=LINES_CONTENT_TYPE)

    async def cast(self, request: Request) -> Response:
        """Give a session's asciicast."""
        query = parameters(request.query_params.multi_items())
        version, with_input = cast_version(query), flag(query, "input", default=True)
        record = await self._record(request, Action.CAST)
        return await self._streamed(
            cast_lines(self._store, record, version, with_input=with_input), CAST_CONTENT_TYPE
        )

    async def notices(self, request: Request) -> Response:
        """List what recorders reported, newest first."""
        query = parameters(request.query_params.multi_items())
        include, form = include_object(query), form_of(request.headers.get("accept", ""))
        limit = min(number(query, "limit", MAX_ITEMS) or MAX_ITEMS, MAX_ITEMS)
        namespace = request.path_params.get("namespace")
        await self._on_read(Read(identity_of(request), Action.NOTICES, namespace))
        now = self._clock()
        kept = await self._threads.run(self._store.notices, namespace=namespace, since=None, limit=limit)
        items = [notice_object(notice) for notice in kept]
        if form is Form.OBJECT:
            return json_response(NoticeList(ListMeta(str(now)), items))
        rows = notice_table(items, ListMeta(str(now)), now=now, include=include)
        return json_response(rows, content_type=TABLE_CONTENT_TYPE)

    async def search(self, request: Request) -> Response:
        """Answer a search."""
        search = parse_search(await body_of(request, "a Search"))
        namespace = request.path_params.get("namespace")
        await self._on_read(Read(identity_of(request), Action.SEARCH, namespace))
        found = await self._threads.run(answer, self._store, search, namespace)
        return json_response(found, code=201)

    async def _record(self, request: Request, action: Action) -> SessionRecord:
        name, namespace = request.path_params["name"], request.path_params["namespace"]
        await self._on_read(Read(identity_of(request), action, namespace, name))
        record = await self._threads.run(self._store.session, name)
        if record is None or record.namespace != namespace:
            raise unknown_session(name)
        return record

    async def _streamed(self, lines: Iterator[bytes], content_type: str) -> Response:
        """Stream lines read from the store; what fails before the first ones is still a Status."""
        chunks = _chunks(lines)
        first = await self._threads.run(_next, chunks)
        return StreamingResponse(self._rest(first, chunks), media_type=content_type)

    async def _rest(self, first: bytes | None, chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
        chunk = first
        while chunk is not None:
            yield chunk
            chunk = await self._threads.run(_next, chunks)


def _next(items: Iterator[_T]) -> _T | None:
    return next(items, None)


def _chunks(lines: Iterable[bytes]) -> Iterator[bytes]:
    chunk = bytearray()
    for line in lines:
        chunk += line
        if len(chunk) >= _CHUNK_BYTES:
            yield bytes(chunk)
            chunk.clear()
    if chunk:
        yield bytes(chunk)
