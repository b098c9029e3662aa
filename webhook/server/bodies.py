"""Bodies of requests, read within bounds: what strangers post neither fills the memory nor waits for ever."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager

from starlette.types import Receive

from sidecar.contract.errors import CallerError


class BodyError(CallerError):
    """A body that is not taken. ``status`` is the HTTP status that says so."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class GoneError(Exception):
    """The client left before its whole body was there, so nobody waits for an answer."""


class Room:
    """One request's share of the memory for bodies."""

    def __init__(self, bodies: "Bodies") -> None:
        self._bodies = bodies
        self.taken = 0

    async def read(self, receive: Receive) -> bytes:
        """Give the whole body. Raises BodyError and GoneError."""
        try:
            async with asyncio.timeout(self._bodies.seconds):
                first, more = await self._chunk(receive)
                if not more:
                    return first
                body = bytearray(first)
                while more:
                    chunk, more = await self._chunk(receive)
                    body += chunk
                return bytes(body)
        except TimeoutError:
            raise BodyError(408, f"the body did not arrive within {self._bodies.seconds:.0f} s") from None

    async def _chunk(self, receive: Receive) -> tuple[bytes, bool]:
        message = await receive()
        if message["type"] != "http.request":
            raise GoneError
        chunk: bytes = message.get("body", b"")
        self.taken += len(chunk)
        self._bodies.take(len(chunk))
        if self.taken > self._bodies.each:
            raise BodyError(400, "the body is larger than any AdmissionReview")
        return chunk, bool(message.get("more_body"))


class Bodies:
    """The memory for the bodies of all requests, in bytes; ``seconds`` is how long one may take to arrive."""

    def __init__(self, *, each: int, together: int, seconds: float) -> None:
        self.each = each
        self.seconds = seconds
        self._left = together

    @contextmanager
    def room(self) -> Generator[Room]:
        """Give room for one body, and take it back at the end."""
        room = Room(self)
        try:
            yield room
        finally:
            self._left += room.taken

    def take(self, size: int) -> None:
        """Take memory. Raises BodyError when there is none left; it counts as taken all the same."""
        self._left -= size
        if self._left < 0:
            raise BodyError(503, "too much is being reviewed at once; try again")
