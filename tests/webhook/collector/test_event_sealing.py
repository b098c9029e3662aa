"""Audit events get into the ledger once, whoever stored them and whatever was killed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from audit_event_samples import make_event
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ledger_samples import ledger_key
from store_samples import T0

from webhook.collector.book import Book
from webhook.collector.event_sealing import EventSealing
from webhook.journal.events import AuditEvent
from webhook.ledger.entries import read_entry
from webhook.store.contract import StoreError
from webhook.store.sqlite.store import SqliteStore

ROOT = Ed25519PrivateKey.generate()
KEY = ledger_key(ROOT)
SECOND = 1_000_000_000


class Desk:
    """A store, and its sealing by processes that come and go."""

    def __init__(self, path: Path) -> None:
        self.store = SqliteStore(path)
        self.store.prepare()
        self.now = 0.0
        self.clock = T0 + 3600 * SECOND
        self.restart()

    def restart(self) -> None:
        """Forget all that is not stored."""
        roots = (ROOT.public_key().public_bytes_raw(),)
        book = Book(self.store, key=lambda: KEY, roots=lambda: roots, unix_ns=lambda: T0)
        self.sealing = EventSealing(self.store, book, lambda: self.now, lambda: self.clock)

    def keep(self, *events: AuditEvent, seconds: int = 0) -> list[AuditEvent]:
        return self.store.record(events, received_at=T0 + seconds * SECOND)

    def sealed(self) -> list[str]:
        """Ids of the events in the ledger, in its order."""
        entries = [read_entry(kept.data) for kept in self.store.entries(start=0, limit=10_000)]
        return [entry.id for entry in entries if isinstance(entry, AuditEvent)]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "store.db")
    yield desk
    desk.store.close()


def test_what_is_heard_of_is_appended_at_once(desk: Desk) -> None:
    desk.sealing.seal()
    first = make_event(1)
    desk.sealing.seal(desk.keep(first))
    assert desk.sealed() == [first.id]
    desk.sealing.seal([first])
    assert desk.sealed() == [first.id]


def test_what_another_process_stored_is_found_after_a_while(desk: Desk) -> None:
    desk.sealing.seal()
    others = [make_event(number) for number in range(700)]
    desk.keep(*others)
    desk.sealing.seal()
    assert desk.sealed() == []
    desk.now = 31.0
    desk.sealing.seal()
    assert sorted(desk.sealed()) == sorted(event.id for event in others)
    late = make_event(9000)
    desk.keep(late, seconds=-100)
    desk.now = 62.0
    desk.sealing.seal()
    assert desk.sealed()[-1] == late.id


def test_what_a_killed_process_left_is_found_by_the_next(desk: Desk) -> None:
    before, left = make_event(1), [make_event(number) for number in range(2, 6)]
    desk.sealing.seal(desk.keep(before, seconds=1))
    desk.keep(*left, seconds=2)
    desk.restart()
    desk.sealing.seal()
    assert sorted(desk.sealed()) == sorted([before.id, *(event.id for event in left)])
    desk.restart()
    desk.sealing.seal()
    assert len(desk.sealed()) == 5


def test_what_is_stored_after_a_clock_was_set_back_is_found(desk: Desk) -> None:
    ahead, later, last = make_event(1), make_event(2), make_event(3)
    desk.sealing.seal(desk.keep(ahead, seconds=30 * 24 * 3600))
    desk.keep(later, seconds=3590)
    desk.restart()
    desk.sealing.seal()
    assert desk.sealed() == [ahead.id, later.id]
    desk.keep(last, seconds=3600)
    desk.now = 31.0
    desk.sealing.seal()
    assert desk.sealed() == [ahead.id, later.id, last.id]


def test_what_cannot_be_appended_is_appended_later(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.sealing.seal()
    event = make_event(1)
    heard = desk.keep(event)
    with monkeypatch.context() as patch:
        patch.setattr(SqliteStore, "append_entries", _full)
        with pytest.raises(StoreError):
            desk.sealing.seal(heard)
    desk.now = 31.0
    desk.sealing.seal()
    assert desk.sealed() == [event.id]


def _full(*_: object) -> None:
    raise StoreError("the disk is full")
