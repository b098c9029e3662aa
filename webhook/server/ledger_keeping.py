"""The ledger of the collector role: put together from store, keys and cluster, and its tasks."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

from webhook.collector.book import Book, LedgerShrunkError, UncertifiedError
from webhook.collector.checkpoints import Checkpoints, Place
from webhook.collector.event_sealing import EventSealing
from webhook.collector.exporting import Exporting, Target
from webhook.collector.sealing import Sealing
from webhook.ledger.entries import Exported, write_certificate
from webhook.ledger.keys import LedgerKey
from webhook.server.tasks import Tasks
from webhook.store.contract import Store

_EXPORT_SECONDS: Final = 2.0


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
        targets: Sequence[Target] = (),
        recovered: Callable[[str], None] = lambda _: None,
    ) -> None:
        """``key`` and ``roots`` give what is in force at the moment they are asked.

        Checkpoints go to ``place``, that many seconds after one another. ``alarm`` is told once when the
        ledger turns out not to continue what was signed before, when the key is not certified for now, and
        when one of the ``targets`` that checkpoints are exported to begins to fail; ``recovered`` when it
        works again.
        """
        self._key = key
        self._exporting = Exporting(targets, failed=alarm, recovered=recovered, monotonic=time.monotonic)
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
        tasks.repeat("export of checkpoints", self._export, seconds=_EXPORT_SECONDS)
        tasks.start("sealing", self.sealing.work())
        tasks.start("sealing of audit events", self.event_sealing.work())

    def sign(self) -> str:
        """Give a checkpoint of now, signed and given out. Blocks. Raises ClusterError."""
        return self._given_out().checkpoint

    def _given_out(self) -> Exported:
        exported = self._checkpoints.give_out()
        self._exporting.take(exported, write_certificate(self._key().certificate))
        return exported

    async def _export(self) -> None:
        await asyncio.to_thread(self._exporting.deliver)

    def vouch(self, digest: str) -> tuple[str, str]:
        """Give the signature over a bundle, and its key's certificate. Blocks. Raises ClusterError."""
        return self.book.vouch(digest)

    async def _give_out(self) -> None:
        try:
            await asyncio.to_thread(self._given_out)
        except (LedgerShrunkError, UncertifiedError) as error:
            if not self._alarmed:
                self._alarm(str(error))
            self._alarmed = True
            raise
        self._alarmed = False
