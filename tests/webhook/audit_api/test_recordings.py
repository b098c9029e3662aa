"""Events and casts of a session."""

import base64
import json

from audit_client import BASE, ApiServer
from audit_samples import MASKED
from store_samples import Growing, make_record

from sidecar.contract.events import Channel, Data, encode_event
from webhook.store.contract import SessionRecord, Store

Kept = dict[str, SessionRecord]


def path(record: SessionRecord, what: str) -> str:
    return f"{BASE}/namespaces/{record.namespace}/sessions/{record.session}/{what}"


def test_events_are_all_there_with_their_chain(api: ApiServer, kept: Kept) -> None:
    record = kept["shell"]
    page = api.json(path(record, "events"))
    assert [event["sequence"] for event in page["items"]] == list(range(11))
    assert [event["type"] for event in page["items"]][:3] == ["start", "data", "data"]
    assert page["items"][-1]["digest"] == record.digest.hex()
    assert "nextStart" not in page


def test_data_is_base64_with_text_beside_it(api: ApiServer, kept: Kept) -> None:
    items = api.json(path(kept["shell"], "events"))["items"]
    shown = [event for event in items if event["type"] == "data" and event["channel"] == "stdout"]
    assert base64.b64decode(shown[2]["data"]) == b"alice " + MASKED + b"\r\ncaf\xc3"
    assert shown[2]["text"].endswith("caf")
    assert shown[3]["text"].startswith("é €5")


def test_pages_of_events_follow_each_other(api: ApiServer, kept: Kept) -> None:
    start: int | None = 0
    seen: list[int] = []
    while start is not None:
        page = api.json(f"{path(kept['shell'], 'events')}?start={start}&limit=4")
        seen += [event["sequence"] for event in page["items"]]
        start = page.get("nextStart")
    assert seen == list(range(11))
    assert api.json(f"{path(kept['shell'], 'events')}?start=11")["items"] == []


def test_events_as_lines(api: ApiServer, kept: Kept) -> None:
    answer = api.ask(f"{path(kept['shell'], 'events')}?start=1&limit=3", accept="application/x-ndjson")
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    assert [json.loads(line)["sequence"] for line in answer.data.splitlines()] == [1, 2, 3]


def test_a_page_of_large_events_is_short(api: ApiServer, store: Store) -> None:
    growing = Growing(make_record(5))
    store.create(growing.record)
    large = encode_event(Data(0, Channel.STDOUT, b"x" * (256 * 1024)))
    store.append(*growing.grow(*[large] * 40), [])
    page = api.json(path(growing.record, "events"))
    assert len(page["items"]) < 40
    assert page["nextStart"] == len(page["items"])
    lines = api.ask(path(growing.record, "events"), accept="application/x-ndjson").data.splitlines()
    assert len(lines) == 40


def test_a_cast_plays_what_was_shown(api: ApiServer, kept: Kept) -> None:
    answer = api.ask(path(kept["shell"], "cast"))
    assert answer.headers["Content-Type"] == "application/x-asciicast"
    header, *events = map(json.loads, answer.data.splitlines())
    assert header["version"] == 2
    shown = "".join(data for _, code, data in events if code == "o")
    assert "café €5" in shown
    assert "]0;root@shop" not in shown
    assert [2.0, "r", "120x40"] in events


def test_a_cast_of_version_3_without_input(api: ApiServer, kept: Kept) -> None:
    answer = api.ask(f"{path(kept['shell'], 'cast')}?version=3&input=false")
    header, *events = map(json.loads, answer.data.splitlines())
    assert header["version"] == 3
    assert {code for _, code, _ in events} == {"o", "m", "r", "x"}


def test_what_a_cast_may_not_be(api: ApiServer, kept: Kept) -> None:
    for query in ("version=1", "version=x", "input=perhaps"):
        assert api.json(f"{path(kept['shell'], 'cast')}?{query}", code=400)["reason"] == "BadRequest"


def test_a_cast_of_a_session_under_way_ends_where_it_is(api: ApiServer, kept: Kept) -> None:
    header, *events = map(json.loads, api.ask(path(kept["active"], "cast")).data.splitlines())
    assert (header["width"], header["height"]) == (132, 50)
    assert events == [[0.1, "o", "Serving HTTP\r\n"]]


def test_a_stored_frame_that_is_no_event_is_an_error(api: ApiServer, store: Store) -> None:
    growing = Growing(make_record(5))
    store.create(growing.record)
    store.append(*growing.grow(b"nonsense"), [])
    for what in ("events", "cast"):
        assert api.json(path(growing.record, what), code=500)["reason"] == "InternalError"
