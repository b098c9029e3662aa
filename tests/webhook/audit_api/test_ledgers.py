"""The ledger through the API: entries as they are kept, checkpoints, and proofs that hold."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from audit_client import BASE, TABLE, ApiServer
from audit_server import Served, serve
from ledger_desk import ROOTS, Desk
from ledger_samples import make_event

from webhook.audit_api.access import Action
from webhook.ledger.keys import origin_of
from webhook.ledger.proofs import verify_consistency, verify_inclusion
from webhook.ledger.tree import leaf_hash
from webhook.ledger.verifying import KeptEntry, verify_ledger

LEDGER = f"{BASE}/ledgers/main"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "ledger.db")
    yield desk
    desk.store.close()


@pytest.fixture
def serving(desk: Desk, tmp_path: Path) -> Iterator[Served]:
    with serve(desk.store, tmp_path, sign=lambda: desk.checkpoints.give_out().checkpoint) as running:
        yield running


@pytest.fixture
def ledger(serving: Served) -> ApiServer:
    return ApiServer(serving, serving.proxy)


def checkpoint(ledger: ApiServer, body: bytes | None = None) -> str:
    answer = ledger.ask(f"{LEDGER}/checkpoint", accept="*/*", body=body)
    assert answer.status == (200 if body is None else 201), answer.data
    assert answer.headers["content-type"].startswith("text/plain")
    return answer.data.decode()


def fill(desk: Desk) -> None:
    desk.session()
    desk.sealing.seal()
    desk.book.note([make_event(number) for number in range(20)])


def test_a_ledger_that_has_not_begun_is_empty(ledger: ApiServer) -> None:
    assert ledger.json(LEDGER)["status"]["size"] == 0
    assert ledger.json(f"{LEDGER}/entries")["items"] == []
    refusal = ledger.json(f"{LEDGER}/checkpoint", accept="*/*", code=404)
    assert refusal["message"] == "no checkpoint was signed yet; create one"


def test_it_is_shown_as_an_object_and_as_a_table(desk: Desk, ledger: ApiServer) -> None:
    fill(desk)
    desk.checkpoints.give_out()
    shown = ledger.json(LEDGER)
    assert shown == ledger.json(f"{BASE}/ledgers")["items"][0]
    assert shown["spec"] == {
        "origin": origin_of(ROOTS[0]),
        "roots": [base64.b64encode(ROOTS[0]).decode()],
    }
    assert (shown["status"]["size"], shown["status"]["signedSize"]) == (25, 24)
    for path in (LEDGER, f"{BASE}/ledgers"):
        table = ledger.json(path, accept=TABLE)
        assert table["rows"][0]["cells"][:3] == ["main", 25, 24]


def test_entries_are_given_as_they_are_kept_and_verify(desk: Desk, ledger: ApiServer) -> None:
    fill(desk)
    signed = checkpoint(ledger, b"{}")
    assert checkpoint(ledger) == signed
    entries: list[KeptEntry] = []
    start: int | None = 0
    while start is not None:
        page = ledger.json(f"{LEDGER}/entries?start={start}&limit=7")
        for item in page["items"]:
            nodes = tuple(map(bytes.fromhex, item["nodes"]))
            data = base64.b64decode(item["data"])
            entries.append(KeptEntry(item["index"], item["key"], data, nodes))
        start = page.get("nextStart")
    assert entries == desk.store.entries(start=0, limit=100)
    assert verify_ledger(ROOTS, entries, signed).size == 24


def test_proofs_hold(desk: Desk, ledger: ApiServer) -> None:
    fill(desk)
    entry = desk.store.entries(start=5, limit=1)[0]
    proof = ledger.json(f"{LEDGER}/proof?index=5&size=20")
    root = base64.b64decode(proof["root"])
    hashes = [bytes.fromhex(text) for text in proof["hashes"]]
    assert verify_inclusion(5, 20, leaf_hash(entry.data), root, hashes)
    grown = ledger.json(f"{LEDGER}/proof?first=20")
    hashes = [bytes.fromhex(text) for text in grown["hashes"]]
    assert grown["size"] == 23
    assert verify_consistency(20, 23, root, base64.b64decode(grown["root"]), hashes)


@pytest.mark.parametrize(
    "query", ["", "index=1&first=1", "index=23", "first=0", "first=24", "index=1&size=24"]
)
def test_a_proof_of_nothing_is_refused(desk: Desk, ledger: ApiServer, query: str) -> None:
    fill(desk)
    assert ledger.json(f"{LEDGER}/proof?{query}", code=400)["reason"] == "BadRequest"


def test_another_ledger_is_not_there(ledger: ApiServer) -> None:
    for part in ("", "/entries", "/proof?index=0", "/checkpoint"):
        refusal = ledger.json(f"{BASE}/ledgers/other{part}", code=404)
        assert 'ledgers.audit.chaperone.dev "other" not found' in refusal["message"]


@pytest.fixture
def unsigning(desk: Desk, tmp_path: Path) -> Iterator[ApiServer]:
    with serve(desk.store, tmp_path) as running:
        yield ApiServer(running, running.proxy)


def test_a_server_that_cannot_sign_says_so(unsigning: ApiServer) -> None:
    answer = unsigning.ask(f"{LEDGER}/checkpoint", body=b"{}")
    assert (answer.status, json.loads(answer.data)["reason"]) == (405, "MethodNotAllowed")


def test_a_ledger_that_was_cut_off_is_not_signed_and_the_reason_told(desk: Desk, ledger: ApiServer) -> None:
    fill(desk)
    checkpoint(ledger, b"{}")
    desk.tamper("DELETE FROM ledger WHERE number > 5")
    answer = ledger.ask(f"{LEDGER}/checkpoint", accept="*/*", body=b"{}")
    assert answer.status == 500
    told = json.loads(answer.data)["message"]
    assert told.startswith(
        "the ledger is truncated: it has 6 entries, and 24 were signed for; nothing more is"
    )


def test_every_read_is_told(serving: Served, ledger: ApiServer) -> None:
    for path in (LEDGER, f"{BASE}/ledgers", f"{LEDGER}/entries", f"{LEDGER}/checkpoint"):
        ledger.ask(path, accept="*/*")
    ledger.ask(f"{LEDGER}/checkpoint", accept="*/*", body=b"{}")
    assert [(read.action, read.resource, read.name) for read in serving.reads] == [
        (Action.GET, "ledgers", "main"),
        (Action.LIST, "ledgers", "main"),
        (Action.GET, "ledgers/entries", "main"),
        (Action.GET, "ledgers/checkpoint", "main"),
        (Action.SIGN, "ledgers/checkpoint", "main"),
    ]


def test_it_is_discovered(ledger: ApiServer) -> None:
    resources = {item["name"]: item for item in ledger.json(BASE)["resources"]}
    assert not resources["ledgers"]["namespaced"]
    assert {"ledgers/entries", "ledgers/checkpoint", "ledgers/proof"} < set(resources)
    assert resources["sessions"]["namespaced"]
