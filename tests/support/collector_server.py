"""A collector as a process of its own: the real intake and SQLite store behind TLS on loopback.

Only the API server's judgement of tokens is made up: file ``tokens.json`` names each token's pod.
Run with the folder that :func:`write_folder` filled and a port.
"""

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from audit_pki import Authority as TlsAuthority
from ledger_desk import ROOT, ROOTS
from ledger_samples import ledger_key
from recorded import POD, Authority

from sidecar.contract.frames import Frame
from sidecar.contract.wire import INTAKE_PATH
from webhook.collector.audit_route import AUDIT_EVENTS_PATH, AuditIntake, audit_router
from webhook.collector.changes import Changes
from webhook.collector.checkpoints import Data
from webhook.collector.proving import PodIdentity, Trust
from webhook.collector.route import Collector, with_recorders
from webhook.collector.strangers import Strangers
from webhook.collector.tokens import TokenRefusedError
from webhook.journal.events import AuditEvent
from webhook.journal.making import Maker
from webhook.journal.masked import masked
from webhook.server.health import bare_app
from webhook.server.ledger_keeping import LedgerKeeping
from webhook.server.observing import strict_mask
from webhook.server.runner import Servers, https
from webhook.server.session_keeping import SessionKeeping
from webhook.server.tasks import Tasks
from webhook.server.tls import serving_context
from webhook.store import OpenSearchSettings, open_store
from webhook.store.contract import Passage, SessionRecord, Store, StoreError
from webhook.store.sqlite.store import SqliteStore

TOKEN = "the-token-of-the-pod"
ADMISSION_TOKEN = "the-token-of-an-admission-replica"
NAMESPACE = "chaperone-system"
ADMISSION = PodIdentity(NAMESPACE, "chaperone-admission-1", "a-1", "chaperone-admission")
LOST_TOKEN = "a-token-nobody-knows"
NOWHERE = "collector.invalid"
"""A name of the collector's that nobody resolves (RFC 6761)."""


class FileReviewer:
    """Knows the tokens of a file."""

    def __init__(self, path: Path) -> None:
        self._tokens: dict[str, list[str]] = json.loads(path.read_text())

    def review(self, token: str) -> PodIdentity:
        if token not in self._tokens:
            raise TokenRefusedError("the token is not valid for the collector")
        return PodIdentity(*self._tokens[token])


class FilePods:
    """All pods exist, unless the folder holds ``gone``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def exists(self, namespace: str, name: str, uid: str) -> bool:
        return not (self._folder / "gone").exists()


MAKER = Maker(
    origin="collector-1",
    namespace=NAMESPACE,
    account="chaperone-collector",
    clock=time.time_ns,
    randomness=os.urandom,
)
LOST_AFTER_S = 900
DATABASE = Path("database/store.db")


class MoodyStore(SqliteStore):
    """Refuses to write while the folder holds ``broken``, and takes its time while it holds ``slow``."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / DATABASE)
        self._folder = folder

    def append(self, record: SessionRecord, frames: Sequence[Frame], passages: Sequence[Passage]) -> None:
        self._be_moody()
        super().append(record, frames, passages)

    def record(self, events: Sequence[AuditEvent], *, received_at: int) -> list[AuditEvent]:
        self._be_moody()
        return super().record(events, received_at=received_at)

    def _be_moody(self) -> None:
        if (self._folder / "broken").exists():
            raise StoreError("the disk is full")
        if (self._folder / "slow").exists():
            time.sleep(2)


