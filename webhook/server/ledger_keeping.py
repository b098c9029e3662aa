"""The ledger of the collector role: put together from store, keys and cluster, and its tasks."""

import asyncio
import time
from collections.abc import Callable

from webhook.collector.book import Book
from webhook.collector.checkpoints import Checkpoints, ConfigMapPlace
from webhook.collector.event_sealing import EventSealing
from webhook.collector.sealing import Sealing
from webhook.kube.api import KubeApi
from webhook.ledger.keys import LedgerKey
from webhook.server.tasks import Tasks
from webhook.settings import Settings
from webhook.store.contract import Store
from webhook.trust.keeper import LEDGER_CONFIG
from webhook.trust.secrets import Vault


class LedgerKeeping:
    """Seals sessions that have ended, and gives checkpoints out on a schedule."""

    def __init__(
        self,
        api: KubeApi,
        settings: Settings,
        store: Store,
        *,
        key: Callable[[], LedgerKey],
        roots: Callable[[], tuple[bytes, ...]],
    ) -> None:
        """``key`` and ``roots`` give what is in force at the moment they are asked."""
        book = Book(store, key=key, roots=roots, unix_ns=time.time_ns)
        self._seconds = settings.checkpoint_seconds
        self.sealing = Sealing(store, book)
        self.event_sealing = EventSealing(store, book)
        place = ConfigMapPlace(Vault(api, settings.namespace), LEDGER_CONFIG)
        self._checkpoints = Checkpoints(book, self.sealing, place, key=key, roots=roots)

    def start(self, tasks: Tasks) -> None:
        """Start the tasks."""
        tasks.repeat("ledger checkpoints", self._give_out, seconds=self._seconds)
        tasks.start("sealing", self.sealing.work())
        tasks.start("sealing of audit events", self.event_sealing.work())

    def sign(self) -> str:
        """Give a checkpoint of now, signed and given out. Blocks. Raises ClusterError."""
        return self._checkpoints.give_out().checkpoint

    async def _give_out(self) -> None:
        await asyncio.to_thread(self._checkpoints.give_out)
