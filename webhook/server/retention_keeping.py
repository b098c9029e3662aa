"""Retention in the collector role: looks now and then, and removes step by step."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from webhook.collector.doubt import Doubt
from webhook.collector.retention import Retention
from webhook.journal.events import AuditEvent
from webhook.server.tasks import Tasks

_log = logging.getLogger(__name__)

Keep = Callable[[AuditEvent], Awaitable[None]]
"""Returns once an audit event is durable; raises StoreError."""


class RetentionKeeping:
    """Removes what is too old, at most once a day; see ``webhook.collector.retention``."""

    def __init__(
        self,
        retention: Retention,
        keep: Keep,
        clock: Callable[[], int] = time.time_ns,
        *,
        doubt: Doubt | None = None,
        alarm: Callable[[str], None] = _log.warning,
        recovered: Callable[[str], None] = _log.info,
    ) -> None:
        """``alarm`` is told once when nothing is removed because of ``doubt``, and then ``recovered``."""
        self._retention = retention
        self._keep = keep
        self._clock = clock
        self._doubt = doubt
        self._alarm = alarm
        self._recovered = recovered
        self._alarmed = False

    def start(self, tasks: Tasks, *, seconds: float) -> None:
        """Look now and again."""
        tasks.repeat("retention", self.look, seconds=seconds)

    async def look(self) -> None:
        """Remove all that is too old, unless another collector did so today. Raises ClusterError."""
        if await asyncio.to_thread(self._is_in_doubt):
            return
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

    def _is_in_doubt(self) -> bool:
        reason = None if self._doubt is None else self._doubt.reason()
        if reason is not None and not self._alarmed:
            self._alarm(f"retention removes nothing: {reason}; set it right, and restart the collector")
        if reason is None and self._alarmed:
            self._recovered("retention removes what is too old again: the clock is right")
        self._alarmed = reason is not None
        return self._alarmed