class FilePlace:
    """Checkpoints are given out into a file, which one process writes."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Data:
        return json.loads(self._path.read_text() or "{}")

    def change(self, change: Callable[[Data], Data]) -> None:
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(change(self.read())))
        fresh.replace(self._path)


async def serve(folder: Path, port: int) -> None:
    """Serve until SIGTERM. File ``opensearch`` in the folder has address and prefix of a real one to use.

    With a file ``checkpoint`` there is a ledger, and its checkpoints are put there.
    """
    search = folder / "opensearch"
    store: Store = MoodyStore(folder)
    if search.exists():
        url, prefix = search.read_text().split()
        store = open_store(OpenSearchSettings(url, prefix))
    store.prepare()
    keys = json.loads((folder / "keys.json").read_text())
    trust = Trust((bytes.fromhex(keys["root"]),), (bytes.fromhex(keys["seal"]),))
    reviewer = FileReviewer(folder / "tokens.json")
    refused: list[AuditEvent] = []
    strangers = Strangers(refused.extend, MAKER)
    ledger = _ledger(store, folder / "checkpoint") if (folder / "checkpoint").exists() else None
    collector = Collector(
        store,
        reviewer,
        lambda: trust,
        Changes(),
        sealing=ledger.sealing if ledger else None,
        listeners=(ledger.event_sealing.hear,) if ledger else (),
        strangers=strangers,
    )
    app = bare_app()
    app.include_router(audit_router(AuditIntake(collector.recording, reviewer, namespace=NAMESPACE)))
    tls = {
        "tls.crt": (folder / "localhost.pem").read_bytes(),
        "tls.key": (folder / "localhost.key").read_bytes(),
    }
    mask = strict_mask()

    def shown(event: AuditEvent) -> AuditEvent:
        return masked(event, mask)[0]

    sessions = SessionKeeping(
        store, collector, FilePods(folder), MAKER, shown=shown, lost_after_seconds=LOST_AFTER_S
    )
    served = with_recorders(app, collector)
    servers = Servers(https(served, port=port, context=serving_context(tls), drain_seconds=2, websocket=True))
    tasks = Tasks(on_failure=servers.stop)

    async def tell_of_strangers() -> None:
        await strangers.tell()
        events, refused[:] = list(refused), []
        if events:
            await collector.recording.keep(events)

    sessions.start(tasks)
    tasks.repeat("refused connections", tell_of_strangers, seconds=0.2)
    if ledger is not None:
        ledger.start(tasks)
    await servers.run()
    await tasks.stop()
    collector.close()
    store.close()


def _ledger(store: Store, path: Path) -> LedgerKeeping:
    key = ledger_key(ROOT, since=0, until=1 << 40)
    alarm = logging.getLogger(__name__).error
    return LedgerKeeping(store, FilePlace(path), seconds=1, key=lambda: key, roots=lambda: ROOTS, alarm=alarm)


@dataclass
class CollectorServer:
    """The process, to be killed and started again at will."""

    folder: Path
    authority: Authority = field(default_factory=Authority)
    port: int = 0
    pods: dict[str, PodIdentity] = field(default_factory=lambda: {TOKEN: POD, ADMISSION_TOKEN: ADMISSION})
    process: "subprocess.Popen[bytes] | None" = None

    def __post_init__(self) -> None:
        held = socket.socket()
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server's own
        held.bind(("127.0.0.1", 0))
        self.port = held.getsockname()[1]
        weakref.finalize(self, os.close, held.detach())  # nobody else is given it while the server is down
        (self.folder / DATABASE.parent).mkdir(exist_ok=True)
        tls = TlsAuthority(self.folder, "collector")
        tls.issue("localhost", NOWHERE)
        self.ca = tls.pem
        keys = {"root": self.authority.trust.roots[0].hex(), "seal": self.authority.seal_key.hex()}
        (self.folder / "keys.json").write_text(json.dumps(keys))
        pods = {token: [pod.namespace, pod.pod, pod.uid, pod.account] for token, pod in self.pods.items()}
        (self.folder / "tokens.json").write_text(json.dumps(pods))

    @property
    def url(self) -> str:
        return f"wss://localhost:{self.port}{INTAKE_PATH}"

    @property
    def audit_url(self) -> str:
        return f"https://localhost:{self.port}{AUDIT_EVENTS_PATH}"

    @property
    def store(self) -> SqliteStore:
        """The store, for reading beside the process."""
        return SqliteStore(self.folder / DATABASE)

    def start(self) -> None:
        with (self.folder / "collector.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, __file__, str(self.folder), str(self.port)], stderr=log
            )
        self.await_port()

    def await_port(self) -> None:
        """Wait until connections are taken."""
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            assert self.process is None or self.process.poll() is None, self.log()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise TimeoutError("the collector does not listen")

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait()
            self.process = None

    def log(self) -> str:
        return (self.folder / "collector.log").read_text()


@contextmanager
def running(folder: Path) -> Generator[CollectorServer]:
    server = CollectorServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
