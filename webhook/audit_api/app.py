"""The audit API as an ASGI application.

RBAC is not asked again here: the API server authorises a request before it forwards it, with the same
verbs, resource, namespace and name that the path holds, and nothing in a query widens what the path says.
A SubjectAccessReview of our own could only be passed by whoever holds the front-proxy key anyway, for
that key may claim any user and group; it would add a call to every read and stop nobody.
"""

import hashlib
import time
from collections.abc import Awaitable, Callable

import msgspec
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from sidecar.contract.errors import CallerError
from sidecar.contract.names import AUDIT_GROUP
from webhook.audit_api import discovery, openapi
from webhook.audit_api.access import ReadHook, log_read
from webhook.audit_api.canaries import Canaries
from webhook.audit_api.changes import Changes
from webhook.audit_api.endpoints import Endpoints
from webhook.audit_api.event_endpoints import EventEndpoints
from webhook.audit_api.exports import Exports, Vouch
from webhook.audit_api.gate import HEALTH_PATHS, Gate, json_response, refuse
from webhook.audit_api.holds import Holds, Tell
from webhook.audit_api.identity import FrontProxy
from webhook.audit_api.killing import Kills, Order
from webhook.audit_api.ledgers import Ledgers, Sign
from webhook.audit_api.objects import API_VERSION
from webhook.audit_api.requests import aggregated_version
from webhook.audit_api.threads import Threads
from webhook.store.contract import Store, StoreError


def audit_app(
    store: Store,
    changes: Changes,
    front_proxy: FrontProxy,
    *,
    on_read: ReadHook = log_read,
    audit_changes: Changes | None = None,
    sign: Sign | None = None,
    tell: Tell | None = None,
    vouch: Vouch | None = None,
    order: Order | None = None,
) -> FastAPI:
    """Give the application. ``on_read`` is awaited before any session, event or hit is given.

    ``changes`` tells of sessions, ``audit_changes`` of audit events; ``sign`` gives a checkpoint of now,
    ``vouch`` a signature over evidence, ``tell`` keeps an audit event, and ``order`` has a session ended.
    """
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    _add_health(app, front_proxy)
    _add_discovery(app)
    threads = Threads()
    _add_sessions(app, Endpoints(store, changes, on_read, threads=threads))
    _add_audit_events(app, EventEndpoints(store, audit_changes or changes, on_read, threads, time.time_ns))
    Ledgers(store, on_read, threads, sign).mount(app)
    Exports(on_read, threads, vouch).mount(app)
    Holds(store, on_read, threads, tell, time.time_ns).mount(app)
    Kills(store, threads, order).mount(app)
    Canaries(store, threads, tell).mount(app)
    for error in (CallerError, StoreError, HTTPException, Exception):
        app.add_exception_handler(error, refuse)
    app.add_middleware(Gate, front_proxy=front_proxy)
    return app


def _add_sessions(app: FastAPI, endpoints: Endpoints) -> None:
    base = f"/apis/{API_VERSION}"
    namespaced = f"{base}/namespaces/{{namespace}}"
    app.add_route(f"{base}/sessions", endpoints.sessions, ["GET"])
    app.add_route(f"{namespaced}/sessions", endpoints.sessions, ["GET"])
    app.add_route(f"{namespaced}/sessions/{{name}}", endpoints.session, ["GET"])
    app.add_route(f"{namespaced}/sessions/{{name}}/events", endpoints.events, ["GET"])
    app.add_route(f"{namespaced}/sessions/{{name}}/cast", endpoints.cast, ["GET"])
    app.add_route(f"{base}/notices", endpoints.notices, ["GET"])
    app.add_route(f"{namespaced}/notices", endpoints.notices, ["GET"])
    app.add_route(f"{base}/searches", endpoints.search, ["POST"])
    app.add_route(f"{namespaced}/searches", endpoints.search, ["POST"])


def _add_audit_events(app: FastAPI, endpoints: EventEndpoints) -> None:
    base = f"/apis/{API_VERSION}"
    namespaced = f"{base}/namespaces/{{namespace}}"
    app.add_route(f"{base}/auditevents", endpoints.events, ["GET"])
    app.add_route(f"{namespaced}/auditevents", endpoints.events, ["GET"])
    app.add_route(f"{namespaced}/auditevents/{{name}}", endpoints.event, ["GET"])
    app.add_route(f"{base}/eventsearches", endpoints.search, ["POST"])
    app.add_route(f"{namespaced}/eventsearches", endpoints.search, ["POST"])


def _add_health(app: FastAPI, front_proxy: FrontProxy) -> None:
    async def healthy(request: Request) -> Response:
        is_ready = request.url.path != "/readyz" or front_proxy.trust() is not None
        text = "ok" if is_ready else "the API server's front-proxy certificates are not known yet"
        return Response(text, 200 if is_ready else 503, media_type="text/plain")

    for path in HEALTH_PATHS:
        app.add_route(path, healthy, ["GET"])


def _add_discovery(app: FastAPI) -> None:
    specification = openapi.v3()

    async def groups(request: Request) -> Response:
        version = aggregated_version(request.headers.get("accept", ""))
        if version is None:
            return json_response(discovery.groups())
        content_type = discovery.AGGREGATED_CONTENT_TYPES[version]
        return json_response(discovery.aggregated(version), content_type=content_type)

    app.add_route("/apis", groups, ["GET"])
    documents = {
        f"/apis/{AUDIT_GROUP}": msgspec.json.encode(discovery.group()),
        f"/apis/{API_VERSION}": msgspec.json.encode(discovery.resources()),
        "/openapi/v2": openapi.v2(),
        "/openapi/v3": msgspec.json.encode(openapi.v3_index(specification)),
        openapi.PATH: specification,
    }
    for path, body in documents.items():
        app.add_route(path, _constant(body), ["GET"])


def _constant(body: bytes) -> Callable[[Request], Awaitable[Response]]:
    """Give an endpoint for a document that never changes, with the ETag that lets clients keep it."""
    tag = f'"{hashlib.sha256(body).hexdigest()}"'

    async def document(request: Request) -> Response:
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers={"ETag": tag})
        return Response(body, media_type="application/json", headers={"ETag": tag})

    return document
