"""Bodies within bounds, read from an application's own receive."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import anyio
import pytest

from webhook.server.bodies import Bodies, BodyError, GoneError

pytestmark = pytest.mark.anyio
Message = MutableMapping[str, Any]


def arriving(*chunks: bytes, end: bool = True) -> Callable[[], Awaitable[Message]]:
    """Give what receives these; without an end, more is promised and never comes."""
    left = list(chunks)

    async def receive() -> Message:
        if not left:
            await anyio.sleep_forever()
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left) or not end}

    return receive


async def gone() -> Message:
    return {"type": "http.disconnect"}


def bodies(each: int = 10, together: int = 15, seconds: float = 10.0) -> Bodies:
    return Bodies(each=each, together=together, seconds=seconds)


@pytest.mark.parametrize("chunks", [(b"",), (b"one",), (b"in ", b"", b"three"), (b"0123456789",)])
async def test_a_body_is_put_together(chunks: tuple[bytes, ...]) -> None:
    with bodies().room() as room:
        assert await room.read(arriving(*chunks)) == b"".join(chunks)


@pytest.mark.parametrize("chunks", [(b"01234567890",), (b"01234", b"567890")])
async def test_one_that_is_too_large_is_not(chunks: tuple[bytes, ...]) -> None:
    with bodies().room() as room, pytest.raises(BodyError, match="larger than any") as raised:
        await room.read(arriving(*chunks))
    assert raised.value.status == 400


async def test_all_together_have_room_for_a_time() -> None:
    shared = bodies()
    with shared.room() as one, shared.room() as two:
        await one.read(arriving(b"0123456789"))
        with pytest.raises(BodyError, match="try again") as raised:
            await two.read(arriving(b"0123", b"45"))
        assert raised.value.status == 503
    for _ in range(3):
        with shared.room() as room:
            assert await room.read(arriving(b"0123456789")) == b"0123456789"


async def test_one_that_does_not_arrive_is_not_waited_for() -> None:
    with bodies(seconds=0.05).room() as room, pytest.raises(BodyError, match="did not arrive") as raised:
        await room.read(arriving(b"01", end=False))
    assert raised.value.status == 408


async def test_a_client_that_left_is_not_answered() -> None:
    with bodies().room() as room, pytest.raises(GoneError):
        await room.read(gone)
