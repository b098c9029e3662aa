"""HTTP requests to an ASGI application without a server."""

from collections.abc import MutableMapping
from typing import Any

from starlette.types import ASGIApp


class Asgi:
    """An application to ask."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def get(self, path: str) -> tuple[int, bytes]:
        return await self._ask("GET", path, b"")

    async def post(self, path: str, data: bytes) -> tuple[int, bytes]:
        return await self._ask("POST", path, data)

    async def _ask(self, method: str, path: str, data: bytes) -> tuple[int, bytes]:
        sent: list[MutableMapping[str, Any]] = []
        chunks = [data[start : start + 65536] for start in range(0, len(data), 65536)] or [b""]

        async def receive() -> MutableMapping[str, Any]:
            return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(b"content-type", b"application/json")] if method == "POST" else [],
            "scheme": "https",
            "server": ("test", 443),
            "client": ("test", 1),
            "root_path": "",
        }
        await self._app(scope, receive, send)
        return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])
