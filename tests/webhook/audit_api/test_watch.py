"""Watches over a real connection, and what changes mean to a watcher."""

import time

import msgspec
from audit_client import BASE, TABLE, ApiServer
from audit_samples import FAILING, SECOND, change, keep
from store_samples import make_record

from webhook.audit_api.selectors import Selectors, parse_selectors
from webhook.audit_api.watching import Change, Watcher
from webhook.store.contract import Phase, SessionRecord, Store

WATCH = f"{BASE}/namespaces/payments/sessions?watch=true"
Kept = dict[str, SessionRecord]


def since(kept: Kept) -> str:
    """A resource version after everything kept."""
    return f"&resourceVersion={max(record.updated_at for record in kept.values()) + 2 * SECOND}"


def test_a_new_session_is_added_and_then_modified(api: ApiServer, store: Store, kept: Kept) -> None:
    with api.watch(WATCH + since(kept)) as watch:
        record = keep(store, FAILING, offset_ms=700_000)
        event = watch.next()
        assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", record.session)
        change(store, record, updated_at=record.updated_at + SECOND, exit_code=9)
        event = watch.next()
        assert (event["type"], event["object"]["status"]["exitCode"]) == ("MODIFIED", 9)


def test_other_namespaces_are_not_seen(api: ApiServer, store: Store, kept: Kept) -> None:
    with api.watch(WATCH + since(kept)) as watch:
        keep(store, FAILING, offset_ms=700_000, namespace="billing")
        record = keep(store, FAILING, offset_ms=701_000)
        assert watch.next()["object"]["metadata"]["name"] == record.session


def test_without_a_version_a_watch_begins_with_what_there_is(api: ApiServer, kept: Kept) -> None:
    with api.watch(WATCH) as watch:
        events = [watch.next() for _ in range(5)]
    assert {event["type"] for event in events} == {"ADDED"}
    assert {event["object"]["metadata"]["name"] for event in events} == {
        record.session for record in kept.values() if record.namespace == "payments"
    }


def test_initial_events_end_with_a_bookmark(api: ApiServer, kept: Kept) -> None:
    """KEP-3157, as client-go's reflectors ask for it."""
    query = "&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan"
    with api.watch(WATCH + query) as watch:
        events = [watch.next() for _ in range(6)]
    assert [event["type"] for event in events] == ["ADDED"] * 5 + ["BOOKMARK"]
    metadata = events[-1]["object"]["metadata"]
    assert metadata["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert int(metadata["resourceVersion"]) > 0


def test_a_table_watch_tells_its_columns_once(api: ApiServer, store: Store, kept: Kept) -> None:
    with api.watch(WATCH, accept=TABLE) as watch:
        tables = [watch.next()["object"] for _ in range(2)]
    assert [table["kind"] for table in tables] == ["Table", "Table"]
    assert [len(table["rows"]) for table in tables] == [1, 1]
    assert tables[0]["columnDefinitions"]
    assert not tables[1]["columnDefinitions"]


def test_a_session_that_leaves_the_selection_is_deleted(api: ApiServer, store: Store, kept: Kept) -> None:
    with api.watch(f"{WATCH}&fieldSelector=status.phase=Active") as watch:
        assert watch.next()["type"] == "ADDED"
        record = kept["active"]
        change(store, record, updated_at=time.time_ns(), phase=Phase.COMPLETED)
        event = watch.next()
    assert (event["type"], event["object"]["metadata"]["name"]) == ("DELETED", record.session)


def test_a_watch_ends_when_its_time_is_over(api: ApiServer, kept: Kept) -> None:
    answer = api.ask(f"{WATCH}{since(kept)}&timeoutSeconds=1")
    assert (answer.status, answer.data) == (200, b"")


def test_a_store_that_fails_ends_the_watch_with_an_error(api: ApiServer, store: Store, kept: Kept) -> None:
    with api.watch(WATCH) as watch:
        for _ in range(5):
            watch.next()
        store.close()
        event = watch.next()
    assert (event["type"], event["object"]["code"]) == ("ERROR", 503)


NOW = 1_790_000_000_000_000_000


def told(changes: list[Change]) -> list[tuple[str, str]]:
    return [(change.type.value, change.session.metadata.name) for change in changes]


def record(updated: int, *, started: int = NOW, **fields: object) -> SessionRecord:
    return make_record(0, session="0" * 26, started_at=started, updated_at=updated, **fields)


def test_a_change_asked_for_twice_is_told_once() -> None:
    watcher = Watcher(Selectors(), NOW)
    first = record(NOW + 1, started=NOW + 1)
    assert told(list(watcher.feed([first]))) == [("ADDED", first.session)]
    assert told(list(watcher.feed([first]))) == []
    assert told(list(watcher.feed([msgspec.structs.replace(first, updated_at=NOW + 2)]))) == [
        ("MODIFIED", first.session)
    ]


def test_a_change_that_became_visible_late_is_told() -> None:
    """Two appends may be stamped in one order and committed in the other."""
    watcher = Watcher(Selectors(), NOW)
    late = make_record(0, started_at=NOW + 5, updated_at=NOW + 5)
    assert list(watcher.feed([record(NOW + 10)]))
    assert watcher.after < late.updated_at
    assert told(list(watcher.feed([late, record(NOW + 10)]))) == [("ADDED", late.session)]


def test_a_session_from_before_the_watch_is_modified() -> None:
    watcher = Watcher(Selectors(), NOW)
    assert told(list(watcher.feed([record(NOW + 1, started=NOW - 100)]))) == [("MODIFIED", "0" * 26)]


def test_a_session_that_never_was_selected_is_not_deleted() -> None:
    watcher = Watcher(parse_selectors("status.phase=Active", ""), NOW)
    assert told(list(watcher.feed([record(NOW + 2, started=NOW + 1, phase=Phase.COMPLETED)]))) == []


def test_a_session_from_before_may_have_been_selected() -> None:
    watcher = Watcher(parse_selectors("status.phase=Active,spec.user=agent", ""), NOW)
    old = record(NOW + 2, started=NOW - 1, phase=Phase.COMPLETED)
    assert told(list(watcher.feed([old]))) == [("DELETED", old.session)]
