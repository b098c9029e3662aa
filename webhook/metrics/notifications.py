"""What became of notifications, by receiver: a name out of the installation's own Secret."""

from prometheus_client import CollectorRegistry, Counter


class NotificationMetrics:
    """Counts notifications."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._notifications = Counter(
            "chaperone_notifications",
            "Notifications, by receiver and whether they went out.",
            ("receiver", "outcome"),
            registry=registry,
        )

    def sent(self, receiver: str, count: int) -> None:
        """Count some that went out."""
        self._notifications.labels(receiver, "sent").inc(count)

    def failed(self, receiver: str, count: int) -> None:
        """Count some that did not."""
        self._notifications.labels(receiver, "failed").inc(count)


class ClusterEventMetrics:
    """Counts cluster events."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._events = Counter(
            "chaperone_cluster_events",
            "Events written on objects of the cluster, or lost.",
            ("outcome",),
            registry=registry,
        )

    def written(self) -> None:
        """Count one that was written."""
        self._events.labels("written").inc()

    def lost(self) -> None:
        """Count one that was not."""
        self._events.labels("lost").inc()
