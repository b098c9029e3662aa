"""Ships the journal: the oldest segment first, again and again until its events are stored."""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from random import Random
from typing import Final, Protocol

from sidecar.contract.errors import ChaperoneError
from webhook.server.disk_journal import DiskJournal

_log = logging.getLogger(__name__)
_LOOK_SECONDS: Final = 0.2
_FIRST_PAUSE_SECONDS: Final = 0.2
_LONGEST_PAUSE_SECONDS: Final = 5.0
_REPEAT_LOG_SECONDS: Final = 60.0


class Delivery(Protocol):
    """The way to the store."""

    async def deliver(self, events: Sequence[bytes]) -> Mapping[int, str]:
        """Have events, as JSON, stored; give the places and reasons of those that are refused for good.

        Raises ChaperoneError when nothing is known to be stored; the same events may be sent again.
        """
        ...


class JournalShipping:
    """Ships one journal, on one event loop."""

    def __init__(self, journal: DiskJournal, delivery: Delivery) -> None:
        self._journal = journal
        self._delivery = delivery
        self._jitter = Random()  # noqa: S311  spreads load, keeps no secret
        self._failures = 0
        self._until: float | None = None
        self._ended = asyncio.Event()
        self._logged = ("", 0.0)

    async def work(self) -> None:
        """Ship until :meth:`finish` is called and everything is stored or its time is over."""
        try:
            while not self._is_over():
                try:
                    await self._ship()
                except ChaperoneError as error:
                    self._failures += 1
                    self._log_failure(str(error))
                await asyncio.sleep(self._pause())
        finally:
            self._ended.set()

    async def finish(self, seconds: float) -> bool:
        """Ship what there is within so many seconds; tell whether that is all."""
        self._until = time.monotonic() + seconds
        try:
            async with asyncio.timeout(seconds):
                await self._ended.wait()
        except TimeoutError:
            _log.error("audit events are left in the journal: the collector did not take them in time")
        return not self._journal.waits

    def _is_over(self) -> bool:
        return self._until is not None and (not self._journal.waits or time.monotonic() >= self._until)

    async def _ship(self) -> None:
        """Ship whole segments as long as there are any."""
        while self._journal.waits:
            segment = await asyncio.to_thread(self._journal.oldest)
            if segment is None:
                return
            refused: Mapping[int, str] = {}
            if segment.events:
                refused = await self._delivery.deliver(segment.events)
            for place, reason in refused.items():
                _log.error("the collector did not take audit event %d of a batch: %s", place, reason)
            left = [segment.events[place] for place in refused]
            await asyncio.to_thread(self._journal.release, segment, left)
            self._failures = 0

    def _pause(self) -> float:
        if not self._failures:
            return _LOOK_SECONDS
        longest = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2 ** min(self._failures, 10))
        return longest * self._jitter.uniform(0.5, 1.0) if self._until is None else _LOOK_SECONDS

    def _log_failure(self, reason: str) -> None:
        """Log a reason when it is new, and otherwise once a minute."""
        now = time.monotonic()
        if reason != self._logged[0] or now - self._logged[1] >= _REPEAT_LOG_SECONDS:
            _log.warning("the journal is not shipped: %s; trying again", reason)
            self._logged = (reason, now)
