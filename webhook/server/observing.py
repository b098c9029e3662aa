"""Who else hears of audit events, and what is counted: put together for each role."""

import asyncio
import datetime as dt
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector

from sidecar.masking import Engine, Profile
from webhook.cluster_events.teller import Teller
from webhook.journal.events import AuditEvent
from webhook.journal.fanout import FanOut, Listener, tell
from webhook.journal.journal import Journal
from webhook.journal.making import Maker
from webhook.journal.masked import Mask
from webhook.kube.api import KubeApi
from webhook.metrics.approvals import ApprovalMetrics, PendingMetrics
from webhook.metrics.collector import CollectorMetrics
from webhook.metrics.notifications import ClusterEventMetrics, NotificationMetrics
from webhook.metrics.reviews import ReviewMetrics
from webhook.metrics.state import PolicyMetrics, journal_depth
from webhook.notifications.missed import recent
from webhook.notifications.notifier import Notifier
from webhook.server.tasks import Tasks
from webhook.settings import Settings
from webhook.store.audit import AuditStore

_REFRESH_SECONDS: Final = 30.0
"""Between two looks at the Secret with the receivers."""
_MISSED_NS: Final = 15 * 60 * 1_000_000_000
"""What happened earlier than so long ago is not told any more after a restart."""


class AdmissionObservers:
    """Metrics of the admission role, and its events on objects of the cluster."""

    def __init__(self, api: KubeApi, journal: Journal, *, depth: Callable[[], int], pod: str) -> None:
        """``depth`` gives the bytes that wait in ``journal``; ``pod`` is the name of this process's pod."""
        self.registry = _registry(depth)
        self.reviews = ReviewMetrics(self.registry)
        self.approvals = PendingMetrics(self.registry, clock=lambda: dt.datetime.now(dt.UTC))
        self.policies = PolicyMetrics(self.registry)
        self._teller = Teller(api, instance=pod, mask=strict_mask, counts=ClusterEventMetrics(self.registry))
        self.journal = FanOut(journal, (self._teller,))
        """The journal, whose events are told on their objects."""

    def start(self) -> None:
        """Begin to tell the cluster."""
        self._teller.start()

    async def stop(self) -> None:
        """Tell what is left, for a moment."""
        await asyncio.to_thread(self._teller.stop)


class CollectorObservers:
    """Metrics of the collector role, and its notifications."""

    def __init__(
        self, settings: Settings, journal: Journal, maker: Maker, *, depth: Callable[[], int]
    ) -> None:
        """``journal`` is told what came of notifications, as events that ``maker`` makes.

        ``depth`` gives the bytes that wait in it.
        """
        self.registry = _registry(depth)
        self.stored = CollectorMetrics(self.registry)
        approvals = ApprovalMetrics(self.registry)
        self._caught_up = False
        self._notifier = (
            Notifier(
                settings.notifications,
                settings.receivers,
                journal,
                maker=maker,
                mask=strict_mask,
                counts=NotificationMetrics(self.registry),
            )
            if settings.receivers is not None
            else None
        )
        self._listeners: tuple[Listener, ...] = (
            (approvals, self._notifier) if self._notifier else (approvals,)
        )

    def hear(self, events: Sequence[AuditEvent]) -> None:
        """Take note of audit events that are stored. Never raises."""
        tell(self._listeners, events)

    def start(self, tasks: Tasks, store: AuditStore) -> None:
        """Follow the Secret with the receivers, and first tell what an earlier process had not told."""
        if self._notifier is not None:
            follow = partial(self._follow, self._notifier, store)
            tasks.repeat("receivers", follow, seconds=_REFRESH_SECONDS)

    async def _follow(self, notifier: Notifier, store: AuditStore) -> None:
        await asyncio.to_thread(notifier.refresh)
        if not self._caught_up:
            notifier.catch_up(await asyncio.to_thread(recent, store, time.time_ns() - _MISSED_NS))
            self._caught_up = True

    async def stop(self) -> None:
        """Send what is left, for a moment."""
        if self._notifier is not None:
            await asyncio.to_thread(self._notifier.stop)


def _registry(depth: Callable[[], int]) -> CollectorRegistry:
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    journal_depth(registry, depth)
    return registry


def strict_mask() -> Mask:
    """Give a masking function for one thread. Takes a moment."""
    return Engine.load(Profile.STRICT).masks()
