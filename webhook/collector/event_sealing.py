"""Every audit event gets into the ledger, whatever was killed in between.

Those that this process stores are appended soon afterwards. Now and then the store is asked what else it has
received since the newest event in the ledger: what another process stored, or one that was killed. Appending
an event twice is harmless.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Final

from sidecar.contract.errors import ClusterError
from webhook.collector.book import Book
from webhook.collector.sealing import OVERTAKEN_NS
from webhook.journal.events import AuditEvent
from webhook.ledger.entries import EntryError, read_entry
from webhook.store.audit import AuditQuery
from webhook.store.contract import Store

_log = logging.getLogger(__name__)
_PAGE: Final = 256
_LOOK_SECONDS: Final = 30.0
_GATHER_SECONDS: Final = 0.5
_RETRY_SECONDS: Final = 3.0
_MOST_HEARD: Final = 20_000
_RESTART_NS: Final = 600 * 1_000_000_000
"""How far behind the newest event in the ledger others may be that are not in it yet."""


class EventSealing:
    """Puts audit events into the ledger. ``hear`` and ``work`` are used on one event loop."""

    def __init__(
        self,
        store: Store,
        book: Book,
        monotonic: Callable[[], float] = time.monotonic,
        unix_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._store = store
        self._book = book
        self._monotonic = monotonic
        self._unix_ns = unix_ns
        self._woken = asyncio.Event()
        self._heard: list[AuditEvent] = []
        self._seen = -1
        """Newest ``received_at`` that was looked at; -1 before the ledger was asked."""
        self._look_at = 0.0
        self._sealed: dict[str, None] = {}
        """Ids of what was appended since the last look, or looked at then."""

    def hear(self, events: Sequence[AuditEvent]) -> None:
        """Take events that are stored; those there is no room for are found in the store."""
        self._heard += events[: _MOST_HEARD - len(self._heard)]
        self._woken.set()

    async def work(self) -> None:
        """Append for ever; what cannot be appended now is tried again."""
        while True:
            heard, self._heard = self._heard, []
            try:
                await asyncio.to_thread(self.seal, heard)
            except ClusterError as error:
                self._look_at = 0.0
                _log.warning("audit events do not get into the ledger: %s", error)
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._woken.wait()
            except TimeoutError:
                continue
            self._woken.clear()
            await asyncio.sleep(_GATHER_SECONDS)

    def seal(self, heard: Sequence[AuditEvent] = ()) -> None:
        """Append what was heard of, and when it is time what the store has. Blocks. Raises ClusterError."""
        self._append(heard)
        if self._monotonic() >= self._look_at:
            self._look()
            self._look_at = self._monotonic() + _LOOK_SECONDS

    def _look(self) -> None:
        if self._seen < 0:
            self._seen = self._start()
        looked_at: dict[str, None] = {}
        after, more = max(0, min(self._seen, self._unix_ns()) - OVERTAKEN_NS), True
        while more:
            page = self._store.audit_events_since(after=after, namespace=None, limit=_PAGE)
            more = len(page) >= _PAGE
            events = [kept.event for kept in page]
            self._append([event for event in events if event.id not in self._sealed])
            looked_at |= dict.fromkeys(event.id for event in events)
            if page:
                after = page[-1].received_at
                self._seen = max(self._seen, after)
        self._sealed = looked_at

    def _append(self, events: Sequence[AuditEvent]) -> None:
        if events:
            self._book.note(events)
            self._sealed |= dict.fromkeys(event.id for event in events)

    def _start(self) -> int:
        """Give a time of receipt up to which all events are in the ledger."""
        newest = self._store.latest_entry("event")
        if newest is None:
            return 0
        try:
            value = read_entry(newest.data)
        except EntryError:
            return 0
        found = self._store.audit_events(AuditQuery(id=value.id)) if isinstance(value, AuditEvent) else []
        return max(0, min(found[0].received_at, self._unix_ns()) - _RESTART_NS) if found else 0
