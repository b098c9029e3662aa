"""The collector writes the ledger: each session once, checkpoints of nothing but what continues."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
from ledger_desk import ROOT, ROOTS, Desk
from ledger_samples import SECONDS, T0, ledger_key, make_event

from sidecar.contract.errors import ClusterError
from webhook.collector.book import Book, LedgerShrunkError
from webhook.collector.checkpoints import given_out
from webhook.collector.sealing import OVERTAKEN_NS
from webhook.journal.events import AuditEvent
from webhook.ledger.entries import Census, Entry, Exported, entry_of
from webhook.ledger.keys import origin_of
from webhook.store.contract import Phase, SessionRecord, StoreError
from webhook.store.ledger import Placed

SECOND = 1_000_000_000
DAY = 24 * 3600 * SECOND


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "store.db")
    yield desk
    desk.store.close()


def test_what_ended_is_sealed_once_and_what_runs_is_not(desk: Desk) -> None:
    ended = desk.session()
    interrupted = desk.session(1, phase=Phase.INTERRUPTED, reason="not believed")
    running = desk.session(2, phase=Phase.ACTIVE)
    for _ in range(2):
        desk.sealing.seal()
        desk.restart()
        desk.sealing.seal()
    assert desk.sealed() == [ended.session, interrupted.session]
    closed = msgspec.structs.replace(running, phase=Phase.COMPLETED, updated_at=running.updated_at + 1)
    desk.store.append(closed, [], [])
    desk.sealing.seal()
    assert desk.sealed() == [ended.session, interrupted.session, running.session]
    desk.checkpoints.give_out()
    desk.verify()


def test_more_sessions_than_fit_in_one_append_are_sealed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webhook.collector.sealing._PAGE", 7)
    monkeypatch.setattr("webhook.collector.book.MAX_APPENDED", 3)
    sessions = {desk.session(number).session for number in range(16)}
    desk.sealing.seal()
    assert set(desk.sealed()) == sessions
    assert len(desk.sealed()) == 16


def test_a_session_whose_writer_was_slow_is_sealed(desk: Desk) -> None:
    desk.session(200_000)
    desk.sealing.seal()
    late = desk.session(200_000 - OVERTAKEN_NS // 1_000_000 + 1_000)
    desk.sealing.seal()
    assert late.session in desk.sealed()


def test_a_session_that_cannot_be_sealed_is_tried_again_and_never_claimed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = desk.session()
    other = desk.session(500_000)
    frames = desk.store.frames

    def refuse(session: str, *, start: int, limit: int) -> object:
        if session == lost.session:
            raise StoreError("frame 0 is missing from the store")
        return frames(session, start=start, limit=limit)

    monkeypatch.setattr(desk.store, "frames", refuse)
    desk.now = other.updated_at
    desk.sealing.seal()
    assert desk.sealed() == [other.session]
    assert desk.sealing.through < lost.updated_at
    monkeypatch.undo()
    desk.sealing.seal()
    assert set(desk.sealed()) == {lost.session, other.session}
    assert desk.sealing.through == other.updated_at - OVERTAKEN_NS


def test_the_next_process_goes_on_from_what_the_checkpoint_says(desk: Desk) -> None:
    old, new = desk.session(), desk.session(2 * 24 * 3600 * 1000)
    desk.keys.append(ledger_key(ROOT, until=new.updated_at // SECOND))
    desk.now = new.updated_at
    desk.sealing.seal()
    desk.checkpoints.give_out()
    asked: list[int] = []
    desk.restart()
    changed = desk.store.changed

    def watch(*, after: int, namespace: str | None, limit: int) -> list[SessionRecord]:
        asked.append(after)
        return changed(after=after, namespace=namespace, limit=limit)

    desk.store.changed = watch
    desk.sealing.seal()
    assert old.updated_at < asked[0] < new.updated_at
    assert len(desk.sealed()) == 2


def test_nothing_is_signed_at_a_time_that_the_key_is_not_certified_for(desk: Desk) -> None:
    """It would not verify, ever; a clock that is wrong may be right again, and a key renewed."""
    session, right = desk.session().session, desk.now
    for wrong in (right - 365 * DAY, right + 365 * DAY):
        desk.now = wrong
        with pytest.raises(ClusterError, match="not certified for this time"):
            desk.sealing.seal()
        with pytest.raises(ClusterError, match="not certified for this time"):
            desk.checkpoints.give_out()
    assert desk.values() == []
    desk.now = right
    desk.sealing.seal()
    assert desk.sealed() == [session]
    desk.checkpoints.give_out()
    desk.verify()


def test_what_ends_after_a_clock_was_set_back_is_sealed_and_nothing_later_is_claimed(desk: Desk) -> None:
    """It was a month ahead for a while; whoever starts afterwards stamps what is before that."""
    right = desk.session()
    desk.now = right.updated_at
    desk.sealing.seal()
    ahead = desk.session(30 * 24 * 3600 * 1000)
    desk.now = ahead.updated_at
    desk.keys.append(ledger_key(ROOT, until=ahead.updated_at // SECOND))
    desk.sealing.seal()
    assert desk.checkpoints.give_out().sealed_through > right.updated_at
    for restarted in (True, False):
        if restarted:
            desk.restart()
        after = desk.session(3_600_000 if restarted else 7_200_000)
        desk.now = after.updated_at + OVERTAKEN_NS - 1
        desk.sealing.seal()
        assert after.session in desk.sealed()
        assert desk.checkpoints.give_out().sealed_through == after.updated_at - 1
    desk.verify()


def test_events_are_in_the_ledger_once(desk: Desk) -> None:
    event = make_event()
    for _ in range(2):
        desk.book.note([event])
        desk.restart()
    assert desk.values().count(event) == 1


def test_a_checkpoint_is_signed_when_there_is_something_new(desk: Desk) -> None:
    first = desk.checkpoints.give_out()
    assert first == desk.checkpoints.give_out()
    desk.restart()
    assert first == desk.checkpoints.give_out()
    desk.session()
    desk.sealing.seal()
    second = desk.checkpoints.give_out()
    assert second.size == first.size + 3
    assert [value.size for value in desk.values() if isinstance(value, Exported)] == [first.size, second.size]
    desk.verify()


def test_it_goes_to_the_place_and_to_the_log(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    exported = desk.checkpoints.give_out()
    assert desk.checkpoints.give_out() == exported
    given = given_out(desk.data, origin_of(ROOTS[0]), ROOTS)
    assert given is not None
    assert given.size == exported.size == 3
    root = exported.checkpoint.split("\n")[2]
    assert [record.message for record in caplog.records] == [
        f"ledger checkpoint origin={origin_of(ROOTS[0])} size=3 root={root}"
    ]


def test_a_long_ledger_without_a_census_is_counted_piece_by_piece(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webhook.collector.book.MAX_COUNTED", 3)
    monkeypatch.setattr("webhook.collector.book._MOST_CENSUSES", 2)
    for number in range(10):
        desk.session(number)
    desk.sealing.seal()
    desk.checkpoints.give_out()
    desk.session(10)
    desk.sealing.seal()
    desk.checkpoints.give_out()
    found = [(value.start, value.end) for value in desk.values() if isinstance(value, Census)]
    assert found == [(0, 3), (3, 6), (6, 9), (9, 12)]
    desk.verify()


@pytest.mark.parametrize(("others", "left"), [(0, 0), (1, 0), (3, 0), (4, 1)])
def test_a_checkpoint_ends_with_the_count_of_all_before_it_whoever_appends_meanwhile(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, others: int, left: int
) -> None:
    """After as many tries as there are, all is signed for, and the next checkpoint counts it."""
    monkeypatch.setattr("webhook.collector.book._MOST_CENSUSES", 4)
    desk.session()
    desk.sealing.seal()
    desk.let_in(others)
    for uncounted in (left, 0):
        size = desk.checkpoints.give_out().size
        last = desk.values()[size - 1]
        assert isinstance(last, Census)
        assert size - 1 - last.end == uncounted
        desk.session(1000)
        desk.sealing.seal()
    desk.verify()


def test_what_came_between_a_count_and_its_checkpoint_is_signed_for_next(desk: Desk) -> None:
    append = desk.store.append_entries

    def slower(entries: Sequence[Entry]) -> list[Placed]:
        if entries[0].key.startswith("checkpoint/"):
            desk.store.append_entries = append
            append([entry_of(make_event())])
        return append(entries)

    desk.store.append_entries = slower
    first = desk.checkpoints.give_out()
    second = desk.checkpoints.give_out()
    assert isinstance(desk.values()[first.size], AuditEvent)
    assert second.size > first.size + 1
    assert desk.checkpoints.give_out() == second
    desk.verify()


def test_a_new_key_signs_from_its_time_on_and_all_verifies(desk: Desk) -> None:
    first = desk.checkpoints.give_out()
    desk.keys.append(ledger_key(ROOT, until=SECONDS + 9000))
    desk.session()
    desk.sealing.seal()
    second = desk.checkpoints.give_out()
    assert second.size == first.size + 4
    desk.verify()
    assert given_out(desk.data, origin_of(ROOTS[0]), ROOTS) is not None


def test_a_new_key_signs_what_is_there_when_nothing_is_new(desk: Desk) -> None:
    desk.checkpoints.give_out()
    other = Book(desk.store, key=lambda: desk.keys[0], roots=lambda: ROOTS, unix_ns=lambda: T0)
    assert other.checkpoint(sealed_through=0).checkpoint == desk.data["checkpoint"]


def test_nothing_is_signed_for_a_truncated_ledger(desk: Desk) -> None:
    desk.session()
    desk.sealing.seal()
    desk.checkpoints.give_out()
    desk.tamper("DELETE FROM ledger WHERE number >= 2")
    for _ in range(2):
        with pytest.raises(LedgerShrunkError, match="truncated: it has 2 entries, and 4 were signed for"):
            desk.checkpoints.give_out()
        desk.restart()


def test_nothing_is_signed_for_a_ledger_that_began_again(desk: Desk) -> None:
    desk.checkpoints.give_out()
    desk.tamper("DELETE FROM ledger")
    desk.keys.append(ledger_key(ROOT))
    desk.restart()
    for number in range(5):
        desk.session(number)
    desk.sealing.seal()
    with pytest.raises(LedgerShrunkError, match="first 3 entries are not those that were signed for"):
        desk.checkpoints.give_out()


def test_what_somebody_else_put_in_the_place_is_replaced(desk: Desk) -> None:
    exported = desk.checkpoints.give_out()
    for data in ({"checkpoint": "nonsense"}, {**desk.data, "certificate": ""}):
        desk.data = data
        desk.checkpoints.give_out()
        assert desk.data["checkpoint"] == exported.checkpoint


def test_a_newer_checkpoint_in_the_place_stays(desk: Desk) -> None:
    """Another collector may have been quicker."""
    desk.checkpoints.give_out()
    before = dict(desk.data)
    desk.session()
    desk.sealing.seal()
    desk.checkpoints.give_out()
    after = dict(desk.data)
    assert before != after
    place, desk.read = desk.read, lambda: before
    desk.checkpoints.give_out()
    desk.read = place
    assert desk.data == after
