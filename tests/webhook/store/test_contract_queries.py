"""What every store does when it is asked for lists."""

import msgspec
from store_samples import Growing, make_record

from sidecar.contract.sealing import Identity
from webhook.store.contract import Phase, Query, SessionRecord, Store


def listed(store: Store, **fields: object) -> list[str]:
    return [record.session for record in store.sessions(msgspec.convert(fields, Query))]


def create_all(store: Store, records: list[SessionRecord]) -> list[str]:
    for record in records:
        store.create(record)
    return [record.session for record in records]


def test_an_empty_store_has_nothing(store: Store) -> None:
    assert store.sessions(Query()) == []
    assert store.changed(after=0, namespace=None, limit=10) == []
    assert store.notices(namespace=None, since=None, limit=10) == []
    assert store.search(Query(text="anything")) == []


def test_sessions_come_newest_first_whole_and_limited(store: Store) -> None:
    records = [make_record(offset) for offset in (5, 1, 3)]
    create_all(store, records)
    newest_first = [records[0], records[2], records[1]]
    assert store.sessions(Query()) == newest_first
    assert store.sessions(Query(limit=2)) == newest_first[:2]
    assert store.sessions(Query(limit=0)) == []


def test_pages_continue_before_a_session(store: Store) -> None:
    ids = create_all(store, [make_record(offset) for offset in range(5)])
    first = listed(store, limit=2)
    second = listed(store, limit=2, before=first[-1])
    third = listed(store, limit=2, before=second[-1])
    assert [*first, *second, *third] == ids[::-1]
    assert listed(store, before=ids[0]) == []


def test_each_field_filters(store: Store) -> None:
    ids = create_all(
        store,
        [
            make_record(0, namespace="shop"),
            make_record(1, identity=Identity("system:serviceaccount:ci:bot")),
            make_record(2, pod="web-0"),
            make_record(3, phase=Phase.COMPLETED),
        ],
    )
    assert listed(store, namespace="shop") == [ids[0]]
    assert listed(store, user="system:serviceaccount:ci:bot") == [ids[1]]
    assert listed(store, pod="web-0") == [ids[2]]
    assert listed(store, phase="Completed") == [ids[3]]
    assert listed(store, namespace="payments", phase="Active") == [ids[2], ids[1]]
    assert listed(store, user="SYSTEM:serviceaccount:ci:bot") == []
    assert listed(store, user="system") == []


def test_since_is_included_and_until_is_not(store: Store) -> None:
    records = [make_record(offset) for offset in range(4)]
    ids = create_all(store, records)
    window = {"since": records[1].started_at, "until": records[3].started_at}
    assert listed(store, **window) == [ids[2], ids[1]]
    assert listed(store, since=records[1].started_at + 1, until=records[3].started_at + 1) == [ids[3], ids[2]]


def test_a_phase_is_found_where_it_is_now(store: Store) -> None:
    growing = Growing(store.create(make_record()))
    assert listed(store, phase="Active") == [growing.session]
    store.append(*growing.grow(b"end", phase=Phase.COMPLETED), [])
    assert listed(store, phase="Active") == []
    assert listed(store, phase="Completed") == [growing.session]


def test_text_chooses_sessions(store: Store) -> None:
    quiet, loud = (Growing(store.create(make_record(offset))) for offset in range(2))
    record, frames = loud.grow(b"frame")
    store.append(record, frames, [loud.says(f"connection refused {number}") for number in range(3)])
    assert listed(store, text="refused") == [loud.session]
    assert listed(store, text="PSQL select") == [loud.session, quiet.session]
    assert listed(store, text="psql", limit=1) == [loud.session]
    assert listed(store, text="psql", before=loud.session) == [quiet.session]
    assert listed(store, text="refused", namespace="shop") == []
    assert listed(store, text="nothing") == []
    assert listed(store, text="") == []


def test_changes_come_oldest_first_after_a_moment(store: Store) -> None:
    growing = [Growing(store.create(make_record(offset))) for offset in range(3)]
    first, second, third = (item.record for item in growing)
    assert store.changed(after=0, namespace=None, limit=10) == [first, second, third]
    assert store.changed(after=first.updated_at, namespace=None, limit=10) == [second, third]
    store.append(*growing[0].grow(b"more", updated_at=third.updated_at + 1), [])
    assert store.changed(after=0, namespace=None, limit=10) == [second, third, growing[0].record]
    assert store.changed(after=third.updated_at, namespace=None, limit=10) == [growing[0].record]
    assert store.changed(after=growing[0].record.updated_at, namespace=None, limit=10) == []
    assert store.changed(after=0, namespace="shop", limit=10) == []


def test_changes_of_one_moment_are_never_cut_apart(store: Store) -> None:
    moments = [1, 5, 5, 5, 9]
    ids = create_all(store, [make_record(offset, updated_at=at) for offset, at in enumerate(moments)])
    page = store.changed(after=0, namespace=None, limit=2)
    assert [record.session for record in page] == ids[:4]
    page = store.changed(after=page[-1].updated_at, namespace=None, limit=2)
    assert [record.session for record in page] == ids[4:]
    assert store.changed(after=0, namespace=None, limit=0) == []
