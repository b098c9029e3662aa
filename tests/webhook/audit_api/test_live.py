"""Sessions that go on, followed and ended through the API."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from audit_client import ApiServer
from audit_samples import keep_all
from audit_server import Served, serve
from store_samples import Growing, data_payload

from sidecar.contract.events import End, Ending, encode_event
from webhook.audit_api.killing import MAX_REASON, KillOrder
from webhook.store.contract import Phase, SessionRecord, Store

LINES = "application/x-ndjson"


@pytest.fixture
def orders() -> list[KillOrder]:
    return []


@pytest.fixture
def served(store: Store, tmp_path: Path, orders: list[KillOrder]) -> Iterator[Served]:
    async def order(asked: KillOrder) -> int:
        orders.append(asked)
        return 1_790_000_000_000_000_000

    with serve(store, tmp_path, order=order) as running:
        yield running


@pytest.fixture
def kept(served: Served, store: Store) -> dict[str, SessionRecord]:
    return keep_all(store)


def place(record: SessionRecord, part: str) -> str:
    return (
        f"/apis/audit.chaperone.dev/v1alpha1/namespaces/{record.namespace}/sessions/{record.session}/{part}"
    )


def body(reason: str, **changes: object) -> bytes:
    order = {"apiVersion": "audit.chaperone.dev/v1alpha1", "kind": "SessionKill", "spec": {"reason": reason}}
    return json.dumps(order | changes).encode()


def test_an_order_names_who_and_why(
    api: ApiServer, kept: dict[str, SessionRecord], orders: list[KillOrder]
) -> None:
    answer = api.ask(place(kept["active"], "kill"), body=body("  it reads every table "))
    assert answer.status == 201
    assert json.loads(answer.data)["status"] == {"orderedAt": "2026-09-21T14:13:20.000000Z"}
    [order] = orders
    assert (order.record.session, order.reason) == (kept["active"].session, "it reads every table")
    assert order.by.username


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (body(""), 422),
        (body("  "), 422),
        (body("x" * (MAX_REASON + 1)), 422),
        (body("two\nlines"), 422),
        (body("clear\x1b[2J"), 422),
        (body("turned\u202eround"), 422),
        (body("why", kind="Session"), 400),
        (body("why", spec={}), 400),
        (b"nonsense", 400),
        (b"x" * 20_000, 413),
    ],
)
def test_an_order_that_says_nothing_sound_is_none(
    api: ApiServer, kept: dict[str, SessionRecord], orders: list[KillOrder], sent: bytes, code: int
) -> None:
    assert api.ask(place(kept["active"], "kill"), body=sent).status == code
    assert orders == []


def test_what_has_ended_or_is_elsewhere_cannot_be_ended(
    api: ApiServer, kept: dict[str, SessionRecord], orders: list[KillOrder]
) -> None:
    ended = api.ask(place(kept["shell"], "kill"), body=body("late"))
    assert (ended.status, json.loads(ended.data)["reason"]) == (409, "Conflict")
    elsewhere = msgspec.structs.replace(kept["active"], namespace="billing")
    assert api.ask(place(elsewhere, "kill"), body=body("not here")).status == 404
    assert orders == []


def test_a_session_is_followed_to_its_end(
    api: ApiServer, kept: dict[str, SessionRecord], store: Store, served: Served
) -> None:
    growing = Growing(kept["active"])
    begun = growing.record.next_sequence

    def go_on() -> None:
        for number in range(3):
            record, frames = growing.grow(data_payload(b"line %d\r\n" % number))
            store.append(record, frames, [])
        end = encode_event(End(9, Ending.EXITED))
        record, frames = growing.grow(end, phase=Phase.COMPLETED, how=Ending.EXITED)
        store.append(record, frames, [])

    with api.watch(place(kept["active"], "events?follow=true&payload=true"), accept=LINES) as following:
        first = [following.next() for _ in range(begun)]
        assert [event["sequence"] for event in first] == list(range(begun))
        threading.Thread(target=go_on).start()
        came = [following.next() for _ in range(4)]
        assert [event["sequence"] for event in came] == list(range(begun, begun + 4))
        assert came[-1]["type"] == "end"
        with pytest.raises(StopIteration):
            following.next()
    assert [read.action.value for read in served.reads] == ["events"]


def test_following_goes_on_from_a_number_and_ends_with_what_has_ended(
    api: ApiServer, kept: dict[str, SessionRecord]
) -> None:
    whole = api.ask(place(kept["shell"], "events"), accept=LINES).data.splitlines()
    answer = api.ask(place(kept["shell"], "events?follow=true&start=2"), accept=LINES)
    assert answer.data.splitlines() == whole[2:]
