"""What is counted, and how it is shown to who scrapes."""

import datetime as dt
import re

import anyio
import msgspec
import pytest
from approvals import NOW, needed, pending
from httpish import Asgi
from msgspec.structs import replace
from policy_samples import BUILTIN, question
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from store_samples import Growing, make_record
from told import decided, event

from sidecar.contract.errors import CallerError
from webhook.admission.review import Answer, Denial, Request, Resource, UserInfo
from webhook.approvals.objects import ApprovalRequest, Phase
from webhook.collector.operations import Append, Outcome, Record
from webhook.journal.events import Kind
from webhook.metrics.approvals import ApprovalMetrics, PendingMetrics
from webhook.metrics.collector import CollectorMetrics
from webhook.metrics.exposition import with_metrics
from webhook.metrics.notifications import ClusterEventMetrics, NotificationMetrics
from webhook.metrics.reviews import ReviewMetrics
from webhook.metrics.state import PolicyMetrics, journal_depth
from webhook.policy.active import State
from webhook.policy.decision import Action, Decision, Operation
from webhook.server.health import bare_app

REQUEST = Request(uid="1", operation=Operation.CONNECT, resource=Resource(), user_info=UserInfo("agent"))
SECONDS = 0.002


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(name, labels)


class Says:
    """A door that gives one answer, or finds every review malformed."""

    def __init__(self, answer: Answer | None) -> None:
        self._answer = answer

    async def review(self, request: Request) -> Answer:
        if self._answer is None:
            raise CallerError("malformed")
        return self._answer


def _decision(action: Action) -> Decision:
    return msgspec.structs.replace(BUILTIN, action=action)


@pytest.mark.parametrize(
    ("answer", "action", "outcome"),
    [
        (Answer(), "none", "allowed"),
        (Answer(decision=_decision(Action.AUDIT)), "audit", "allowed"),
        (Answer(Denial("no"), decision=_decision(Action.DENY)), "deny", "refused"),
        (Answer(Denial("no"), decision=_decision(Action.APPROVE)), "approve", "refused"),
        (Answer(decision=_decision(Action.APPROVE)), "approve", "allowed"),
        (Answer(Denial("later", code=503)), "none", "unavailable"),
    ],
)
def test_every_answer_of_a_door_is_counted(answer: Answer, action: str, outcome: str) -> None:
    registry = CollectorRegistry()
    times = iter([1.0, 1.0 + SECONDS])
    doors = ReviewMetrics(registry).counted({"exec": Says(answer)}, clock=lambda: next(times))
    assert anyio.run(doors["exec"].review, REQUEST) is answer
    labels = {"door": "exec", "action": action, "outcome": outcome}
    assert value(registry, "chaperone_reviews_total", **labels) == 1
    assert value(registry, "chaperone_review_seconds_sum", door="exec") == pytest.approx(SECONDS)


def test_what_cannot_be_read_is_counted_and_still_refused() -> None:
    registry = CollectorRegistry()
    doors = ReviewMetrics(registry).counted({"exec": Says(None)})
    with pytest.raises(CallerError):
        anyio.run(doors["exec"].review, REQUEST)
    labels = {"door": "exec", "action": "none", "outcome": "malformed"}
    assert value(registry, "chaperone_reviews_total", **labels) == 1
    assert value(registry, "chaperone_review_seconds_count", door="exec") == 0


def ticket(asked: dt.datetime, phase: Phase = Phase.PENDING) -> ApprovalRequest:
    found = pending(question(), needed(BUILTIN))
    return replace(
        found,
        metadata=replace(found.metadata, creation_timestamp=asked),
        spec=replace(found.spec, expires_at=NOW + dt.timedelta(hours=1)),
        status=replace(found.status, phase=phase),
    )


