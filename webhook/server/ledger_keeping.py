"""The ledger of the collector role: put together from store, keys and cluster, and its tasks."""

import asyncio
import time
from collections.abc import Callable

from webhook.collector.book import Book, LedgerShrunkError
from webhook.collector.checkpoints import Checkpoints, Place
from webhook.collector.event_sealing import EventSealing
from webhook.collector.sealing import Sealing
from webhook.ledger.keys import LedgerKey
from webhook.server.tasks import Tasks
from webhook.store.contract import Store


class LedgerKeeping:
    """Seals sessions that have ended, and gives checkpoints out on a schedule."""

    def __init__(
        self,
        store: Store,
        place: Place,
        *,
        seconds: float,
        key: Callable[[], LedgerKey],
        roots: Callable[[], tuple[bytes, ...]],
        alarm: Callable[[str], None],
    ) -> None:
        """``key`` and ``roots`` give what is in force at the moment they are asked.

        Checkpoints go to ``place``, that many seconds after one another.
        ``alarm`` is told once when the ledger turns out not to continue what was signed before.
        """
        self._alarm = alarm
        self._alarmed = False
        book = self.book = Book(store, key=key, roots=roots, unix_ns=time.time_ns)
        self._seconds = seconds
        self.sealing = Sealing(store, book)
        self.event_sealing = EventSealing(store, book)
        self._checkpoints = Checkpoints(book, self.sealing, place, key=key, roots=roots)

    def start(self, tasks: Tasks) -> None:
        """Start the tasks."""
        tasks.repeat("ledger checkpoints", self._give_out, seconds=self._seconds)
        tasks.start("sealing", self.sealing.work())
        tasks.start("sealing of audit events", self.event_sealing.work())

    def sign(self) -> str:
        """Give a checkpoint of now, signed and given out. Blocks. Raises ClusterError."""
        return self._checkpoints.give_out().checkpoint

    def vouch(self, digest: str) -> tuple[str, str]:
        """Give the signature over a bundle, and its key's certificate. Blocks. Raises ClusterError."""
        return self.book.vouch(digest)

    async def _give_out(self) -> None:
        try:
            await asyncio.to_thread(self._checkpoints.give_out)
        except LedgerShrunkError as error:
            if not self._alarmed:
                self._alarm(str(error))
            self._alarmed = True
            raise
        self._alarmed = False
