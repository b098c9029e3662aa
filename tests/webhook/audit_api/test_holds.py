"""Legal holds: set, seen and released, each step on record."""

import json
from typing import Any

import pytest
from audit_client import BASE, ApiServer
from audit_server import Served

from webhook.audit_api.access import Action
from webhook.journal.events import Kind
from webhook.store.audit import AuditQuery
from webhook.store.contract import Store

API = "audit.chaperone.dev/v1alpha1"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


def post(api: ApiServer, path: str, spec: dict[str, Any], *, kind: str = "LegalHold", code: int = 201) -> Any:
    body = {"apiVersion": API, "kind": kind, "metadata": {"name": "mine"}, "spec": spec}
    answer = api.ask(f"{BASE}/legalholds{path}", body=json.dumps(body).encode())
    assert answer.status == code, answer.data
    return json.loads(answer.data)


def test_a_hold_is_set_seen_and_released(api: ApiServer, store: Store) -> None:
    spec = {"agent": "agent", "since": "2026-03-01T00:00:00Z", "reason": "case 7, asked for by counsel"}
    made = post(api, "", spec)
    name = made["metadata"]["name"]
    assert made["spec"] == {**spec, "since": "2026-03-01T00:00:00.000000Z"}
    assert made["status"]["inForce"] is True
    assert made["status"]["setBy"]["username"] == "auditor"
    assert api.json(f"{BASE}/legalholds/{name}") == made
    assert api.json(f"{BASE}/legalholds")["items"] == [made]
    table = api.json(f"{BASE}/legalholds", accept=TABLE)
    assert table["rows"][0]["cells"][1:5] == [
        "agent=agent since=2026-03-01T00:00:00.000000Z",
        "auditor",
        "case 7, asked for by counsel",
        "yes",
    ]
    released = post(api, f"/{name}/release", {"reason": "closed"}, kind="LegalHoldRelease")
    assert released["status"]["inForce"] is False
    assert released["status"]["releaseReason"] == "closed"
    again = post(api, f"/{name}/release", {"reason": "once more"}, kind="LegalHoldRelease")
    assert again == released
    events = [kept.event for kept in store.audit_events(AuditQuery())]
    reasons = {event.kind: event.reason for event in events}
    assert reasons == {Kind.HOLD_SET: spec["reason"], Kind.HOLD_RELEASED: "closed"}
    assert {event.actor.username for event in events} == {"auditor"}


def test_reads_of_holds_are_told(api: ApiServer, served: Served) -> None:
    api.json(f"{BASE}/legalholds")
    api.json(f"{BASE}/legalholds/nothing", code=404)
    told = [(read.action, read.resource, read.name) for read in served.reads]
    assert told == [(Action.LIST, "legalholds", ""), (Action.GET, "legalholds", "nothing")]


@pytest.mark.parametrize(
    ("spec", "word"),
    [
        ({"reason": "why"}, "what to keep"),
        ({"agent": "x", "reason": " "}, "why"),
        ({"agent": "x"}, "reason"),
        ({"since": "soon", "reason": "why"}, "spec.since"),
        ({"since": "2026-03-01T00:00:00Z", "until": "2026-02-01T00:00:00Z", "reason": "w"}, "later"),
        ({"agent": "x" * 2000, "reason": "why"}, "characters"),
        ({"agent": "x", "reason": "y" * 2000}, "characters"),
    ],
)
def test_what_is_no_hold_is_refused(api: ApiServer, store: Store, spec: dict[str, str], word: str) -> None:
    answer = api.ask(
        f"{BASE}/legalholds",
        body=json.dumps({"apiVersion": API, "kind": "LegalHold", "spec": spec}).encode(),
    )
    assert answer.status in (400, 422)
    assert word in json.loads(answer.data)["message"]
    assert store.audit_events(AuditQuery()) == []


def test_a_body_of_another_kind_is_refused(api: ApiServer) -> None:
    assert post(api, "", {"agent": "x", "reason": "y"}, kind="Session", code=400)["reason"] == "BadRequest"
    assert api.ask(f"{BASE}/legalholds", body=b"x" * 70_000).status == 413


def test_what_is_not_there_cannot_be_released(api: ApiServer) -> None:
    found = post(api, "/01m3250v00wtbvtjmefmkeffw2/release", {"reason": "x"}, code=404)
    assert found["details"]["kind"] == "legalholds"
