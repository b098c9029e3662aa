"""Approvals are used up once their sessions have started, and nobody waits for that."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Final

from sidecar.contract.errors import ChaperoneError
from webhook.collector.operations import Append, Outcome
from webhook.store.contract import SessionRecord

_log = logging.getLogger(__name__)
_PAUSE_SECONDS: Final = 2.0
_MOST_WAITING: Final = 10_000

Spend = Callable[[str, str, str], None]
"""Uses up an approval: namespace, name of the request, session. Blocks; raises ChaperoneError."""


class Spending:
    """Keeps what is to be used up until that is done. Used on one event loop.

    What a restart forgets here is caught by the recorder: all grants on one approval are for one session.
    """

    def __init__(self, spend: Spend) -> None:
        self._spend = spend
        self._waiting: asyncio.Queue[SessionRecord] = asyncio.Queue(_MOST_WAITING)

    def look(self, outcomes: Iterable[Outcome]) -> None:
        """Take note of sessions that are kept now and were not before."""
        for outcome in outcomes:
            match outcome.operation:
                case Append(new=SessionRecord() as started) if started.decision.approval:
                    self._add(started)
                case _:
                    continue

    async def work(self) -> None:
        """Use up approvals for ever; one that cannot be now is tried again."""
        while True:
            started = await self._waiting.get()
            if not await asyncio.to_thread(self._try, started):
                await asyncio.sleep(_PAUSE_SECONDS)
                self._add(started)

    def _add(self, started: SessionRecord) -> None:
        try:
            self._waiting.put_nowait(started)
        except asyncio.QueueFull:
            _log.warning("approval %s cannot be noted as used", started.decision.approval)

    def _try(self, started: SessionRecord) -> bool:
        name = started.decision.approval or ""
        try:
            self._spend(started.namespace, name, started.session)
        except ChaperoneError as error:
            _log.warning("approval %s of session %s: %s", name, started.session, error)
            return False
        return True
