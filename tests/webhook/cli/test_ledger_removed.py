"""``chaperone ledger verify`` tells what was removed by retention from what was made to vanish."""

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from audit_event_samples import make_maker
from audit_front import AUDITOR, front
from audit_server import serve
from cli_runner import Chaperone
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ledger_desk import ROOTS, Desk
from ledger_samples import T0, ledger_key, make_event

from webhook.collector.retention import Retention, Terms
from webhook.ledger.entries import removal_entry
from webhook.ledger.removal import Removal
from webhook.store.contract import SessionRecord

ROOT = base64.b64encode(ROOTS[0]).decode()


@dataclass
class Installation:
    desk: Desk
    chaperone: Chaperone
    sessions: list[SessionRecord]

    def verify(self) -> tuple[int, str]:
        done = self.chaperone.run("ledger", "verify", "--root", ROOT)
        return done.code, done.out + done.error

    def removal(self, *sessions: SessionRecord, before: int = T0 + 10**12) -> Removal:
        ids = tuple(record.session for record in sessions)
        return Removal(name="2026-11-28/0", at=T0 + 10**12, before=before, months=12, sessions=ids)


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[Installation]:
    desk = Desk(tmp_path / "store.db")
    sessions = [desk.session(number * 300_000) for number in range(3)]
    desk.sealing.seal()
    desk.checkpoints.give_out()
    with serve(desk.store, tmp_path) as served, front(served) as running:
        yield Installation(desk, Chaperone(running.kubeconfig(tmp_path, AUDITOR)), sessions)
    desk.store.close()


def test_what_retention_removed_is_said_and_the_rest_holds(installed: Installation) -> None:
    desk, (first, second, _) = installed.desk, installed.sessions
    retention = Retention(desk.store, desk.book, make_maker(), Terms())
    assert retention.carry_out(installed.removal(first, second))
    desk.checkpoints.give_out()
    code, out = installed.verify()
    assert code == 0, out
    assert "Sessions      1, as they were sealed, frame by frame" in out
    assert "Removed       2 by retention on 2026-" in out
    assert "kept 12 months)" in out
    assert out.endswith("The record holds.\n")
    told = installed.chaperone.run("ledger", "verify", "--root", ROOT, "-o", "json").json
    assert (told["sessions"], told["removed"][0]["sessions"]) == (1, 2)


def test_a_removal_that_nobody_signed_for_is_found(installed: Installation) -> None:
    desk, (first, second, _) = installed.desk, installed.sessions
    assert desk.book.remove(installed.removal(first))
    desk.store.remove_sessions([first.session, second.session])
    code, out = installed.verify()
    assert code == 1
    assert f"session {second.session} of namespace payments, sealed as entry" in out
    assert "it is missing from the store" in out


def test_a_removal_before_its_time_is_found(installed: Installation) -> None:
    desk, (first, *_) = installed.desk, installed.sessions
    assert desk.book.remove(installed.removal(first, before=T0 - 1))
    desk.store.remove_sessions([first.session])
    code, out = installed.verify()
    assert code == 1
    assert f"session {first.session}: entry" in out
    assert "removed it, though its time was not over" in out


def test_a_removal_with_a_foreign_signature_is_found(installed: Installation) -> None:
    desk, (first, *_) = installed.desk, installed.sessions
    foreign = ledger_key(Ed25519PrivateKey.generate())
    forged = removal_entry(installed.removal(first), foreign, desk.book.origin)
    desk.store.append_entries([forged])
    desk.store.remove_sessions([first.session])
    code, out = installed.verify()
    assert code == 1
    assert "(removal/2026-11-28/0): no key that the root has certified" in out


def test_a_removal_under_way_is_no_damage(installed: Installation) -> None:
    """The ledger names a session whose frames are gone, and the store still has its record."""
    desk, (first, *_) = installed.desk, installed.sessions
    assert desk.book.remove(installed.removal(first))
    desk.tamper("DELETE FROM frames WHERE id >> 32 = 1")
    assert installed.verify()[0] == 0


def while_verifying(desk: Desk, read: str, done: Callable[[], object], *, before: bool) -> None:
    """Do something once, before or after the store is read in this way for the first time."""
    original: Callable[..., object] = getattr(desk.store, read)
    left = [done]

    def reading(*arguments: object, **named: object) -> object:
        if before and left:
            left.pop()()
        found = original(*arguments, **named)
        if left:
            left.pop()()
        return found

    setattr(desk.store, read, reading)


@pytest.mark.parametrize(
    ("read", "before"), [("sessions", True), ("sessions", False), ("frames", True)], ids=str
)
def test_what_retention_removes_while_it_is_looked_at_is_no_damage(
    installed: Installation, read: str, before: bool
) -> None:
    desk, (first, second, _) = installed.desk, installed.sessions
    retention = Retention(desk.store, desk.book, make_maker(), Terms())
    removal = installed.removal(first, second)
    while_verifying(desk, read, lambda: retention.carry_out(removal), before=before)
    code, out = installed.verify()
    assert code == 0, out
    assert "Sessions      1, as they were sealed, frame by frame" in out
    assert "Removed       2 by retention on 2026-" in out


def test_what_vanishes_while_it_is_looked_at_is_found(installed: Installation) -> None:
    desk, (first, second, _) = installed.desk, installed.sessions

    def vanish() -> None:
        assert desk.book.remove(installed.removal(first))
        desk.store.remove_sessions([first.session, second.session])

    while_verifying(desk, "sessions", vanish, before=True)
    code, out = installed.verify()
    assert code == 1
    assert f"session {second.session} of namespace payments, sealed as entry" in out


def test_events_that_retention_removes_while_they_are_looked_at_are_no_damage(
    installed: Installation,
) -> None:
    desk = installed.desk
    event = make_event(0)
    desk.store.record([event], received_at=desk.now)
    desk.book.note([event])
    removal = msgspec.structs.replace(installed.removal(), events=True)
    retention = Retention(desk.store, desk.book, make_maker(), Terms())
    while_verifying(desk, "audit_events", lambda: retention.carry_out(removal), before=True)
    code, out = installed.verify()
    assert code == 0, out
    assert "0 stored audit events, as they were told; 1 removed by retention" in out


def test_a_session_that_a_later_hold_kept_is_looked_at_as_any_other(installed: Installation) -> None:
    desk, (first, second, _) = installed.desk, installed.sessions
    assert desk.book.remove(installed.removal(first, second))
    desk.store.remove_sessions([second.session])
    code, out = installed.verify()
    assert code == 0, out
    assert "Sessions      2, as they were sealed, frame by frame" in out
    assert "Removed       1 by retention on 2026-" in out
