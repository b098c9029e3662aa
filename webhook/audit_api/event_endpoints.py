"""The endpoints of audit events; reading them is an audit event as well."""

from collections.abc import Callable

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from webhook.audit_api.access import EVENTS, Action, Read, ReadHook
from webhook.audit_api.bodies import body_of
from webhook.audit_api.changes import Changes
from webhook.audit_api.errors import unknown_event
from webhook.audit_api.event_feed import EventFeed
from webhook.audit_api.event_listing import list_events
from webhook.audit_api.event_objects import FIELDS, AuditEventList, event_object
from webhook.audit_api.event_searching import answer_about_events, parse_event_search, query_of
from webhook.audit_api.event_table import event_table
from webhook.audit_api.gate import identity_of, json_response
from webhook.audit_api.objects import ListMeta
from webhook.audit_api.requests import Form, form_of, include_object, list_request, parameters
from webhook.audit_api.stream import WatchStream
from webhook.audit_api.table import TABLE_CONTENT_TYPE
from webhook.audit_api.threads import Threads
from webhook.store.audit import AuditQuery
from webhook.store.contract import Store


class EventEndpoints:
    """Answers requests about audit events from one store."""

    def __init__(
        self, store: Store, changes: Changes, on_read: ReadHook, threads: Threads, clock: Callable[[], int]
    ) -> None:
        self._store = store
        self._changes = changes
        self._on_read = on_read
        self._threads = threads
        self._clock = clock

    async def events(self, request: Request) -> Response:
        """List or watch audit events."""
        asked = list_request(parameters(request.query_params.multi_items()), FIELDS)
        namespace = request.path_params.get("namespace")
        form = form_of(request.headers.get("accept", ""))
        action = Action.WATCH if asked.watch else Action.LIST
        await self._on_read(Read(identity_of(request), action, namespace, resource=EVENTS))
        if asked.watch:
            feed = EventFeed(self._store, self._threads, asked=asked, namespace=namespace, clock=self._clock)
            stream = WatchStream(feed, self._changes, asked=asked, form=form, clock=self._clock)
            content_type = TABLE_CONTENT_TYPE if form is Form.TABLE else "application/json"
            return StreamingResponse(stream.lines(), media_type=content_type)
        now = self._clock()
        listed = await self._threads.run(list_events, self._store, namespace=namespace, asked=asked, now=now)
        if form is Form.OBJECT:
            return json_response(AuditEventList(listed.metadata, listed.items))
        rows = event_table(listed.items, listed.metadata, now=now, include=asked.include)
        return json_response(rows, content_type=TABLE_CONTENT_TYPE)

    async def search(self, request: Request) -> Response:
        """Answer a search among audit events."""
        search = parse_event_search(await body_of(request, "an EventSearch"))
        namespace = request.path_params.get("namespace")
        query = query_of(search, namespace)
        await self._on_read(Read(identity_of(request), Action.SEARCH_EVENTS, namespace, resource=EVENTS))
        found = await self._threads.run(answer_about_events, self._store, query, search)
        return json_response(found, code=201)

    async def event(self, request: Request) -> Response:
        """Give one audit event."""
        include = include_object(parameters(request.query_params.multi_items()))
        form = form_of(request.headers.get("accept", ""))
        name, namespace = request.path_params["name"], request.path_params["namespace"]
        await self._on_read(Read(identity_of(request), Action.GET, namespace, name, EVENTS))
        query = AuditQuery(id=name, namespace=namespace, limit=1)
        found = await self._threads.run(self._store.audit_events, query)
        if not found:
            raise unknown_event(name)
        event = event_object(found[0])
        if form is Form.OBJECT:
            return json_response(event)
        version = ListMeta(event.metadata.resource_version)
        rows = event_table([event], version, now=self._clock(), include=include)
        return json_response(rows, content_type=TABLE_CONTENT_TYPE)
