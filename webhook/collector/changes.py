"""Telling watchers in this process that sessions changed in the store."""

import asyncio
from collections.abc import Callable


class Changes:
    """Where the store's newest change is. Used on one event loop; see ``audit_api.changes``."""

    def __init__(self) -> None:
        self._latest = 0
        self._moved = asyncio.Event()

    def announce(self, latest: int) -> None:
        """Say that sessions were changed up to this ``updated_at``."""
        if latest > self._latest:
            self._latest = latest
            self._moved.set()
            self._moved = asyncio.Event()

    async def wait(self, after: int, timeout: float) -> None:  # noqa: ASYNC109  callers wait for the earlier
        """Return once a session changed after ``after`` (Unix nanoseconds), or ``timeout`` seconds passed."""
        try:
            async with asyncio.timeout(timeout):
                while self._latest <= after:
                    await self._moved.wait()
        except TimeoutError:
            return


class Stamps:
    """Times of change: the clock's, but growing even when the clock does not."""

    def __init__(self, unix_ns: Callable[[], int]) -> None:
        self._unix_ns = unix_ns
        self.latest = 0

    def __call__(self) -> int:
        """Give a time later than any given before, Unix nanoseconds."""
        self.latest = max(self._unix_ns(), self.latest + 1)
        return self.latest
