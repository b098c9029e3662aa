"""What the collector does about sessions besides taking them in.

It closes those of lost recorders, and ends those that somebody ordered to be ended.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from webhook.audit_api.killing import KillOrder
from webhook.collector.closing import (
    BEAT_SECONDS,
    LOOK_SECONDS,
    Closing,
    Lost,
    Pods,
    closing,
    is_closed,
    telling,
)
from webhook.collector.finding_alerts import pod_of
from webhook.collector.operations import Record
from webhook.collector.orders import POLL_SECONDS
from webhook.collector.route import Collector
from webhook.journal.events import AuditEvent, Kind, Outcome
from webhook.journal.making import Maker
from webhook.server.tasks import Tasks
from webhook.store.contract import Store

_log = logging.getLogger(__name__)


class SessionKeeping:
    """Put together from store, collector and cluster. Used on one event loop; ``shown`` masks events."""

    def __init__(
        self,
        store: Store,
        collector: Collector,
        pods: Pods,
        maker: Maker,
        *,
        shown: Callable[[AuditEvent], AuditEvent],
        lost_after_seconds: float,
    ) -> None:
        self._store = store
        self._collector = collector
        self._maker = maker
        self._shown = shown
        self._closing = Closing(
            store,
            pods,
            silent_seconds=lost_after_seconds,
            unix_ns=time.time_ns,
            troubled_at=lambda: collector.troubled_at,
        )

    def start(self, tasks: Tasks) -> None:
        """Start the tasks."""
        tasks.repeat("connected sessions", self._beat, seconds=BEAT_SECONDS)
        tasks.repeat("lost sessions", self._look, seconds=LOOK_SECONDS)
        tasks.repeat("orders to end sessions", self._read_orders, seconds=POLL_SECONDS)

    async def order(self, asked: KillOrder) -> int:
        """Make an order durable, and give when it was given. Raises StoreError."""
        event = self._shown(kill_event(self._maker, asked))
        await self._collector.recording.keep([event])
        return event.at

    async def _look(self) -> None:
        for lost in await asyncio.to_thread(self._closing.look):
            await self._close(lost)

    async def _close(self, lost: Lost) -> None:
        outcomes = await self._collector.perform(closing(lost))
        if is_closed(outcomes[-1].kept):
            stamp = self._maker.stamp()
            _log.warning("session %s is closed: %s", lost.record.session, lost.reason)
            event = telling(lost, by=self._maker.itself, origin=stamp.origin, at=stamp.at)
            await self._collector.perform([Record((self._shown(event),))])

    async def _beat(self) -> None:
        await self._collector.beat()

    async def _read_orders(self) -> None:
        orders = self._collector.orders
        orders.take(await asyncio.to_thread(orders.read, self._store, time.time_ns()))


def kill_event(maker: Maker, asked: KillOrder) -> AuditEvent:
    """Give the audit event of an order, to be masked: anything may be pasted into a reason."""
    stamp, record = maker.stamp(), asked.record
    return AuditEvent(
        id=stamp.id,
        at=stamp.at,
        origin=stamp.origin,
        kind=Kind.SESSION_KILLED,
        outcome=Outcome.SUCCESS,
        actor=asked.by,
        where=pod_of(record),
        operation="kill",
        asked=f"end of the session of {record.identity.username} in pod {record.namespace}/{record.pod}",
        argv=record.argv,
        reason=asked.reason,
        requester=record.identity.username,
        session=record.session,
    )
