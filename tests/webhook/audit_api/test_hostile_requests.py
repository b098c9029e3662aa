"""Requests that no client of ours sends are answered in words; none is taken for a store that fails."""

import base64
import json

import pytest
from audit_client import BASE, ApiServer
from store_samples import T0

from webhook.store.contract import SessionRecord

API = "audit.chaperone.dev/v1alpha1"
KINDS = {
    "/searches": "Search",
    "/eventsearches": "EventSearch",
    "/legalholds": "LegalHold",
    "/exports": "Export",
    "/namespaces/payments/canaries": "Canary",
    "/namespaces/payments/sessions/{0}/kill": "SessionKill",
}
FAR = ("9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2262-04-11T23:47:17Z", "1677-09-21T00:12:43Z")
BODIES = {
    "no UTF-8": b'"text":"\xff","reason":"\xff","asked":"\xff","pod":"\xff"',
    "half a pair": b'"text":"\\ud800","reason":"\\ud800","asked":"\\ud800","pod":"\\ud800"',
    "nested": b'"x":' + b'{"x":' * 3000,
    "cut": b'"text":"',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_body_that_cannot_be_read_is_refused(
    api: ApiServer, kept: dict[str, SessionRecord], body: bytes
) -> None:
    for path, kind in KINDS.items():
        head = f'{{"apiVersion":"{API}","kind":"{kind}","spec":{{'.encode()
        answer = api.ask(f"{BASE}{path.format(kept['active'].session)}", body=head + body + b"}}")
        assert (answer.status, json.loads(answer.data)["reason"]) == (400, "BadRequest"), (kind, answer.data)


@pytest.mark.parametrize("moment", FAR)
def test_a_time_beyond_all_that_is_kept_is_none_of_the_stores_failures(api: ApiServer, moment: str) -> None:
    late = moment > "2100"
    for path in ("sessions", "auditevents"):
        found = [bool(api.names(f"{BASE}/{path}?{name}={moment}")) for name in ("since", "until")]
        assert found == (
            [False, True] if late and path == "sessions" else [not late and path == "sessions", False]
        )
    for path, kind in (("/searches", "Search"), ("/eventsearches", "EventSearch")):
        spec = {"text": "order", "since" if late else "until": moment}
        body = json.dumps({"apiVersion": API, "kind": kind, "spec": spec}).encode()
        answer = api.ask(f"{BASE}{path}", body=body)
        assert (answer.status, json.loads(answer.data)["status"]["hits"]) == (201, [])


def test_an_exit_code_that_is_none_is_refused(api: ApiServer) -> None:
    for code in (-1, 256, 10**30):
        body = json.dumps({"apiVersion": API, "kind": "Search", "spec": {"text": "order", "exitCode": code}})
        answer = api.ask(f"{BASE}/searches", body=body.encode())
        assert (answer.status, b"spec.exitCode: must be from 0 to 255" in answer.data) == (422, True)


def test_a_place_to_continue_from_that_no_store_has_is_none(api: ApiServer) -> None:
    token = {"before": "01m3250v00wtbvtjmefmkeffw2", "resource_version": str(T0), "at": 1 << 63}
    text = base64.urlsafe_b64encode(json.dumps(token).encode()).decode().rstrip("=")
    assert "list again" in api.json(f"{BASE}/auditevents?continue={text}", code=410)["message"]
