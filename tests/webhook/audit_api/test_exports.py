"""Exports are told before they begin and signed when they are made; nothing else comes of them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from audit_client import BASE, ApiServer
from audit_server import Served, serve
from ledger_desk import ROOTS, Desk

from sidecar.contract.errors import ClusterError
from webhook.audit_api.access import Action, read_event
from webhook.journal.making import Stamp
from webhook.ledger.entries import read_certificate
from webhook.ledger.keys import KeyRing, origin_of
from webhook.ledger.vouching import check_vouched

EXPORTS = f"{BASE}/exports"
DIGEST = "ab" * 32


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "store.db")
    yield desk
    desk.store.close()


@pytest.fixture
def served(desk: Desk, tmp_path: Path) -> Iterator[Served]:
    with serve(desk.store, tmp_path, vouch=desk.book.vouch) as running:
        yield running


@pytest.fixture
def api(served: Served) -> ApiServer:
    return ApiServer(served, served.proxy)


def post(api: ApiServer, **spec: Any) -> tuple[int, Any]:
    """Give status and content; the answer itself would hold its connection, and the server wait for it."""
    answer = api.ask(EXPORTS, body=json.dumps({"spec": spec}).encode())
    return answer.status, json.loads(answer.data)


def test_an_export_is_told_and_not_signed_without_a_digest(api: ApiServer, served: Served) -> None:
    code, told = post(api, asked="user agent \x1b[31m")
    assert code == 201
    assert "status" not in told
    [read] = served.reads
    assert (read.action, read.asked, read.details) == (Action.EXPORT, "user agent \\x1b[31m", {})
    event = read_event(Stamp("01", 1, "collector-0"), read)
    assert (event.operation, event.where.resource) == ("export", "exports.audit.chaperone.dev")
    assert event.asked == "user agent \\x1b[31m"


def test_a_bundle_is_signed_by_the_ledgers_key(api: ApiServer, served: Served) -> None:
    status = post(api, asked="user agent", digest=DIGEST)[1]["status"]
    ring = KeyRing(origin_of(ROOTS[0]), ROOTS)
    ring.add(read_certificate(status["certificate"]))
    check_vouched(status["signature"].encode(), DIGEST, ring)
    assert served.reads[-1].details == {"digest": DIGEST}


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"asked": ""},
        {"asked": "x" * 2000},
        {"asked": "x", "digest": "AB" * 32},
        {"asked": "x", "digest": "12"},
    ],
)
def test_what_says_nothing_is_refused(api: ApiServer, served: Served, spec: dict[str, str]) -> None:
    code, told = post(api, **spec)
    assert (code, told["reason"]) == (400, "BadRequest")
    assert served.reads == []


def test_a_body_that_is_too_large_is_refused(api: ApiServer) -> None:
    assert post(api, asked="x" * 20_000)[0] == 413


def test_a_ledger_that_cannot_be_signed_for_is_told(desk: Desk, tmp_path: Path) -> None:
    def refuse(digest: str) -> tuple[str, str]:
        raise ClusterError(f"the ledger is truncated; {digest[:2]}")

    with serve(desk.store, tmp_path, vouch=refuse) as running:
        code, told = post(ApiServer(running, running.proxy), asked="x", digest=DIGEST)
        assert (code, told["message"]) == (500, "the ledger is truncated; ab")
    with serve(desk.store, tmp_path) as running:
        assert post(ApiServer(running, running.proxy), asked="x", digest=DIGEST)[0] == 405


def test_it_is_in_discovery_and_an_entry_is_found_by_its_key(api: ApiServer, desk: Desk) -> None:
    resources = {item["name"]: item for item in api.json(BASE)["resources"]}
    assert (resources["exports"]["verbs"], resources["exports"]["namespaced"]) == (["create"], False)
    desk.checkpoints.give_out()
    [found] = api.json(f"{BASE}/ledgers/main/entries?key=start")["items"]
    assert found["index"] == 0
    assert api.json(f"{BASE}/ledgers/main/entries?key=event%2Fnone")["items"] == []
