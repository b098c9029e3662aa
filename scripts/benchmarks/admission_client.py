"""Reviews as an API server sends them: HTTPS, connections that stay open, whatever the answers do.

Open loop: each review has a time at which it is due, and its latency counts from then on, also where it had
to wait for a connection or this client was late.
"""

import asyncio
import random
import selectors
import time
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Final

from benchmarks.admission_server import NAME, Running

CONNECTIONS: Final = 25
"""As many idle ones as Go's HTTP client keeps for a webhook in an API server."""
Make = Callable[[int], bytes]


@dataclass
class Seen:
    """What came of a load."""

    latencies: list[float] = field(default_factory=list[float])
    """Seconds from when a review was due to its whole answer."""
    late: list[float] = field(default_factory=list[float])
    """Seconds from when a review was due to it being sent: this client's share, and waits for connections."""
    refused: int = 0
    """Answers other than ``allowed``."""
    seconds: float = 0.0


def open_loop(server: Running, path: str, make: Make, *, rate: int, seconds: float) -> Seen:
    """Send reviews at random moments, ``rate`` a second on average."""
    rng, due, moments = random.Random(1), 0.0, list[float]()
    while due < seconds:
        moments.append(due)
        due += rng.expovariate(rate)
    return _run(_Client(server, path, make).send_at(moments))


def closed_loop(server: Running, path: str, make: Make, *, count: int) -> Seen:
    """Send reviews one after the other on each connection, as quickly as they are answered."""
    return _run(_Client(server, path, make).send_at([0.0] * count))


def _run(work: Coroutine[None, None, Seen]) -> Seen:
    """Run on a loop whose timers are finer than a millisecond, which epoll's are not."""
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        return runner.run(work)


class _Client:
    def __init__(self, server: Running, path: str, make: Make) -> None:
        self._server = server
        self._head = (
            f"POST /v1/{path}?timeout=10s HTTP/1.1\r\nHost: {NAME}:443\r\nAccept: application/json, */*\r\n"
        )
        self._make = make
        self._idle: list[_Connection] = []
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._seen = Seen()
        self._left = 0
        self._done = asyncio.Event()

    async def send_at(self, moments: list[float]) -> Seen:
        loop = asyncio.get_running_loop()
        for _ in range(CONNECTIONS):
            self._idle.append(await self._connect())
        reviews = [self._whole(number) for number in range(len(moments))]
        self._left, began = len(moments), loop.time()
        for moment, review in zip(moments, reviews, strict=True):
            due = began + moment
            if due > loop.time():
                await _until(due)
            self._waiting.append((due, review))
            self._send()
        await self._done.wait()
        self._seen.seconds = loop.time() - began
        for connection in self._idle:
            connection.close()
        return self._seen

    async def _connect(self) -> "_Connection":
        """Connect, after as many tries as a server that is about to listen needs."""
        loop = asyncio.get_running_loop()
        for _ in range(100):
            try:
                _, connection = await loop.create_connection(
                    lambda: _Connection(self._answered),
                    "127.0.0.1",
                    self._server.port,
                    ssl=self._server.context,
                    server_hostname=NAME,
                )
            except ConnectionRefusedError:
                await asyncio.sleep(0.1)
            else:
                return connection
        raise SystemExit("the server does not listen")

    def _whole(self, number: int) -> bytes:
        body = self._make(number)
        rest = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        return (self._head + rest).encode() + body

    def _send(self) -> None:
        while self._idle and self._waiting:
            due, review = self._waiting.popleft()
            self._seen.late.append(time.monotonic() - due)
            self._idle.pop().ask(due, review)

    def _answered(self, connection: "_Connection", due: float, answer: bytes) -> None:
        self._seen.latencies.append(time.monotonic() - due)
        self._seen.refused += b'"allowed":true' not in answer
        self._idle.append(connection)
        self._send()
        self._left -= 1
        if not self._left:
            self._done.set()


async def _until(due: float) -> None:
    """Wait until a moment of the loop's clock."""
    loop = asyncio.get_running_loop()
    reached = loop.create_future()
    loop.call_at(due, reached.set_result, None)
    await reached


class _Connection(asyncio.Protocol):
    """One connection, and the review it is asking about."""

    def __init__(self, answered: Callable[["_Connection", float, bytes], None]) -> None:
        self._answered = answered
        self._transport: asyncio.Transport | None = None
        self._due = 0.0
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def ask(self, due: float, review: bytes) -> None:
        assert self._transport is not None
        self._due, self._got = due, b""
        self._transport.write(review)

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, blank, body = self._got.partition(b"\r\n\r\n")
        if not blank:
            return
        if len(body) >= int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]):
            self._answered(self, self._due, body)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
