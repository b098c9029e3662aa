"""Asking about many images at once: each once, in a few threads. What was answered is kept for a while."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import msgspec

from webhook.registry.credentials import Credentials
from webhook.registry.errors import ImageError
from webhook.registry.manifests import Program
from webhook.registry.reference import Reference

TAG_SECONDS: Final = 60.0
"""How long it is taken for granted that a tag means the same; a digest always does."""
_MOST_KEPT: Final = 512
_MOST_ASKED: Final = 64
_THREADS: Final = 4


class Asked(msgspec.Struct, frozen=True):
    """A question: who may read an image is part of it."""

    image: Reference
    architecture: str
    credentials: tuple[Credentials, ...]


class Images:
    """Gives what images start. Used on one event loop."""

    def __init__(
        self, ask: Callable[[Asked], Program], *, seconds: float, clock: Callable[[], float]
    ) -> None:
        """``ask`` blocks and raises ImageError; ``seconds`` is how long it is waited for.

        ``clock`` gives seconds that never go back.
        """
        self._ask = ask
        self._seconds = seconds
        self._clock = clock
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="registry")
        self._kept: OrderedDict[Asked, tuple[Program, float | None]] = OrderedDict()
        self._asking: dict[Asked, asyncio.Future[Program]] = {}

    async def program(self, asked: Asked) -> Program:
        """Give what an image starts. Raises ImageError."""
        kept = self._recall(asked)
        if kept is not None:
            return kept
        answer = self._asking.get(asked) or self._begin(asked)
        try:
            return await asyncio.wait_for(asyncio.shield(answer), self._seconds)
        except TimeoutError:
            raise ImageError("its registry did not answer in time; try again") from None

    def _recall(self, asked: Asked) -> Program | None:
        found = self._kept.get(asked)
        if found is None:
            return None
        program, until = found
        if until is not None and until <= self._clock():
            del self._kept[asked]
            return None
        self._kept.move_to_end(asked)
        return program

    def _begin(self, asked: Asked) -> asyncio.Future[Program]:
        if len(self._asking) >= _MOST_ASKED:
            raise ImageError("too many images are asked about just now; try again")
        answer = asyncio.get_running_loop().run_in_executor(self._threads, self._ask, asked)
        self._asking[asked] = answer
        answer.add_done_callback(lambda done: self._end(asked, done))
        return answer

    def _end(self, asked: Asked, answer: "asyncio.Future[Program]") -> None:
        del self._asking[asked]
        if answer.cancelled() or answer.exception() is not None:
            return
        until = None if asked.image.digest else self._clock() + TAG_SECONDS
        self._kept[asked] = (answer.result(), until)
        while len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)
