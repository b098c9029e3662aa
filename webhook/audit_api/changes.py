"""How a watch learns that the store has something new."""

import asyncio
from typing import Protocol


class Changes(Protocol):
    """Tells when sessions change."""

    async def wait(self, after: int, timeout: float) -> None:  # noqa: ASYNC109  callers wait for the earlier
        """Return once a session changed after ``after`` (Unix nanoseconds), or ``timeout`` seconds passed."""
        ...


class PollingChanges:
    """Knows nothing and says so every interval: the store is asked again."""

    def __init__(self, interval: float = 1.0) -> None:
        self._interval = interval

    async def wait(self, after: int, timeout: float) -> None:  # noqa: ARG002, ASYNC109  Changes says why
        """Return after the interval or the timeout."""
        await asyncio.sleep(min(self._interval, timeout))
