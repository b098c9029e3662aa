"""What the collector keeps."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter

from webhook.collector.operations import Append, Outcome


class CollectorMetrics:
    """Counts what was stored, and what could not be."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._sessions = Counter("chaperone_sessions", "Sessions taken in.", registry=registry)
        self._frames = Counter("chaperone_frames", "Frames of sessions stored.", registry=registry)
        self._errors = Counter("chaperone_store_errors", "Writes that the store refused.", registry=registry)

    def stored(self, outcomes: Iterable[Outcome]) -> None:
        """Count what is durable now."""
        for outcome in outcomes:
            operation = outcome.operation
            if isinstance(operation, Append):
                self._sessions.inc(operation.new is not None)
                self._frames.inc(len(operation.frames))

    def failed(self) -> None:
        """Count a write that failed."""
        self._errors.inc()
