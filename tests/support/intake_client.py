"""A recorder that does what a test tells it, at the intake of a collector."""

import asyncio
import ssl
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from sidecar.contract.wire import FromCollector, FromRecorder, Hello, Welcome, decode_from_collector, encode


class Client:
    """A connection. It lives on one thread: TLS of two would need a lock."""

    def __init__(self, runner: asyncio.Runner, socket: ClientConnection) -> None:
        self._runner = runner
        self._socket = socket

    def send(self, data: bytes | str) -> None:
        self._runner.run(self._socket.send(data))

    def say(self, message: FromRecorder) -> None:
        self.send(encode(message))

    def hear(self) -> FromCollector:
        data = self._runner.run(asyncio.wait_for(self._socket.recv(), 60))
        assert isinstance(data, bytes)
        return decode_from_collector(data)

    def greet(self) -> "Client":
        self.say(Hello("0.1.0", 1))
        assert isinstance(self.hear(), Welcome)
        return self

    def closing(self) -> tuple[int, str]:
        """Wait until the server closes; give its code and reason."""
        with pytest.raises(ConnectionClosed) as caught:
            self._runner.run(asyncio.wait_for(self._socket.recv(), 60))
        assert caught.value.rcvd is not None
        return caught.value.rcvd.code, caught.value.rcvd.reason

    def close(self) -> None:
        self._runner.run(self._socket.close())


@contextmanager
def connected(
    url: str, ca: str, token: str | None, *, address: tuple[str, int] | None = None
) -> Generator[Client]:
    """Connect with a token to whom the authorities in ``ca`` (PEM) vouch for.

    ``address`` is where the URL's host is reached. Raises websockets.exceptions.InvalidStatus when refused.
    """
    context = ssl.create_default_context(cadata=ca)
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    place: dict[str, Any] = {} if address is None else {"host": address[0], "port": address[1]}

    async def open_socket() -> ClientConnection:
        return await connect(url, ssl=context, additional_headers=headers, ping_interval=None, **place)

    with asyncio.Runner() as runner:
        client = Client(runner, runner.run(open_socket()))
        try:
            yield client
        finally:
            client.close()
