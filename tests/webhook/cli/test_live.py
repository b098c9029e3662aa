"""``chaperone sessions follow`` and ``kill`` before a served audit API over a session that goes on."""

import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from audit_front import AGENT, AUDITOR, Front, front
from audit_samples import keep_all
from audit_server import serve
from cli_runner import COMMAND, Chaperone
from shipper_process import until
from store_samples import Growing, data_payload

from sidecar.contract.events import End, Ending, encode_event
from webhook.audit_api.access import Action, Read
from webhook.audit_api.killing import KillOrder
from webhook.store import SqliteSettings, open_store
from webhook.store.contract import Phase, SessionRecord, Store


@dataclass
class Live:
    """A running session, and what becomes of orders to end it."""

    store: Store
    growing: Growing
    front: Front | None = None
    obeys: bool = True
    reads: list[Read] = field(default_factory=list[Read])
    orders: list[KillOrder] = field(default_factory=list[KillOrder])

    @property
    def name(self) -> str:
        return self.growing.session

    async def order(self, asked: KillOrder) -> int:
        self.orders.append(asked)
        if self.obeys:
            self.end(Ending.KILLED, f"{asked.by.username} ended this session: {asked.reason}")
        return 1

    def show(self, text: bytes) -> None:
        self._append(data_payload(text))

    def end(self, how: Ending, reason: str = "") -> None:
        payload = encode_event(End(9, how, reason))
        self._append(payload, phase=Phase.COMPLETED, how=how, reason=reason)

    def _append(self, payload: bytes, **changes: object) -> None:
        record, frames = self.growing.grow(payload, **changes)
        self.store.append(record, frames, [])


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    store = open_store(SqliteSettings(tmp_path / "store.db"))
    store.prepare()
    kept: dict[str, SessionRecord] = keep_all(store)
    live = Live(store, Growing(kept["active"]))
    with serve(store, tmp_path, order=live.order) as served, front(served) as running:
        live.front, live.reads = running, served.reads
        yield live
    store.close()


def as_user(live: Live, folder: Path, user: str = AUDITOR) -> Chaperone:
    assert live.front is not None
    return Chaperone(live.front.kubeconfig(folder, user))


def test_following_shows_what_comes_and_ends_with_the_session(live: Live, tmp_path: Path) -> None:
    chaperone = as_user(live, tmp_path)
    with subprocess.Popen(
        [COMMAND, "sessions", "follow", live.name],
        env=chaperone.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        shown = b""
        for number in range(3):
            live.show(b"line %d\x1b]52;c;aGk=\x07\x1b[1m!\r\n" % number)
            while b"line %d" % number not in shown:
                shown += os.read(process.stdout.fileno(), 1000)
        assert process.poll() is None
        live.end(Ending.EXITED)
        shown += process.stdout.read()
        told = process.stderr.read().decode()
    assert process.returncode == 0
    assert b"]52;" not in shown
    assert b"line 2\x1b[1m!" in shown
    assert f"Session {live.name} is over: exited" in told


def test_following_only_what_is_new(live: Live, tmp_path: Path) -> None:
    live.show(b"from before\r\n")

    def go_on() -> None:
        until(lambda: [read.action for read in live.reads].count(Action.EVENTS) >= 2)
        live.show(b"from now on\r\n")
        live.end(Ending.EXITED)

    thread = threading.Thread(target=go_on)
    thread.start()
    done = as_user(live, tmp_path).process("sessions", "follow", live.name, "--new")
    thread.join()
    assert done.code == 0
    assert "from before" not in done.out
    assert "from now on" in done.out


def test_killing_waits_for_the_end_and_says_how_it_came(live: Live, tmp_path: Path) -> None:
    done = as_user(live, tmp_path).run("sessions", "kill", live.name, "--reason", "reads every table")
    assert done.code == 0, done.error
    assert done.error == (
        f"Session {live.name} is over: killed: auditor ended this session: reads every table\n"
    )
    [order] = live.orders
    assert (order.by.username, order.reason) == ("auditor", "reads every table")
    again = as_user(live, tmp_path).run("sessions", "kill", live.name, "--reason", "again")
    assert again.code == 1
    assert "has ended" in again.error


def test_killing_says_when_the_recorder_cannot_be_reached(live: Live, tmp_path: Path) -> None:
    live.obeys = False
    done = as_user(live, tmp_path).run("sessions", "kill", live.name, "--reason", "why", "--wait", "0.1")
    assert done.code == 1
    assert "its recorder is not connected" in done.error
    assert f"chaperone sessions show {live.name} -n payments" in done.error


def test_killing_takes_a_reason_and_a_right(live: Live, tmp_path: Path) -> None:
    assert as_user(live, tmp_path).run("sessions", "kill", live.name).code == 2
    bad = as_user(live, tmp_path).run("sessions", "kill", live.name, "--reason", "a\nb")
    assert bad.code == 1
    assert "spec.reason" in bad.error
    forbidden = as_user(live, tmp_path, AGENT).run("sessions", "kill", live.name, "--reason", "why")
    assert forbidden.code == 4
    assert live.orders == []
