"""HTTP connections of strangers, held within bounds."""

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_BESIDE_BYTES: Final = 64 * 1024
"""Most of a request that is not its body: request line, headers, trailers; the parser itself has no bound."""


class BoundedConnection(HttpToolsProtocol):
    """Parsed by llhttp; let go when nothing is asked on it, or when what stands beside a body has no end."""

    _beside = 0
    """Bytes of the present request that were not its body."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]  as its base
        """Begin; a client that says nothing is let go like one that has nothing more to say."""
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def data_received(self, data: bytes) -> None:
        """Take some bytes."""
        self._beside += len(data)
        super().data_received(data)
        if self._beside > MAX_BESIDE_BYTES:
            self.transport.abort()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._beside -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Be done with a request."""
        self._beside = 0
        super().on_message_complete()
