"""Who else hears of audit events, and what is counted: put together for each role."""

import asyncio
import datetime as dt
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector

from sidecar.masking import Engine, Profile
from webhook.cluster_events.teller import Teller
from webhook.journal.fanout import FanOut, Listener
from webhook.journal.journal import Journal
from webhook.journal.masked import Mask
from webhook.kube.api import KubeApi
from webhook.metrics.approvals import ApprovalMetrics
from webhook.metrics.collector import CollectorMetrics
from webhook.metrics.notifications import ClusterEventMetrics, NotificationMetrics
from webhook.metrics.reviews import ReviewMetrics
from webhook.metrics.state import PolicyMetrics
from webhook.notifications.notifier import Maker, Notifier
from webhook.settings import Settings

REFRESH_SECONDS: Final = 30.0
"""Between two looks at the Secret with the receivers."""


class AdmissionObservers:
    """Metrics of the admission role, and its events on objects of the cluster."""

    def __init__(self, api: KubeApi, *, pod: str) -> None:
        """``pod`` is the name of this process's pod."""
        self.registry = _registry()
        self.reviews = ReviewMetrics(self.registry)
        self.approvals = ApprovalMetrics(self.registry, clock=lambda: dt.datetime.now(dt.UTC))
        self.policies = PolicyMetrics(self.registry)
        self._teller = Teller(api, instance=pod, mask=_mask, counts=ClusterEventMetrics(self.registry))

    def fan_out(self, journal: Journal) -> FanOut:
        """Give the journal that these hear of, too."""
        return FanOut(journal, (self._teller, self.approvals))

    def start(self) -> None:
        """Begin to tell the cluster."""
        self._teller.start()

    async def stop(self) -> None:
        """Tell what is left, for a moment."""
        await asyncio.to_thread(self._teller.stop)


class CollectorObservers:
    """Metrics of the collector role, and its notifications."""

    def __init__(self, settings: Settings, journal: Journal, maker: Maker) -> None:
        """``journal`` is told what came of notifications, as events that ``maker`` makes."""
        self.registry = _registry()
        self.stored = CollectorMetrics(self.registry)
        self._notifier = (
            Notifier(
                settings.notifications,
                settings.receivers,
                journal,
                maker=maker,
                mask=_mask,
                counts=NotificationMetrics(self.registry),
            )
            if settings.receivers is not None
            else None
        )

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """Who hears of audit events that are stored."""
        return () if self._notifier is None else (self._notifier,)

    async def refresh(self) -> None:
        """Take the receivers as they are now. Raises ConfigurationError."""
        if self._notifier is not None:
            await asyncio.to_thread(self._notifier.refresh)

    async def stop(self) -> None:
        """Send what is left, for a moment."""
        if self._notifier is not None:
            await asyncio.to_thread(self._notifier.stop)


def _registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return registry


def _mask() -> Mask:
    """Give a masking function for one thread. Takes a moment."""
    return Engine.load(Profile.STRICT).masks()
