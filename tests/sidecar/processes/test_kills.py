"""kill -9 of either side, at every stage of a session, with and without the network.

Nothing that was delivered is lost or doubled, and every chain holds or states its gap.
"""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cuttable import Relay
from live_recorder import PATIENCE_S, Ticket, wait_until
from shipper_process import until
from whole_path import WholePath

from sidecar.contract.events import End, Ending, SessionStart
from webhook.store.contract import Phase

FLOOD = "i=0; while :; do echo line $i; i=$((i+1)); done"
SCRIPTS = {"start": FLOOD, "streaming": FLOOD, "idle": "echo started; sleep 1000", "end": "echo started"}


class Place:
    """The whole path with a network in the middle that can be lost."""

    def __init__(self, folder: Path, shim: Path) -> None:
        self.relays: list[Relay] = []
        self.path = WholePath(folder, shim, port=self._relayed)

    def _relayed(self, port: int) -> int:
        self.relays.append(Relay(port))
        return self.relays[0].port

    def lose_network(self) -> None:
        self.relays[0].down = True
        self.relays[0].cut()

    def find_network(self) -> None:
        self.relays[0].down = False

    def spooled(self) -> list[Path]:
        return list((self.path.recorder.spool / "sessions").iterdir())

    def kill(self, victim: str) -> None:
        side = self.path.recorder if victim == "recorder" else self.path.collector
        side.kill()

    def start(self, victim: str) -> None:
        side = self.path.recorder if victim == "recorder" else self.path.collector
        side.start()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, compiled_shim: Path) -> Iterator[Place]:
    place = Place(tmp_path_factory.mktemp("path"), compiled_shim)
    with place.path:
        yield place
    place.relays[0].close()


def reach(place: Place, process: subprocess.Popen[bytes], stage: str, ticket: Ticket) -> bytes:
    """Bring a session to a stage; give what its client has seen."""
    if stage == "start":
        wait_until(place.path.recorder.sessions)
        return b""
    if stage == "streaming":
        return read(process, 100_000)
    seen = read(process, len("started\n"))
    if stage == "idle":
        until(lambda: place.path.record(ticket.session))
    else:
        process.wait(PATIENCE_S)
    return seen


def read(process: subprocess.Popen[bytes], size: int) -> bytes:
    """Read at least so much, and leave nothing in a buffer that ``communicate`` does not know."""
    assert process.stdout is not None
    seen = b""
    while len(seen) < size and (data := os.read(process.stdout.fileno(), 65536)):
        seen += data
    return seen


def is_settled(place: Place, session: str) -> bool:
    """Tell whether the record has ended, or never began: what died before its first frame started nothing."""
    record = place.path.record(session)
    return not place.spooled() if record is None else record.how is not None


@pytest.mark.parametrize("network", ["there", "lost"])
@pytest.mark.parametrize("stage", SCRIPTS)
@pytest.mark.parametrize("victim", ["recorder", "collector"])
def test_a_kill_loses_and_doubles_nothing(place: Place, victim: str, stage: str, network: str) -> None:
    ticket = place.path.authority.grant("sh", "-c", SCRIPTS[stage])
    with place.path.recorder.popen(ticket) as process:
        seen = reach(place, process, stage, ticket)
        if network == "lost":
            place.lose_network()
        place.kill(victim)
        if victim == "collector" and stage in {"start", "streaming"}:
            seen += read(process, 50_000)
        place.start(victim)
        place.find_network()
        process.send_signal(signal.SIGTERM)
        seen += process.communicate(timeout=PATIENCE_S)[0]
    until(lambda: is_settled(place, ticket.session))
    record = place.path.record(ticket.session)
    if record is None:
        assert (victim, stage, seen) == ("recorder", "start", b"")
        return
    events = place.path.events(ticket.session)
    assert isinstance(events[0], SessionStart)
    assert [event for event in events if isinstance(event, End)] == events[-1:]
    shown = place.path.output(ticket.session)
    assert shown.startswith(seen)
    interrupted = victim == "recorder" and stage != "end"
    assert (record.how is Ending.INTERRUPTED) == (record.phase is Phase.INTERRUPTED) == interrupted
    assert interrupted or shown == seen
    until(lambda: not place.spooled())
