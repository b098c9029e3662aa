"""``create sessions/kill``: somebody orders a running session to be ended.

The right is one of its own, and the order is an audit event before it is answered. What becomes of it is in
the session's record: an order reaches the recorder when it is connected.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from fastapi import FastAPI, Request, Response

from sidecar.contract.events import SessionKind
from sidecar.contract.sealing import Identity
from webhook.audit_api.bodies import body_of, read_object
from webhook.audit_api.errors import ApiError, Reason, unknown_session
from webhook.audit_api.gate import identity_of, json_response
from webhook.audit_api.objects import API_VERSION, SessionKill, SessionKillStatus, rfc3339
from webhook.audit_api.threads import Threads
from webhook.replay.safety import printable
from webhook.store.contract import Phase, SessionRecord, Store

MAX_REASON: Final = 300
"""Longest reason, in characters: it is shown to the client of the session."""
_MOST_BYTES: Final = 16 * 1024


class KillOrder(msgspec.Struct, frozen=True):
    """Who ends which session, and why."""

    by: Identity
    record: SessionRecord
    reason: str


Order = Callable[[KillOrder], Awaitable[int]]
"""Makes an order durable and gives when it was given, Unix nanoseconds. Raises StoreError."""


class Kills:
    """Answers the requests to end sessions."""

    def __init__(self, store: Store, threads: Threads, order: Order | None) -> None:
        self._store = store
        self._threads = threads
        self._order = order

    def mount(self, app: FastAPI) -> None:
        """Add the route."""
        path = f"/apis/{API_VERSION}/namespaces/{{namespace}}/sessions/{{name}}/kill"
        app.add_route(path, self.kill, ["POST"])

    async def kill(self, request: Request) -> Response:
        """Take an order."""
        name, namespace = request.path_params["name"], request.path_params["namespace"]
        asked = parse_kill(await body_of(request, "a SessionKill", most=_MOST_BYTES))
        record = await self._threads.run(self._store.session, name)
        if record is None or record.namespace != namespace:
            raise unknown_session(name)
        if record.phase is not Phase.ACTIVE:
            message = f'session "{name}" has ended: nothing is left to be ended'
            raise ApiError(Reason.CONFLICT, message, name=name, kind="sessions")
        if record.kind is SessionKind.MAIN_PROCESS:
            message = (
                f'session "{name}" is a container\'s own program, which ends with its pod: kubectl delete pod'
                f" {record.pod} -n {record.namespace}"
            )
            raise ApiError(Reason.CONFLICT, message, name=name, kind="sessions")
        if self._order is None:
            raise ApiError(Reason.METHOD_NOT_ALLOWED, "this server ends no sessions")
        at = await self._order(KillOrder(identity_of(request), record, asked.spec.reason))
        done = msgspec.structs.replace(asked, status=SessionKillStatus(rfc3339(at)))
        return json_response(done, code=201)


def parse_kill(body: bytes) -> SessionKill:
    """Read a request's body. Raises ApiError."""
    asked = read_object(body, "a SessionKill", SessionKill)
    reason = asked.spec.reason.strip()
    if not reason or len(reason) > MAX_REASON or printable(reason) != reason:
        message = (
            f"spec.reason: say why, in one line of at most {MAX_REASON} characters without control characters"
        )
        raise ApiError(Reason.INVALID, message, kind="sessions")
    return msgspec.structs.replace(asked, spec=msgspec.structs.replace(asked.spec, reason=reason))
