"""Every session that has ended gets its manifest into the ledger, whatever was killed in between.

Ended sessions are looked for in the store, from the time up to which all of them are known to be sealed.
That time goes into every checkpoint, where the next process finds it. Sealing a session twice is harmless.
A clock that went ahead and was set back is no reason to look only at what comes after it: what changes now is
stamped with the time of now.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from typing import Final

from sidecar.contract.errors import ClusterError
from webhook.collector.book import Book
from webhook.collector.manifests import is_over
from webhook.collector.operations import Append, Outcome
from webhook.store.contract import SessionRecord, Store

_log = logging.getLogger(__name__)
_SECOND: Final = 1_000_000_000
OVERTAKEN_NS: Final = 120 * _SECOND
"""How long a writer may need between taking the time and having written; see ``Store.changed``."""
RESTART_NS: Final = 24 * 3600 * _SECOND
"""The same across a restart, where nobody remembers who was writing."""
_PAGE: Final = 200
_LOOK_SECONDS: Final = 30.0
"""A session may have been ended by another process."""
_GATHER_SECONDS: Final = 0.5
_REMEMBERED: Final = 20_000


class Sealing:
    """Seals sessions in the background. ``look`` and ``work`` are used on one event loop."""

    def __init__(self, store: Store, book: Book, unix_ns: Callable[[], int] = time.time_ns) -> None:
        self._store = store
        self._unix_ns = unix_ns
        self._book = book
        self._woken = asyncio.Event()
        self._seen = -1
        """Newest ``updated_at`` that was looked at; -1 before the ledger was asked."""
        self._looked_at = 0
        """When the last whole look began."""
        self._sealed: dict[str, tuple[int, str]] = {}
        """As which frames and ending sessions were sealed; one that was taken for lost may go on."""
        self._left: dict[str, SessionRecord] = {}

    @property
    def through(self) -> int:
        """Sessions that had ended, and whose record did not change after this time, are sealed."""
        looked = self._looked_at
        first_left = min((record.updated_at - 1 for record in self._left.values()), default=looked)
        return max(0, min(looked - OVERTAKEN_NS, first_left))

    def look(self, outcomes: Iterable[Outcome]) -> None:
        """Take note that sessions may have ended."""
        for outcome in outcomes:
            match outcome.operation:
                case Append(record) if is_over(record):
                    self._woken.set()
                case _:
                    continue

    async def work(self) -> None:
        """Seal for ever; what cannot be done now is tried again."""
        while True:
            try:
                await asyncio.to_thread(self.seal)
            except ClusterError as error:
                _log.warning("sessions cannot be sealed: %s", error)
                await asyncio.sleep(_LOOK_SECONDS / 10)
                continue
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._woken.wait()
            except TimeoutError:
                continue
            self._woken.clear()
            await asyncio.sleep(_GATHER_SECONDS)

    def seal(self) -> None:
        """Seal what has ended since the last time. Blocks. Raises ClusterError."""
        began = self._unix_ns()
        if self._seen < 0:
            self._seen = max(0, min(self._book.noted_through(), began) - RESTART_NS)
        self._left = {record.session: record for record in self._book.seal(self._left.values())}
        after, more = min(self._seen, began) - OVERTAKEN_NS, True
        while more:
            page = self._store.changed(after=after, namespace=None, limit=_PAGE)
            more = len(page) >= _PAGE
            self._seal([record for record in page if is_over(record) and not self._is_sealed(record)])
            if page:
                after = page[-1].updated_at
                self._seen = max(self._seen, after)
        self._looked_at = began
        for session in list(self._sealed)[: max(0, len(self._sealed) - _REMEMBERED)]:
            del self._sealed[session]

    def _seal(self, records: list[SessionRecord]) -> None:
        left = {record.session: record for record in self._book.seal(records)} if records else {}
        self._left |= left
        for record in records:
            if record.session not in left:
                self._sealed[record.session] = _state(record)

    def _is_sealed(self, record: SessionRecord) -> bool:
        return self._sealed.get(record.session) == _state(record)


def _state(record: SessionRecord) -> tuple[int, str]:
    return record.next_sequence, record.how.value if record.how else ""
