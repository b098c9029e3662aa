"""Long-lived asyncio tasks, all through one place: named, logged, and never lost."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine

from sidecar.contract.errors import ChaperoneError

_log = logging.getLogger(__name__)


class Tasks:
    """The tasks of one server. When one fails for good, ``on_failure`` is called."""

    def __init__(self, on_failure: Callable[[], None]) -> None:
        self._on_failure = on_failure
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, name: str, work: Coroutine[None, None, None]) -> None:
        """Run work until it ends."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def repeat(self, name: str, work: Callable[[], Awaitable[None]], *, seconds: float) -> None:
        """Do a piece of work now and again, each time that long after the last.

        Errors of the project's own kinds are logged and the work is tried again; others are bugs and end
        the server, so that its supervisor starts a fresh one.
        """
        self.start(name, _repeat(name, work, seconds))

    async def stop(self) -> None:
        """End all tasks."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            _log.error("task %s failed", task.get_name(), exc_info=error)
            self._on_failure()


async def _repeat(name: str, work: Callable[[], Awaitable[None]], seconds: float) -> None:
    while True:
        try:
            await work()
        except ChaperoneError as error:
            _log.warning("%s: %s", name, error)
        await asyncio.sleep(seconds)
