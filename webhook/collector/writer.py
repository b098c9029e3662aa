"""The one thread that writes to the store, and the bound on what may wait for it."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Final, Protocol

from webhook.collector.changes import Changes, Stamps
from webhook.collector.finding_alerts import FindingAlerts
from webhook.collector.incidents import notice_event
from webhook.collector.operations import Note, Operation, Outcome, Record, perform
from webhook.collector.sealing import Sealing
from webhook.collector.spending import Spending
from webhook.journal.events import AuditEvent
from webhook.store.contract import PodNotice, Store, StoreError

Incident = Callable[[PodNotice], AuditEvent]
"""Gives the audit event of a notice, as it may be kept. Quick; never raises."""
Listener = Callable[[Sequence[AuditEvent]], None]
"""Hears of audit events once they are durable; quick, and never raises."""

_MOST_UNTOLD: Final = 20_000


class Counts(Protocol):
    """Counts what is written."""

    def stored(self, outcomes: Iterable[Outcome]) -> None:
        """Count what is durable now."""
        ...

    def failed(self) -> None:
        """Count a write that the store refused."""
        ...


WAITING_BYTES: Final = 64 * 1024 * 1024
"""Most bytes of messages that all connections together hold in memory."""


class Writer:
    """Does operations one list after the other, in the order they were given."""

    def __init__(
        self,
        store: Store,
        changes: Changes,
        unix_ns: Callable[[], int],
        spending: Spending | None = None,
        sealing: Sealing | None = None,
        *,
        audit_changes: Changes | None = None,
        listeners: Sequence[Listener] = (),
        counts: Counts | None = None,
        alerts: FindingAlerts | None = None,
        incident: Incident = notice_event,
    ) -> None:
        """``changes`` is told of sessions, ``audit_changes`` of audit events, and so are ``listeners``.

        ``incident`` gives the audit event that is kept of each notice, too.
        """
        self._store = store
        self._changes = changes
        self._audit_changes = audit_changes or Changes()
        self._listeners = listeners
        self._counts = counts
        self._alerts = alerts
        self._spending = spending
        self._sealing = sealing
        self._incident = incident
        self._untold: dict[str, None] = {}
        self._unsure: dict[str, AuditEvent] = {}
        """Of notices that may or may not be kept: what comes again is the same event, to the moment."""
        self._stamps = Stamps(unix_ns)
        self._unix_ns = unix_ns
        self.troubled_at = 0
        """When the store last refused, Unix nanoseconds; 0 for never."""
        self._thread = ThreadPoolExecutor(1, "store-writer")

    async def perform(self, operations: Sequence[Operation]) -> list[Outcome]:
        """Give the outcomes, all durable. Raises StoreError; some may have been done then."""
        loop = asyncio.get_running_loop()
        operations = [each for operation in operations for each in self._with_incident(operation)]
        try:
            outcomes = await loop.run_in_executor(
                self._thread, perform, self._store, operations, self._stamps
            )
        except StoreError:
            self.troubled_at = self._unix_ns()
            self._remember_untold(operations)
            if self._counts is not None:
                self._counts.failed()
            raise
        self._tell(outcomes)
        return outcomes

    def _with_incident(self, operation: Operation) -> list[Operation]:
        if not isinstance(operation, Note):
            return [operation]
        event = self._incident(operation.notice)
        return [operation, Record((self._unsure.pop(event.id, event),))]

    def _remember_untold(self, operations: Sequence[Operation]) -> None:
        """Some events may be kept now, and will not be fresh when they are sent again."""
        for operation in operations:
            if isinstance(operation, Record) and len(self._untold) < _MOST_UNTOLD:
                self._untold |= dict.fromkeys(event.id for event in operation.events)
        for noted, recorded in pairwise(operations):
            if isinstance(noted, Note) and isinstance(recorded, Record) and len(self._unsure) < _MOST_UNTOLD:
                self._unsure |= {event.id: event for event in recorded.events}

    async def note(self, notice: PodNotice) -> None:
        """Keep a notice. Raises StoreError."""
        await self.perform([Note(notice)])

    def _tell(self, outcomes: Sequence[Outcome]) -> None:
        if self._counts is not None:
            self._counts.stored(outcomes)
        recorded = [outcome for outcome in outcomes if isinstance(outcome.operation, Record)]
        if len(recorded) < len(outcomes):
            self._changes.announce(self._stamps.latest)
            for watcher in (self._spending, self._sealing, self._alerts):
                if watcher is not None:
                    watcher.look(outcomes)
        if fresh := [event for outcome in recorded for event in self._to_tell(outcome)]:
            self._audit_changes.announce(self._stamps.latest)
            for listener in self._listeners:
                listener(fresh)

    def _to_tell(self, outcome: Outcome) -> Sequence[AuditEvent]:
        """Give the events of an outcome that nobody has heard of."""
        if not self._untold or not isinstance(outcome.operation, Record):
            return outcome.fresh
        fresh = {event.id for event in outcome.fresh}
        events = outcome.operation.events
        told = [event for event in events if event.id in fresh or event.id in self._untold]
        for event in told:
            self._untold.pop(event.id, None)
        return told

    def close(self) -> None:
        """Wait for what is under way. Blocks."""
        self._thread.shutdown()


class Budget:
    """Bytes that may be held at once; whoever wants more waits for others to give back."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._freed = asyncio.Condition()

    async def take(self, count: int) -> None:
        """Wait until something is left, then take; the last taker may overdraw."""
        async with self._freed:
            await self._freed.wait_for(lambda: self._left > 0)
            self._left -= count

    async def give_back(self, count: int) -> None:
        """Let others have it."""
        async with self._freed:
            self._left += count
            self._freed.notify_all()
