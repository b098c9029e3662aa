"""What every store does when something is to go."""

from collections.abc import Callable

from audit_event_samples import make_event
from store_samples import T0, Growing, data_payload, make_notice, make_record, start_payload

from sidecar.contract.events import Channel
from webhook.ledger.entries import Entry
from webhook.store.audit import AuditQuery
from webhook.store.contract import Phase, Query, SessionRecord, Store


def keep(store: Store, offset_ms: int = 0) -> SessionRecord:
    growing = Growing(store.create(make_record(offset_ms)))
    payloads = (start_payload(growing.record), data_payload(b"text"))
    record, frames = growing.grow(*payloads, phase=Phase.COMPLETED)
    store.append(record, frames, [growing.says("some output"), growing.says("typed", channel=Channel.STDIN)])
    return record


def test_a_removed_session_is_gone_and_others_are_whole(store: Store, opened: Callable[[], Store]) -> None:
    month = 40 * 24 * 3600 * 1000
    gone, stays, other_month = keep(store), keep(store, 1000), keep(store, month)
    for _ in range(2):
        store.remove_sessions([gone.session])
    for reader in (store, opened()):
        assert reader.session(gone.session) is None
        assert reader.frames(gone.session, start=0, limit=10) == []
        assert reader.sessions(Query()) == [other_month, stays]
        assert len(reader.frames(stays.session, start=0, limit=10)) == 2
        for text in ("output", "typed", "psql"):
            found = [hit.record.session for hit in reader.search(Query(text=text))]
            assert found == [other_month.session, stays.session]
        assert [record.session for record in reader.changed(after=0, namespace=None, limit=10)] == [
            stays.session,
            other_month.session,
        ]


def test_nothing_to_remove_is_nothing(store: Store) -> None:
    record = keep(store)
    store.remove_sessions([])
    store.remove_audit_events([])
    assert store.sessions(Query()) == [record]


def test_removed_events_are_gone(store: Store) -> None:
    events = [make_event(offset) for offset in range(3)]
    store.record(events, received_at=T0)
    for _ in range(2):
        store.remove_audit_events([events[0].id, events[2].id])
    assert [kept.event for kept in store.audit_events(AuditQuery())] == [events[1]]
    assert [kept.event for kept in store.audit_events(AuditQuery(text="psql"))] == [events[1]]


def test_old_notices_go_and_newer_ones_stay(store: Store) -> None:
    old, new = make_notice(0), make_notice(5)
    store.note(old)
    store.note(new)
    store.remove_notices(before=new.received_at)
    assert store.notices(namespace=None, since=None, limit=10) == [new]


def test_the_ledger_says_which_keys_it_has(store: Store) -> None:
    store.append_entries([Entry("start", b"a"), Entry("event/1", b"b")])
    assert store.known_keys(["event/1", "event/2", "start"]) == {"event/1", "start"}
    assert store.known_keys([]) == set()
    assert store.known_keys([f"event/{number}" for number in range(1200)]) == {"event/1"}


def test_tidying_changes_nothing_that_is_kept(store: Store) -> None:
    old, new = keep(store), keep(store, 200 * 24 * 3600 * 1000)
    event = make_event()
    store.record([event], received_at=T0)
    store.tidy(hot_before=new.started_at)
    store.remove_sessions([old.session])
    store.tidy(hot_before=new.started_at)
    assert store.sessions(Query()) == [new]
    assert len(store.frames(new.session, start=0, limit=10)) == 2
    assert [kept.event for kept in store.audit_events(AuditQuery())] == [event]
    again = keep(store, 10)
    assert again in store.sessions(Query())
