"""An installation whose ledger and sessions ``chaperone ledger verify`` reads, and its user."""

import base64
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from audit_front import AUDITOR, Front, front
from audit_server import serve
from cli_runner import Chaperone
from ledger_desk import ROOTS, Desk
from ledger_samples import make_event

from webhook.store.contract import SessionRecord

ROOT = base64.b64encode(ROOTS[0]).decode()


@dataclass
class Installation:
    desk: Desk
    front: Front
    folder: Path
    sessions: list[SessionRecord]
    chaperone: Chaperone

    def manifest(self, number: int) -> int:
        """The number of the entry that seals one of the sessions."""
        entry = self.desk.store.entry(f"manifest/{self.sessions[number].session}")
        assert entry is not None
        return entry.index

    def broken(self, *arguments: str) -> str:
        """What a verification that must fail says."""
        done = self.chaperone.run("ledger", "verify", "--root", ROOT, *arguments)
        assert done.code == 1, done.out + done.error
        assert done.error.startswith("chaperone: the record is broken: ")
        return done.error.removeprefix("chaperone: the record is broken: ").strip()


@contextmanager
def installation(desk: Desk, folder: Path) -> Generator[Installation]:
    """Four sessions, each with a manifest, and events; a checkpoint at the end of each two."""
    sessions: list[SessionRecord] = []
    for number in range(4):
        sessions.append(desk.session(number * 300_000))
        desk.now = sessions[-1].updated_at + 10
        desk.sealing.seal()
        event = make_event(number)
        desk.store.record([event], received_at=desk.now)
        desk.book.note([event])
        if number % 2:
            desk.checkpoints.give_out()
    sign = lambda: desk.checkpoints.give_out().checkpoint  # noqa: E731
    with serve(desk.store, folder, sign=sign) as served, front(served) as running:
        yield Installation(desk, running, folder, sessions, Chaperone(running.kubeconfig(folder, AUDITOR)))
    desk.store.close()
