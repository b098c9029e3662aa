"""What the doors answered, and how long they took."""

import time
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram

from sidecar.contract.errors import CallerError
from webhook.admission.review import Answer, Request
from webhook.policy.decision import Action

_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 20.0)
_NO_ACTION: Final = "none"
_UNAVAILABLE: Final = 503
_REFUSING: Final = frozenset({Action.DENY.value, Action.APPROVE.value})


class Door(Protocol):
    """Judges the reviews of one kind."""

    async def review(self, request: Request) -> Answer:
        """Give the answer. Raises MalformedReviewError."""
        ...


class ReviewMetrics:
    """Counts reviews."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._reviews = Counter(
            "chaperone_reviews",
            "Reviews answered, by door, what policies said, and whether the request went on.",
            ("door", "action", "outcome"),
            registry=registry,
        )
        self._seconds = Histogram(
            "chaperone_review_seconds",
            "How long a door took to judge a review.",
            ("door",),
            buckets=_SECONDS,
            registry=registry,
        )

    def observe(self, door: str, answer: Answer, seconds: float) -> None:
        """Count one answer."""
        action = answer.decision.action.value if answer.decision is not None else _NO_ACTION
        self._reviews.labels(door, action, _outcome(answer)).inc()
        self._seconds.labels(door).observe(seconds)

    def malformed(self, door: str) -> None:
        """Count one that could not be read."""
        self._reviews.labels(door, _NO_ACTION, "malformed").inc()

    def counted(
        self, doors: Mapping[str, Door], clock: Callable[[], float] = time.perf_counter
    ) -> dict[str, Door]:
        """Give the doors with everything they answer counted. ``clock`` gives seconds."""
        for name in doors:
            self._seconds.labels(name)
            for action in (_NO_ACTION, *(action.value for action in Action)):
                self._reviews.labels(name, action, "refused" if action in _REFUSING else "allowed")
        return {name: _Counted(name, door, self, clock) for name, door in doors.items()}


class _Counted:
    def __init__(self, name: str, door: Door, metrics: ReviewMetrics, clock: Callable[[], float]) -> None:
        self._name = name
        self._door = door
        self._metrics = metrics
        self._clock = clock

    async def review(self, request: Request) -> Answer:
        """Give the door's answer. Raises MalformedReviewError."""
        began = self._clock()
        try:
            answer = await self._door.review(request)
        except CallerError:
            self._metrics.malformed(self._name)
            raise
        self._metrics.observe(self._name, answer, self._clock() - began)
        return answer


def _outcome(answer: Answer) -> str:
    if answer.denial is None:
        return "allowed"
    return "unavailable" if answer.denial.code == _UNAVAILABLE else "refused"
