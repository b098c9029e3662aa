"""Searches among audit events."""

import json
from typing import Any

import pytest
from audit_client import BASE, ApiServer
from audit_event_samples import make_event, make_maker
from audit_server import Served
from store_samples import T0

from sidecar.contract.sealing import Identity
from webhook.audit_api.access import Action, read_event
from webhook.journal.events import AuditEvent, Kind, Outcome
from webhook.store.contract import Store

Events = dict[str, AuditEvent]


@pytest.fixture
def events(store: Store) -> Events:
    made = {
        "psql": make_event(1, argv=("psql", "-c", "select ledger"), reason=""),
        "denied": make_event(2, outcome=Outcome.FAILURE, reason="no such ledger here", rule="shells"),
        "bob": make_event(3, kind=Kind.APPROVAL_DECIDED, actor=Identity("bob"), reason="ledger of March"),
        "elsewhere": make_event(4, namespace="billing", reason="the ledger of others"),
    }
    store.record(list(made.values()), received_at=T0)
    return made


def search(api: ApiServer, where: str = "/namespaces/payments", code: int = 201, **spec: Any) -> Any:
    body = {"apiVersion": "audit.chaperone.dev/v1alpha1", "kind": "EventSearch", "spec": spec}
    answer = api.ask(f"{BASE}{where}/eventsearches", body=json.dumps(body).encode())
    assert answer.status == code, answer.data
    return json.loads(answer.data)


def found(events: Events, answer: Any) -> list[str]:
    names = {event.id: name for name, event in events.items()}
    return [names[hit["event"]["metadata"]["name"]] for hit in answer["status"]["hits"]]


def test_words_lead_to_events_newest_first_and_are_marked(api: ApiServer, events: Events) -> None:
    answer = search(api, text="LEDGER")
    assert found(events, answer) == ["bob", "denied", "psql"]
    for hit in answer["status"]["hits"]:
        assert [hit["text"][start:end] for start, end in hit["highlight"]] == ["ledger"]
    assert answer["kind"] == "EventSearch"


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        ({"text": '"such ledger"'}, ["denied"]),
        ({"text": "ledger", "actor": "bob"}, ["bob"]),
        ({"text": "ledger", "type": "approval-decided"}, ["bob"]),
        ({"text": "ledger", "outcome": "failure"}, ["denied"]),
        ({"text": "ledger", "limit": 1}, ["bob"]),
        ({"text": "ledger", "since": "2026-09-21T14:13:20.003Z"}, ["bob"]),
        ({"text": "ledger", "until": "2026-09-21T14:13:20.002Z"}, ["psql"]),
        ({"text": "nowhere"}, []),
    ],
)
def test_fields_narrow_it(api: ApiServer, events: Events, spec: dict[str, Any], names: list[str]) -> None:
    assert found(events, search(api, **spec)) == names


def test_a_search_stays_in_its_namespace(api: ApiServer, events: Events) -> None:
    assert found(events, search(api, where="", text="others")) == ["elsewhere"]
    assert found(events, search(api, text="others")) == []


@pytest.mark.parametrize(
    ("spec", "code", "told"),
    [
        ({"text": " "}, 422, "say what to look for"),
        ({"text": "x", "limit": 1001}, 422, "from 1 to 1000"),
        ({"text": "x", "type": "nothing"}, 422, "spec.type: must be one of decision"),
        ({"text": "x", "since": "yesterday"}, 422, "spec.since"),
        ({"text": "x" * 5000}, 400, "5000 characters"),
        ({}, 400, "text"),
    ],
)
def test_what_cannot_be_asked_is_told(api: ApiServer, spec: dict[str, Any], code: int, told: str) -> None:
    assert told in search(api, code=code, **spec)["message"]


def test_a_search_is_an_audit_event_without_its_text(api: ApiServer, served: Served) -> None:
    served.reads.clear()
    search(api, text="4111111111111111")
    [read] = served.reads
    event = read_event(make_maker().stamp(), read)
    assert (read.action, event.kind, event.operation) == (Action.SEARCH_EVENTS, Kind.RECORD_READ, "search")
    assert event.where.resource == "eventsearches.audit.chaperone.dev"
    assert event.where.namespace == "payments"
    assert "4111" not in repr(event)
