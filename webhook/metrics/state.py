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

    def taken(self, states: Iterable[State]) -> tuple[State, ...]:
        """Take what became of all policies, and give it on."""
        found = tuple(states)
        broken = sum(1 for state in found if state.error)
        self._policies.labels("broken").set(broken)
        self._policies.labels("active").set(len(found) - broken)
        return found


def journal_depth(registry: CollectorRegistry, depth: Callable[[], int]) -> None:
    """Show how much of a journal waits; ``depth`` gives bytes."""
    gauge = Gauge(
        "chaperone_journal_bytes",
        "Audit events of this process that are not stored yet, bytes.",
        registry=registry,
    )
    gauge.set_function(depth)