def test_what_waits_and_for_how_long() -> None:
    registry = CollectorRegistry()
    metrics = PendingMetrics(registry, clock=lambda: NOW)
    minutes = [NOW - dt.timedelta(minutes=number) for number in range(3)]
    old = NOW - dt.timedelta(days=1)
    expired = replace(ticket(old), spec=replace(ticket(old).spec, expires_at=NOW))
    metrics.observe_tickets([*map(ticket, minutes), ticket(old, Phase.USED), expired])
    assert value(registry, "chaperone_approvals_pending") == 3
    assert value(registry, "chaperone_approvals_oldest_pending_seconds") == 120
    metrics.observe_tickets([])
    assert value(registry, "chaperone_approvals_pending") == 0
    assert value(registry, "chaperone_approvals_oldest_pending_seconds") == 0


def test_what_became_of_approvals_and_how_long_people_took() -> None:
    registry = CollectorRegistry()
    metrics = ApprovalMetrics(registry)
    metrics.offer([event(kind) for kind in Kind if kind is not Kind.APPROVAL_DECIDED])
    metrics.offer([decided("approve", waited="40"), decided("approve", missing="1", waited="20")])
    metrics.offer([decided("deny", waited="7"), decided("deny"), decided("4111111111111111")])
    outcomes = {
        sample.labels["outcome"]: sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "chaperone_approvals_total"
    }
    assert outcomes == {
        "asked": 1,
        "approved": 2,
        "denied": 2,
        "reviewed": 0,
        "standing": 0,
        "verdict-refused": 1,
        "used": 1,
        "expired": 1,
        "removed": 1,
        "break-glass": 1,
        "other": 1,
    }
    assert value(registry, "chaperone_approval_decision_seconds_sum", verdict="approved") == 40
    assert value(registry, "chaperone_approval_decision_seconds_count", verdict="denied") == 1


def test_what_the_collector_stores_is_counted() -> None:
    registry = CollectorRegistry()
    metrics = CollectorMetrics(registry)
    session, grown = Growing(make_record()).grow(b"one", b"two")
    frames = tuple(grown)
    metrics.stored([Outcome(Append(session, frames, (), new=session)), Outcome(Append(session, frames, ()))])
    metrics.stored([Outcome(Record(()))])
    metrics.failed()
    assert value(registry, "chaperone_sessions_total") == 1
    assert value(registry, "chaperone_frames_total") == 2 * len(frames) > 0
    assert value(registry, "chaperone_store_errors_total") == 1


def test_how_things_stand_is_asked_at_the_scrape() -> None:
    registry, depth = CollectorRegistry(), [3]
    journal_depth(registry, lambda: depth[0])
    policies = PolicyMetrics(registry)
    states = (State("a", 1, "1"), State("b", 1, "1", error="broken", active=False))
    assert policies.taken(states) == states
    assert value(registry, "chaperone_journal_bytes") == 3
    depth[0] = 5
    assert value(registry, "chaperone_journal_bytes") == 5
    assert value(registry, "chaperone_policies", state="active") == 1
    assert value(registry, "chaperone_policies", state="broken") == 1
    policies.taken([])
    assert value(registry, "chaperone_policies", state="broken") == 0


def test_a_scrape_is_prometheus_text_and_names_nobody() -> None:
    registry = CollectorRegistry()
    ReviewMetrics(registry).counted({"exec": Says(None), "pods": Says(None)})
    ApprovalMetrics(registry).offer([event(), decided("approve", waited="3")])
    notifications, told = NotificationMetrics(registry), ClusterEventMetrics(registry)
    notifications.sent("chat", 2)
    notifications.failed("mail", 1)
    told.written()
    told.lost()
    app = Asgi(with_metrics(bare_app(), registry))
    assert anyio.run(app.get, "/other")[0] == 404
    assert anyio.run(app.post, "/metrics", b"")[0] == 405
    status, body = anyio.run(app.get, "/metrics")
    assert status == 200
    text = body.decode()
    families = list(text_string_to_metric_families(text))
    assert {family.name for family in families} >= {
        "chaperone_reviews",
        "chaperone_review_seconds",
        "chaperone_approvals",
        "chaperone_notifications",
        "chaperone_cluster_events",
    }
    assert all(family.documentation and re.fullmatch("chaperone_[a-z_]+", family.name) for family in families)
    for name in ("agent", "coder", "payments", "shop", "bob"):
        assert name not in text
