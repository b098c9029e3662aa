"""HTTPS servers side by side in one process, ended together and gracefully."""

import asyncio
import signal
import ssl
from collections.abc import Callable, Generator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from sidecar.contract.wire import MAX_MESSAGE_BYTES
from webhook.server.connections import BoundedConnection
from webhook.server.tls import use_small_buffers


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals to :class:`Servers`, which ends all servers of the process."""
        yield


class Servers:
    """The servers of one process."""

    def __init__(self, *configs: uvicorn.Config) -> None:
        use_small_buffers()
        self._servers = [_Server(config) for config in configs]

    async def run(self) -> None:
        """Serve until a SIGTERM or SIGINT, or :meth:`stop`; running requests are finished first."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        await asyncio.gather(*(server.serve() for server in self._servers))

    def stop(self) -> None:
        """Begin to end."""
        for server in self._servers:
            server.should_exit = True


def https(
    app: ASGIApp, *, port: int, context: ssl.SSLContext, drain_seconds: int, websocket: bool = False
) -> uvicorn.Config:
    """Give the configuration of an HTTPS server. Renewing ``context``'s certificate renews the server's."""

    def given(_: uvicorn.Config, __: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
        return context

    return uvicorn.Config(
        app,
        host="",
        port=port,
        http="h11" if websocket else BoundedConnection,
        ws="websockets-sansio" if websocket else "none",
        ws_max_size=MAX_MESSAGE_BYTES,
        ssl_context_factory=given,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        timeout_graceful_shutdown=drain_seconds,
        timeout_keep_alive=75,
    )
