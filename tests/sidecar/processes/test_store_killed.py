"""kill -9 of the store while sessions stream and audit events come: OpenSearch itself, or SQLite's owner.

With the network between recorder and collector, and then without.

What was delivered, and every event that was noted, is there once; every chain holds, and so does the ledger.
"""

import json
import subprocess
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from cuttable import Relay
from journal_sender import Sender
from ledger_desk import ROOTS
from live_recorder import PATIENCE_S, Ticket
from opensearch_server import MortalOpenSearch, mortal_opensearch
from shipper_process import until
from whole_path import WholePath

from sidecar.contract.events import Channel, Data, decode_event
from sidecar.contract.frames import Chain
from webhook.journal.events import AuditEvent
from webhook.ledger.entries import SignedManifest, Value, read_entry
from webhook.ledger.verifying import verify_ledger
from webhook.store import OpenSearchSettings, open_store
from webhook.store.audit import AuditQuery
from webhook.store.contract import Phase, SessionRecord, Store

STREAM = "i=0; while [ $i -lt 300 ]; do i=$((i+1)); echo line $i; sleep 0.02; done"
SHORT_STREAM = STREAM.replace("300", "100")
PREFIX = "killed"
ALL = 1_000_000


class Network:
    """Between recorder and collector; it can be lost."""

    def __init__(self) -> None:
        self._relays: list[Relay] = []

    def relayed(self, port: int) -> int:
        self._relays.append(Relay(port))
        return self._relays[0].port

    def lose(self) -> None:
        self._relays[0].down = True
        self._relays[0].cut()

    def find(self) -> None:
        self._relays[0].down = False

    def close(self) -> None:
        self._relays[0].close()


class Place:
    """The whole path, a journal that is shipped, a network and a store that can be killed."""

    def __init__(
        self,
        path: WholePath,
        network: Network,
        store: Store,
        kill: Callable[[], None],
        start: Callable[[], None],
    ) -> None:
        self.path = path
        self.network = network
        self.store = store
        self.kill = kill
        self.start = start
        self.sender = Sender(path.folder / "sender", path.collector)

    def begin(self, script: str) -> tuple[Ticket, subprocess.Popen[bytes]]:
        ticket = self.path.authority.grant("sh", "-c", script)
        return ticket, self.path.recorder.popen(ticket)

    def ended(self, session: str) -> SessionRecord:
        """Wait until a session has ended in the store."""
        found: list[SessionRecord] = []

        def is_there() -> bool:
            record = self.store.session(session)
            found.extend([record] if record is not None and record.how is not None else [])
            return bool(found)

        until(is_there, seconds=120)
        return found[0]

    def output(self, record: SessionRecord) -> bytes:
        """What the store says was shown; the chain must hold."""
        chain, shown = Chain(record.session), b""
        for frame in self.store.frames(record.session, start=0, limit=ALL):
            chain.accept(frame)
            event = decode_event(frame.payload)
            shown += event.data if isinstance(event, Data) and event.channel is Channel.STDOUT else b""
        assert (chain.next_sequence, chain.digest) == (record.next_sequence, record.digest)
        return shown

    def ledger(self) -> list[Value]:
        """What the ledger says; it must hold up to the newest checkpoint that was given out."""
        checkpoint = json.loads((self.path.folder / "checkpoint").read_text())["checkpoint"]
        kept = self.store.entries(start=0, limit=ALL)
        assert verify_ledger(ROOTS, kept, checkpoint).size <= len(kept)
        return [read_entry(entry.data) for entry in kept]


@contextmanager
def sqlite(folder: Path, shim: Path) -> Generator[Place]:
    network = Network()
    with closing(network), WholePath(folder, shim, port=network.relayed) as path:
        store = path.collector.store
        yield Place(path, network, store, path.collector.kill, path.collector.start)
        store.close()


@contextmanager
def opensearch(folder: Path, shim: Path, server: MortalOpenSearch) -> Generator[Place]:
    (folder / "opensearch").write_text(f"{server.url} {PREFIX}")
    network = Network()
    with closing(network), WholePath(folder, shim, port=network.relayed) as path:
        store = open_store(OpenSearchSettings(server.url, PREFIX))
        yield Place(path, network, store, server.kill, server.start)
        store.close()


@pytest.fixture(params=["sqlite", pytest.param("opensearch", marks=pytest.mark.opensearch)])
def place(request: pytest.FixtureRequest, tmp_path: Path, compiled_shim: Path) -> Iterator[Place]:
    (tmp_path / "checkpoint").touch()
    if request.param == "sqlite":
        with sqlite(tmp_path, compiled_shim) as place:
            yield place
    else:
        with mortal_opensearch() as server, opensearch(tmp_path, compiled_shim, server) as place:
            yield place


@pytest.mark.timeout(600)
def test_a_store_killed_while_sessions_stream_loses_and_doubles_nothing(place: Place) -> None:
    shown = killed(place, STREAM, events=2000, lose_network=False)
    shown |= killed(place, SHORT_STREAM, events=1000, lose_network=True)

    records = {session: place.ended(session) for session in shown}
    assert {session: place.output(record) for session, record in records.items()} == shown
    assert {record.phase for record in records.values()} == {Phase.COMPLETED}
    events = [kept.event.id for kept in place.store.audit_events(AuditQuery(limit=ALL))]
    assert len(set(events)) == len(events)
    assert set(place.sender.noted) <= set(events)
    until(lambda: _is_sealed(place.ledger(), records, events), seconds=120)
    until(lambda: not list((place.path.recorder.spool / "sessions").iterdir()))


def killed(place: Place, stream: str, *, events: int, lose_network: bool) -> dict[str, bytes]:
    """Kill the store with a session at each stage, and start it again; give what each session showed.

    A network that is lost with it comes back after it, so that everything meanwhile is on the spool.
    """
    streaming, idle = place.begin(stream), place.begin("echo started; sleep 1000")
    ending = place.begin("echo ending; read line; echo over")
    for ticket, _ in (streaming, idle, ending):
        until(lambda session=ticket.session: place.store.session(session))
    place.sender.start(events)
    place.sender.hear(50)
    if lose_network:
        place.network.lose()
    place.kill()
    shown = {ending[0].session: ending[1].communicate(b"go\n", timeout=PATIENCE_S)[0]}
    begun = place.begin("echo begun without a store")
    shown[begun[0].session] = begun[1].communicate(timeout=PATIENCE_S)[0]
    place.sender.hear(200)
    place.start()
    if lose_network:
        idle[1].terminate()
        assert place.store.session(begun[0].session) is None
        place.network.find()
    shown[streaming[0].session] = streaming[1].communicate(timeout=3 * PATIENCE_S)[0]
    idle[1].terminate()
    shown[idle[0].session] = idle[1].communicate(timeout=PATIENCE_S)[0]
    place.sender.finish()
    return shown


def _is_sealed(ledger: list[Value], records: dict[str, SessionRecord], events: list[str]) -> bool:
    """Tell whether all of it is in the ledger, each once and as it is in the store."""
    manifests = [value.manifest for value in ledger if isinstance(value, SignedManifest)]
    sealed = {one.session: one.last_digest for one in manifests}
    told = [value.id for value in ledger if isinstance(value, AuditEvent)]
    assert len(sealed) == len(manifests)
    assert len(set(told)) == len(told)
    wanted = {session: record.digest.hex() for session, record in records.items()}
    return sealed == wanted and set(told) == set(events)
