"""``/metrics``: the registry in the text format of Prometheus."""

import asyncio
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.types import ASGIApp, Receive, Scope, Send

PATH: Final = "/metrics"


def with_metrics(app: ASGIApp, registry: CollectorRegistry) -> ASGIApp:
    """Give an application that answers ``GET /metrics``, and leaves everything else to another.

    The text is written in a thread, so that nobody at the doors waits for it.
    """

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH:
            await app(scope, receive, send)
        elif scope["method"] not in {"GET", "HEAD"}:
            await _respond(send, 405, "text/plain", b"")
        else:
            await _respond(send, 200, CONTENT_TYPE_LATEST, await asyncio.to_thread(generate_latest, registry))

    return application


async def _respond(send: Send, status: int, kind: str, body: bytes) -> None:
    headers = [(b"content-type", kind.encode()), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
