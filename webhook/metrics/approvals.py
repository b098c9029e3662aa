"""How approvals stand, and how long people take."""

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from webhook.approvals import lifecycle
from webhook.approvals.objects import ApprovalRequest, Phase
from webhook.journal.events import AuditEvent, Kind
from webhook.journal.glass import as_glass

_SECONDS: Final = (5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 14400.0, 86400.0)
_OUTCOMES: Final = {
    Kind.APPROVAL_ASKED: "asked",
    Kind.APPROVAL_REFUSED: "verdict-refused",
    Kind.APPROVAL_USED: "used",
    Kind.APPROVAL_EXPIRED: "expired",
    Kind.APPROVAL_REMOVED: "removed",
    Kind.BREAK_GLASS: "break-glass",
}
_VERDICTS: Final = {
    "approve": "approved",
    "deny": "denied",
    "review": "reviewed",
    "standing": "standing",
    "break-glass": "break-glass",
}
_OTHER: Final = "other"


class PendingMetrics:
    """What waits. Every admission replica sees all of it, and shows the same. ``clock`` gives the time."""

    def __init__(self, registry: CollectorRegistry, clock: Callable[[], dt.datetime]) -> None:
        self._clock = clock
        self._pending = Gauge(
            "chaperone_approvals_pending",
            "Approval requests that wait for a verdict; the same in every replica.",
            registry=registry,
        )
        self._oldest = Gauge(
            "chaperone_approvals_oldest_pending_seconds",
            "Age of the approval request that waits longest; 0 when none waits. The same in every replica.",
            registry=registry,
        )

    def observe_tickets(self, tickets: Iterable[ApprovalRequest]) -> None:
        """Take all approval requests there are."""
        now = self._clock()
        waiting = [ticket for ticket in tickets if lifecycle.phase_at(ticket, now) is Phase.PENDING]
        since = [ticket.metadata.creation_timestamp or now for ticket in waiting]
        self._pending.set(len(waiting))
        self._oldest.set((now - min(since)).total_seconds() if since else 0)


class ApprovalMetrics:
    """What became of approvals: a listener to audit events where they are stored, each of them once."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._outcomes = Counter(
            "chaperone_approvals",
            "What happened to approval requests.",
            ("outcome",),
            registry=registry,
        )
        self._decided = Histogram(
            "chaperone_approval_decision_seconds",
            "From asking to the verdict that settled it.",
            ("verdict",),
            buckets=_SECONDS,
            registry=registry,
        )
        for outcome in (*_OUTCOMES.values(), *_VERDICTS.values()):
            self._outcomes.labels(outcome)
        for verdict in ("approved", "denied"):
            self._decided.labels(verdict)

    def offer(self, events: Iterable[AuditEvent]) -> None:
        """Count what happened."""
        for event in map(as_glass, events):
            if event.kind is Kind.APPROVAL_DECIDED:
                self._verdict(event)
            elif event.kind in _OUTCOMES:
                self._outcomes.labels(_OUTCOMES[event.kind]).inc()

    def _verdict(self, event: AuditEvent) -> None:
        verdict = _VERDICTS.get(event.details.get("verdict", ""), _OTHER)
        self._outcomes.labels(verdict).inc()
        waited = event.details.get("waited", "")
        if verdict in {"approved", "denied"} and "missing" not in event.details and waited.isdecimal():
            self._decided.labels(verdict).observe(int(waited))
