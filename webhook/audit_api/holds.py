"""Legal holds: set, seen and released through the API server, which says who does it.

A hold is an audit event, stored before the answer is given: none is set or released unrecorded.
"""

from collections.abc import Awaitable, Callable, Sequence

from fastapi import FastAPI, Request, Response

from webhook.audit_api.access import Action, Read, ReadHook
from webhook.audit_api.bodies import body_of
from webhook.audit_api.errors import ApiError, Reason
from webhook.audit_api.gate import identity_of, json_response
from webhook.audit_api.hold_objects import (
    HOLDS,
    LegalHold,
    LegalHoldList,
    hold_object,
    parse_hold,
    parse_release,
)
from webhook.audit_api.hold_table import hold_table
from webhook.audit_api.objects import API_VERSION, ListMeta
from webhook.audit_api.requests import Form, form_of, include_object, parameters
from webhook.audit_api.table import TABLE_CONTENT_TYPE
from webhook.audit_api.threads import Threads
from webhook.journal.events import AuditEvent
from webhook.journal.holds import Hold, holds_of, release_event, set_event
from webhook.journal.making import Stamp
from webhook.store.contract import Store
from webhook.store.holds import all_holds

Tell = Callable[[Callable[[Stamp], AuditEvent]], Awaitable[None]]
"""Stamps an audit event and returns once it is durable. Raises StoreError."""


class Holds:
    """Answers the requests about legal holds."""

    def __init__(
        self,
        store: Store,
        on_read: ReadHook,
        threads: Threads,
        tell: Tell | None,
        clock: Callable[[], int],
    ) -> None:
        """Without ``tell`` holds can be read alone."""
        self._store = store
        self._on_read = on_read
        self._threads = threads
        self._tell = tell
        self._clock = clock

    def mount(self, app: FastAPI) -> None:
        """Add the routes."""
        base = f"/apis/{API_VERSION}/{HOLDS}"
        app.add_route(base, self.list, ["GET"])
        app.add_route(base, self.set, ["POST"])
        app.add_route(f"{base}/{{name}}", self.get, ["GET"])
        app.add_route(f"{base}/{{name}}/release", self.release, ["POST"])

    async def list(self, request: Request) -> Response:
        """List all holds, newest first."""
        await self._on_read(Read(identity_of(request), Action.LIST, None, resource=HOLDS))
        holds = await self._threads.run(all_holds, self._store)
        return self._given(request, [hold_object(hold) for hold in holds], as_list=True)

    async def get(self, request: Request) -> Response:
        """Give one hold."""
        name = request.path_params["name"]
        await self._on_read(Read(identity_of(request), Action.GET, None, name, HOLDS))
        return self._given(request, [hold_object(await self._found(name))], as_list=False)

    async def set(self, request: Request) -> Response:
        """Set a hold."""
        scope, reason = parse_hold(await body_of(request, "a LegalHold"))
        made: list[AuditEvent] = []

        def make(stamp: Stamp) -> AuditEvent:
            made.append(set_event(stamp, identity_of(request), scope, reason))
            return made[-1]

        await self._told(make)
        return json_response(hold_object(holds_of(made)[0]), code=201)

    async def release(self, request: Request) -> Response:
        """Release a hold. One that is released stays as it is."""
        name, reason = request.path_params["name"], parse_release(await body_of(request, "a LegalHold"))
        hold = await self._found(name)
        if hold.in_force:
            await self._told(lambda stamp: release_event(stamp, identity_of(request), name, reason))
        return json_response(hold_object(await self._found(name)), code=201)

    async def _told(self, make: Callable[[Stamp], AuditEvent]) -> None:
        if self._tell is None:
            raise ApiError(Reason.METHOD_NOT_ALLOWED, "this server sets and releases no legal holds")
        await self._tell(make)

    async def _found(self, name: str) -> Hold:
        holds = await self._threads.run(all_holds, self._store)
        for hold in holds:
            if hold.name == name:
                return hold
        message = f'{HOLDS}.audit.chaperone.dev "{name[:100]}" not found'
        raise ApiError(Reason.NOT_FOUND, message, name=name[:100], kind=HOLDS)

    def _given(self, request: Request, holds: Sequence[LegalHold], *, as_list: bool) -> Response:
        query = parameters(request.query_params.multi_items())
        include, now = include_object(query), self._clock()
        version = ListMeta(str(now))
        if form_of(request.headers.get("accept", "")) is Form.TABLE:
            rows = hold_table(holds, version, now=now, include=include)
            return json_response(rows, content_type=TABLE_CONTENT_TYPE)
        return json_response(LegalHoldList(version, [*holds]) if as_list else holds[0])
