"""``chaperone ledger verify`` tells what was removed by retention from what was made to vanish."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from audit_event_samples import make_maker
from audit_front import AUDITOR, front
from audit_server import serve
from cli_runner import Chaperone
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ledger_desk import ROOTS, Desk
from ledger_samples import T0, ledger_key

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
