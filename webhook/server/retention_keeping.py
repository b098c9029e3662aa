"""Retention in the collector role: looks now and then, and removes step by step."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from webhook.collector.retention import Retention
from webhook.journal.events import AuditEvent
from webhook.server.tasks import Tasks

Keep = Callable[[AuditEvent], Awaitable[None]]
"""Returns once an audit event is durable; raises StoreError."""


class RetentionKeeping:
    """Removes what is too old, at most once a day; see ``webhook.collector.retention``."""

    def __init__(self, retention: Retention, keep: Keep, clock: Callable[[], int] = time.time_ns) -> None:
        self._retention = retention
        self._keep = keep
        self._clock = clock

    def start(self, tasks: Tasks, *, seconds: float) -> None:
        """Look now and again."""
        tasks.repeat("retention", self.look, seconds=seconds)

    async def look(self) -> None:
        """Remove all that is too old, unless another collector did so today. Raises ClusterError."""
        number, removed = 0, False
        while True:
            now = self._clock()
            removal = await asyncio.to_thread(self._retention.find, now, number)
            if removal is None or await asyncio.to_thread(self._retention.is_taken, removal):
                break
            await self._keep(self._retention.event(removal))
            if not await asyncio.to_thread(self._retention.carry_out, removal):
                break
            number, removed = number + 1, True
        if removed or number == 0:
            await asyncio.to_thread(self._retention.tidy, self._clock())
