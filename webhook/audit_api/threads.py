"""Threads of the audit API's own, so that slow readers never hold up the intake of recordings."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")
_COUNT = 8


class Threads:
    """Runs the store's blocking calls."""

    def __init__(self, count: int = _COUNT) -> None:
        self._pool = ThreadPoolExecutor(count, "audit-api")

    async def run(self, call: Callable[_P, _T], *args: _P.args, **options: _P.kwargs) -> _T:
        """Give what a call gives, or raise what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, partial(call, *args, **options))


async def pages(
    threads: Threads, page: Callable[[_T | None], list[_T]], *, limit: int
) -> AsyncIterator[list[_T]]:
    """Give page after page: ``page`` gives up to ``limit`` items behind the last one, None at the start."""
    last: _T | None = None
    while True:
        found = await threads.run(page, last)
        yield found
        if len(found) < limit:
            return
        last = found[-1]
