"""Files of earlier versions are brought up to date, with all that they hold."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from audit_event_samples import make_event
from msgspec.structs import replace
from store_samples import T0, Growing, make_notice, make_record

from webhook.journal.events import AuditEvent, Kind, Outcome
from webhook.store.audit import AuditQuery, KeptEvent, searched_text
from webhook.store.codec import encode
from webhook.store.contract import Phase, Query
from webhook.store.sqlite.packing import pack
from webhook.store.sqlite.schema import APPLICATION_ID, MIGRATIONS, SEQUENCE_BITS
from webhook.store.sqlite.store import SqliteStore

LONG = "a line of output " * 40


def old_file(path: Path, version: int, sessions: list[Growing], events: list[AuditEvent]) -> None:
    """Write a file as that version would have."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    for statements in MIGRATIONS[:version]:
        for statement in statements:
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {version}")
    for number, growing in enumerate(sessions, 1):
        _old_session(connection, number, growing)
    notice = make_notice()
    connection.execute(
        "INSERT INTO notices (pod_uid, id, namespace, received_at, notice) VALUES (?, ?, ?, ?, ?)",
        (notice.pod_uid, notice.notice.id, notice.namespace, notice.received_at, encode(notice)),
    )
    for number, event in enumerate(events, 1):
        _old_event(connection, number, event)
    connection.commit()
    connection.close()


def _old_session(connection: sqlite3.Connection, number: int, growing: Growing) -> None:
    record = growing.record
    names = (record.namespace, record.identity.username, record.pod, record.phase.value)
    connection.execute(
        "INSERT INTO sessions (number, namespace, username, pod, phase, started_at, updated_at, record,"
        " session) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (number, *names, record.started_at, record.updated_at, encode(record), record.session),
    )
    for frame in growing.made:
        key = number << SEQUENCE_BITS | frame.sequence
        connection.execute(
            "INSERT INTO frames VALUES (?, ?, ?, ?)", (key, frame.digest, *pack(frame.payload))
        )
    texts = [(None, None, None, " ".join(record.argv)), (0, 5, "stdout", LONG)]
    for sequence, at, channel, text in texts:
        cursor = connection.execute(
            "INSERT INTO texts (number, sequence, at, channel, packed, text) VALUES (?, ?, ?, ?, ?, ?)",
            (number, sequence, at, channel, *pack(text.encode())),
        )
        connection.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (cursor.lastrowid, text))


def _old_event(connection: sqlite3.Connection, number: int, event: AuditEvent) -> None:
    names = (event.where.namespace, event.kind.value, event.outcome.value, event.actor.username)
    connection.execute(
        "INSERT INTO audit_events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (number, event.id, event.at, T0, *names, event.approval, event.session, encode(event)),
    )
    connection.execute("INSERT INTO audit_words (rowid, text) VALUES (?, ?)", (number, searched_text(event)))


@pytest.fixture
def sessions() -> list[Growing]:
    """Three sessions, not in the order of their starts, two of them in one tenth of a second."""
    found: list[Growing] = []
    for offset, changes in ((5000, {"exit_code": 7}), (10, {}), (20, {"findings": {"pan/visa": 2}})):
        growing = Growing(make_record(offset))
        growing.grow(b"first", phase=Phase.COMPLETED, **changes)
        found.append(growing)
    return found


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[list[SqliteStore]]:
    stores = [SqliteStore(tmp_path / "store.db")]
    yield stores
    stores[0].close()


@pytest.mark.parametrize("version", [1, 2, 3])
def test_sessions_keep_what_they_hold(
    tmp_path: Path, sessions: list[Growing], opened: list[SqliteStore], version: int
) -> None:
    old_file(tmp_path / "store.db", version, sessions, [])
    store = opened[0]
    store.prepare()
    last, first, second = sessions
    assert store.sessions(Query()) == [last.record, second.record, first.record]
    for growing in sessions:
        assert store.frames(growing.session, start=0, limit=10) == growing.made
    hits = store.search(Query(text="output", namespace="payments"))
    assert hits[0].record == last.record
    assert {hit.record.session for hit in hits} == {growing.session for growing in sessions}
    assert [hit.passage.text for hit in hits if hit.passage] == [LONG] * 3
    assert [hit.record for hit in store.search(Query(text="psql", exit_code=7))] == [last.record]
    assert [hit.record for hit in store.search(Query(text="psql", finding="pan"))] == [second.record]
    assert store.notices(namespace=None, since=None, limit=10)
    newer = Growing(store.create(make_record(9000)))
    store.append(*newer.grow(b"x"), [newer.says("output")])
    assert store.search(Query(text="output"))[0].record == newer.record
    store.remove_sessions([growing.session for growing in sessions])
    assert [hit.record for hit in store.search(Query(text="output"))] == [newer.record]
    _check_index(store)


def test_audit_events_keep_their_order_and_their_words(tmp_path: Path, opened: list[SqliteStore]) -> None:
    events = [make_event(offset) for offset in (7000, 10, 30, 20)]
    events.append(replace(make_event(40), kind=Kind.POLICY_CHANGED, outcome=Outcome.FAILURE))
    old_file(tmp_path / "store.db", 3, [], events)
    store = opened[0]
    store.prepare()
    newest_first = sorted(events, key=lambda event: event.at, reverse=True)
    assert store.audit_events(AuditQuery()) == [KeptEvent(event, T0) for event in newest_first]
    assert [kept.event for kept in store.audit_events(AuditQuery(text="psql"))] == newest_first
    found = store.audit_events(AuditQuery(text="psql", kind=Kind.POLICY_CHANGED, outcome=Outcome.FAILURE))
    assert [kept.event for kept in found] == [events[4]]
    store.remove_audit_events([event.id for event in events[:4]])
    assert [kept.event for kept in store.audit_events(AuditQuery(text="psql"))] == [events[4]]
    _check_index(store)


def test_a_file_that_could_not_shrink_can_afterwards(tmp_path: Path, opened: list[SqliteStore]) -> None:
    old_file(tmp_path / "store.db", 3, [], [])
    store = opened[0]
    store.prepare()
    with store._connections.reading() as connection:
        assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def _check_index(store: SqliteStore) -> None:
    """FTS5 knows when its index does not hang together."""
    with store._connections.writing() as connection:
        for table in ("words", "audit_words"):
            connection.execute(f"INSERT INTO {table} ({table}) VALUES ('integrity-check')")
