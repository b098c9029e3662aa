"""Searches."""

import json
from typing import Any

import pytest
from audit_client import BASE, ApiServer
from audit_event_samples import make_event
from audit_server import Served
from store_samples import make_record

from sidecar.contract.sealing import Decision, Identity
from webhook.journal.events import Kind
from webhook.store.contract import SessionRecord, Store

Kept = dict[str, SessionRecord]


def search(api: ApiServer, where: str = "/namespaces/payments", code: int = 201, **spec: Any) -> Any:
    body = {"apiVersion": "audit.chaperone.dev/v1alpha1", "kind": "Search", "spec": spec}
    answer = api.ask(f"{BASE}{where}/searches", body=json.dumps(body).encode())
    assert answer.status == code, answer.data
    return json.loads(answer.data)


def hits(answer: Any) -> list[Any]:
    return [(hit["session"]["metadata"]["name"], hit["channel"]) for hit in answer["status"]["hits"]]


def test_words_lead_to_sessions_and_moments(api: ApiServer, kept: Kept) -> None:
    answer = search(api, text="alice")
    (hit,) = answer["status"]["hits"]
    assert (hit["session"]["metadata"]["name"], hit["channel"], hit["at"]) == (
        kept["shell"].session,
        "stdout",
        "0.1s",
    )
    assert [hit["text"][start:end] for start, end in hit["highlight"]] == ["alice"]
    assert answer["kind"] == "Search"


def test_command_lines_are_searched_too(api: ApiServer, kept: Kept) -> None:
    name = kept["failing"].session
    assert sorted(hits(search(api, text='"no such order"'))) == [(name, "command"), (name, "stdout")]


def test_a_search_stays_in_its_namespace(api: ApiServer, kept: Kept) -> None:
    everywhere = {name for name, _ in hits(search(api, where="", text="order"))}
    assert everywhere == {kept["failing"].session, kept["elsewhere"].session}
    assert hits(search(api, where="/namespaces/nowhere", text="order")) == []


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ({"user": "agent"}, True),
        ({"user": "nobody"}, False),
        ({"pod": "api-7d9c"}, True),
        ({"pod": "shop-5d9f"}, False),
        ({"since": "2026-09-21T14:14:00Z"}, True),
        ({"since": "2026-09-22T00:00:00Z"}, False),
        ({"until": "2026-09-21T14:14:00+00:00"}, False),
        ({"exitCode": 7}, True),
        ({"exitCode": 0}, False),
        ({"failed": True}, True),
        ({"finding": "any"}, False),
        ({"phase": "Completed"}, True),
        ({"phase": "Active"}, False),
        ({"approvedBy": "bob"}, False),
    ],
)
def test_a_search_is_narrowed(api: ApiServer, spec: dict[str, Any], found: bool) -> None:
    assert bool(hits(search(api, text="order", **spec))) is found


@pytest.mark.parametrize(
    ("spec", "code", "reason"),
    [
        ({"text": ""}, 422, "Invalid"),
        ({"text": "a", "limit": 0}, 422, "Invalid"),
        ({"text": "a", "limit": 100_000}, 422, "Invalid"),
        ({"text": "a", "since": "yesterday"}, 422, "Invalid"),
        ({"text": "a", "phase": "Odd"}, 422, "Invalid"),
        ({"text": 1}, 400, "BadRequest"),
        ({}, 400, "BadRequest"),
        ({"text": "x" * 5000}, 400, "BadRequest"),
        ({"text": "x" * 70_000}, 413, "RequestEntityTooLarge"),
    ],
)
def test_what_cannot_be_searched(api: ApiServer, spec: dict[str, Any], code: int, reason: str) -> None:
    assert search(api, code=code, **spec)["reason"] == reason


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]", b'{"kind":"Pod","spec":{"text":"a"}}'])
def test_a_body_that_is_no_search(api: ApiServer, body: bytes) -> None:
    answer = api.ask(f"{BASE}/searches", body=body)
    assert (answer.status, json.loads(answer.data)["reason"]) == (400, "BadRequest")


def test_the_text_of_a_search_is_not_told_to_the_hook(api: ApiServer, served: Served) -> None:
    search(api, text="4012888888881881")
    assert "4012" not in repr(served.reads)


def test_sessions_are_found_by_who_approved_them(api: ApiServer, store: Store) -> None:
    """Approvals that were denied, reviewed or given elsewhere do not count."""
    sessions: dict[str, str] = {}
    for offset, name in enumerate(("exec-1", "exec-2", "exec-3")):
        decision = Decision("approve", "pci-dss", "shells", "r-1", 0, approval=name)
        record = make_record(10_000 + offset, decision=decision, argv=("uncommon", name))
        sessions[name] = store.create(record).session
    verdicts = [
        ("exec-1", "approve", "payments"),
        ("exec-2", "review", "payments"),
        ("exec-3", "approve", "shop"),
    ]
    events = [
        make_event(
            offset,
            namespace=namespace,
            kind=Kind.APPROVAL_DECIDED,
            actor=Identity("bob"),
            approval=name,
            details={"verdict": verdict},
        )
        for offset, (name, verdict, namespace) in enumerate(verdicts)
    ]
    store.record(events, received_at=1)
    for where in ("/namespaces/payments", ""):
        assert hits(search(api, where=where, text="uncommon", approvedBy="bob")) == [
            (sessions["exec-1"], "command")
        ]
    assert hits(search(api, text="uncommon", approvedBy="alice")) == []
