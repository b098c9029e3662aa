"""A session's events as they come, until it ends or it is time for the client to ask again."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Final

from webhook.audit_api.changes import Changes
from webhook.audit_api.recordings import EventReader, frames
from webhook.audit_api.threads import Threads
from webhook.store.contract import Phase, Store

FOLLOW_SECONDS: Final = 45.0
"""The API server cuts off a request that is no watch after a minute: ask again from the next number."""
PAUSE_SECONDS: Final = 0.1
POLL_SECONDS: Final = 1.0
"""Longest time between two looks: another replica's changes are not announced here."""
_LINES: Final = 64


class Following:
    """Follows one session."""

    def __init__(
        self,
        store: Store,
        changes: Changes,
        threads: Threads,
        *,
        session: str,
        start: int,
        with_payload: bool,
        seconds: float = FOLLOW_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._changes = changes
        self._threads = threads
        self._session = session
        self._start = start
        self._with_payload = with_payload
        self._until = monotonic() + seconds
        self._monotonic = monotonic
        self._reader = EventReader()

    async def lines(self) -> AsyncIterator[bytes]:
        """Give the events as lines of JSON. Ends early when the session has."""
        while True:
            record = await self._threads.run(self._store.session, self._session)
            while found := await self._threads.run(self._read):
                yield found
            if record is None or record.phase is not Phase.ACTIVE:
                return
            left = self._until - self._monotonic()
            if left <= 0:
                return
            await asyncio.sleep(PAUSE_SECONDS)
            await self._changes.wait(record.updated_at, min(left, POLL_SECONDS))

    def _read(self) -> bytes:
        """Give what is stored by now, some of it."""
        lines: list[bytes] = []
        for frame in frames(self._store, self._session, start=self._start):
            lines.append(self._reader.line(frame, with_payload=self._with_payload))
            self._start = frame.sequence + 1
            if len(lines) >= _LINES:
                break
        return b"".join(lines)
