"""How things stand when somebody looks: asked at every scrape, so that nobody has to keep it up to date."""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Gauge

from webhook.policy.active import State


class PolicyMetrics:
    """Counts policies in force and broken ones."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._policies = Gauge(
            "chaperone_policies",
            "GuardPolicy objects: in force as they are, or broken, so that the last good version or none is.",
            ("state",),
            registry=registry,
        )

    def take(self, states: Iterable[State]) -> None:
        """Take what became of all policies."""
        found = tuple(states)
        broken = sum(1 for state in found if state.error)
        self._policies.labels("broken").set(broken)
        self._policies.labels("active").set(len(found) - broken)


def journal_depth(registry: CollectorRegistry, depth: Callable[[], int]) -> None:
    """Show how many audit events are not acknowledged by the collector yet."""
    gauge = Gauge(
        "chaperone_journal_events",
        "Audit events of this replica that the collector has not stored yet.",
        registry=registry,
    )
    gauge.set_function(depth)
