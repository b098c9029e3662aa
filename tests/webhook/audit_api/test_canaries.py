"""Canaries: what the record says of them, and what is put on record."""

import asyncio
import json
from typing import Any

import pytest
from audit_client import BASE, ApiServer
from canary_samples import WHO, mark, sent

from sidecar.contract.sealing import Identity
from webhook.audit_api.canaries import Canaries
from webhook.audit_api.canary_objects import CARD_NUMBER, Canary, CanarySpec, CanaryStatus
from webhook.audit_api.threads import Threads
from webhook.journal.events import AuditEvent, Kind, Outcome
from webhook.store.audit import AuditQuery
from webhook.store.contract import Phase, Store


def looked_up(store: Store, number: int) -> CanaryStatus:
    async def no_pause(_: float) -> None:
        pass

    canaries = Canaries(store, Threads(), None, sleep=no_pause)
    spec = CanarySpec(pod="bird", mark=mark(number), masked=True, refused=True)
    return asyncio.run(canaries.recorded(Canary(spec), WHO, "payments"))


def test_a_canary_that_lives(store: Store) -> None:
    session = sent(store, 1)
    assert looked_up(store, 1) == CanaryStatus(passed=True, recorded=True, session=session, why="")


@pytest.mark.parametrize(
    ("number", "changes", "why"),
    [
        (2, {"identity": Identity("somebody-else")}, "no session of this user in this pod"),
        (3, {"pod": "other"}, "no session of this user in this pod"),
        (4, {"phase": Phase.ACTIVE}, "the session is Active, not Completed"),
        (5, {"phase": Phase.INTERRUPTED}, "the session is Interrupted"),
        (6, {"findings": {}}, "has no finding"),
        (7, {"shown": CARD_NUMBER}, "the card number is in the record"),
        (8, {"shown": "nothing"}, "does not show the masked number"),
    ],
)
def test_canaries_that_die_say_of_what(store: Store, number: int, changes: dict[str, Any], why: str) -> None:
    sent(store, number, **changes)
    found = looked_up(store, number)
    assert (found.passed, found.recorded) == (False, False)
    assert why in found.why


def told(store: Store, session: str) -> AuditEvent:
    [kept] = store.audit_events(AuditQuery(kind=Kind.CANARY, session=session))
    return kept.event


def create(api: ApiServer, code: int = 201, **spec: Any) -> Any:
    body = {"apiVersion": "audit.chaperone.dev/v1alpha1", "kind": "Canary", "spec": spec}
    answer = api.ask(f"{BASE}/namespaces/payments/canaries", body=json.dumps(body).encode())
    assert answer.status == code, answer.data
    return json.loads(answer.data)


@pytest.mark.parametrize(
    ("number", "masked", "refused", "said", "outcome", "reason"),
    [
        (11, True, True, "", Outcome.SUCCESS, "masked, refused and recorded"),
        (12, False, True, "it came back as it is", Outcome.FAILURE, "not masked; it came back as it is"),
        (13, True, False, "", Outcome.FAILURE, "not refused"),
    ],
)
def test_what_comes_of_it_is_an_audit_event(
    api: ApiServer,
    store: Store,
    number: int,
    masked: bool,
    refused: bool,
    said: str,
    outcome: Outcome,
    reason: str,
) -> None:
    session = sent(store, number, identity=Identity("auditor"))
    answer = create(api, pod="bird", mark=mark(number), masked=masked, refused=refused, said=said)
    assert answer["status"]["passed"] == (outcome is Outcome.SUCCESS)
    event = told(store, session)
    assert (event.outcome, event.reason, event.actor.username) == (outcome, reason, "auditor")
    assert event.details["recorded"] == "yes"
    assert (event.where.namespace, event.where.name) == ("payments", "bird")


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"pod": "bird", "mark": "canary", "masked": True, "refused": True},
        {"pod": "bird", "mark": mark(1), "masked": "yes", "refused": True},
        {"pod": "bird", "mark": mark(1), "masked": True, "refused": True, "said": "x" * 501},
    ],
)
def test_what_is_no_canary_is_told(api: ApiServer, spec: dict[str, Any]) -> None:
    assert "no Canary" in create(api, 400, **spec)["message"]
