"""A whole recorder of real processes in a directory of its own, real shims that dial it, and its spool."""

import base64
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from shim_process import SOURCES
from shim_terminal import Client

from sidecar.contract.events import Channel, Data, End, Event, SessionStart, decode_event
from sidecar.contract.frames import Chain
from sidecar.contract.grants import CommandRule, Grant, GrantSigner, Limits, MaskingRule, argv_digest, issue
from sidecar.contract.identifiers import session_id
from sidecar.contract.names import MAIN_PROCESS_FLAG
from sidecar.contract.signing import KeyCertificate, Purpose, certify
from sidecar.contract.wire import Notice, NoticeKind
from sidecar.shipping.notices import NoticeSpool
from sidecar.shipping.records import RecordDecoder

CONTAINER = "app"
POD_UID = "0c7e5b34-3f5f-4b87-9f6a-5f0b6f5f0b6f"
PATIENCE_S = 60
ROOT = Path(__file__).parents[2]


def compile_shim(out: Path) -> Path:
    """Compile a shim that dials ``sock`` in its working directory, so that one serves every test."""
    command = ["make", "-B", "-C", str(SOURCES), f"OUT={out}", "SOCKET_PATH=sock", "CC=musl-gcc"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out


class Authority:
    """A root and a signing key below it, as the control side has them."""

    def __init__(
        self,
        root: Ed25519PrivateKey | None = None,
        key: Ed25519PrivateKey | None = None,
        seal: Callable[[str], bytes] = lambda _: b"for the collector alone",
    ) -> None:
        """``seal`` gives what of a session's grant is for the collector alone."""
        root, self.key = root or Ed25519PrivateKey.generate(), key or Ed25519PrivateKey.generate()
        self._seal = seal
        self.root = root.public_key().public_bytes_raw()
        now = int(time.time())
        certificate = KeyCertificate(
            Purpose.GRANT, self.key.public_key().public_bytes_raw(), now - 60, now + 3600
        )
        self.signer = GrantSigner(self.key, certify(root, certificate))

    def grant(
        self,
        *argv: str,
        tty: bool = False,
        pod_uid: str = POD_UID,
        container: str = CONTAINER,
        issued_ago: int = 0,
        limits: Limits | None = None,
        profile: str = "strict",
        rules: tuple[MaskingRule, ...] = (),
        commands: tuple[CommandRule, ...] = (),
        traced: bool = False,
        untraced: str = "",
    ) -> "Ticket":
        """Give a grant for a command line as the admission side would."""
        now = int(time.time()) - issued_ago
        session = session_id(int(time.time() * 1000), os.urandom(10))
        grant = Grant(
            session=session,
            issued_at=now,
            expires_at=now + 60,
            namespace="payments",
            pod="till",
            pod_uid=pod_uid,
            container=container,
            argv_digest=argv_digest([argument.encode() for argument in argv]),
            tty=tty,
            profile=profile,
            limits=limits or Limits(),
            sealed=self._seal(session),
            rules=rules,
            commands=commands,
            traced=traced,
            untraced=untraced,
        )
        return Ticket(grant.session, issue(grant, self.signer), argv)

    def application(
        self,
        *argv: str,
        tty: bool = False,
        unbound: tuple[int, ...] = (),
        issued_at: int | None = None,
        rules: tuple[MaskingRule, ...] = (),
        content: bool = False,
    ) -> "Ticket":
        """Give a grant for a container's own program."""
        digest = argv_digest([argument.encode() for argument in argv], unbound)
        grant = Grant(
            session=session_id(int(time.time() * 1000), os.urandom(10)),
            issued_at=int(time.time()) if issued_at is None else issued_at,
            expires_at=0,
            namespace="payments",
            pod="",
            pod_uid="",
            container=CONTAINER,
            argv_digest=digest,
            tty=tty,
            profile="strict",
            limits=Limits(idle_seconds=0, total_seconds=0),
            sealed=b"for the collector alone",
            rules=rules,
            application=True,
            content=content,
            unbound=unbound,
        )
        return Ticket(grant.session, issue(grant, self.signer), argv, MAIN_PROCESS_FLAG)


@dataclass(frozen=True)
class Ticket:
    """A session that may start."""

    session: str
    token: str
    argv: tuple[str, ...]
    flag: str = "--"

    def command(self, shim: Path) -> list[str]:
        return [str(shim), self.token, self.flag, *self.argv]


@dataclass(frozen=True)
class Recording:
    """The events of one session as they lie in the spool."""

    events: list[Event]

    @property
    def start(self) -> SessionStart:
        assert isinstance(self.events[0], SessionStart)
        return self.events[0]

    @property
    def end(self) -> End:
        assert isinstance(self.events[-1], End)
        return self.events[-1]

    def data(self, channel: Channel) -> bytes:
        return b"".join(e.data for e in self.events if isinstance(e, Data) and e.channel is channel)


@dataclass
class LiveRecorder:
    """A recorder in ``directory``; a container's processes run in ``directory/chaperone/app``."""

    directory: Path
    shim: Path
    authority: Authority
    settings: dict[str, str] = field(default_factory=dict[str, str])
    before: tuple[str, ...] = ()
    """What execs the recorder."""
    process: subprocess.Popen[bytes] | None = None

    @property
    def spool(self) -> Path:
        return self.directory / "spool"

    @property
    def container(self) -> Path:
        return self.directory / "chaperone" / CONTAINER

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def __enter__(self) -> Self:
        self.spool.mkdir(exist_ok=True)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        (self.container / "sock").unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [*self.before, sys.executable, "-m", "sidecar"],
            env=self._environment(),
            cwd=self.directory,
            stderr=self._log(),
        )
        wait_until((self.container / "sock").is_socket)

    def _log(self) -> int:
        return os.open(self.directory / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def log(self) -> str:
        return (self.directory / "log").read_text()

    def _environment(self) -> dict[str, str]:
        settings = {
            "CONTAINERS": CONTAINER,
            "ROOT_KEYS": base64.b64encode(self.authority.root).decode(),
            "POD_UID": POD_UID,
            "POD_NAME": "till",
            "POD_NAMESPACE": "payments",
            "NODE_NAME": "node-1",
            "DIRECTORY": str(self.directory / "chaperone"),
            "DEBUG_DIRECTORY": str(self.directory / "debug"),
            "SPOOL": str(self.spool),
            "SHIM": str(self.shim),
            "DRAIN_SECONDS": "1",
            "COLLECTOR": "wss://127.0.0.1:1/v1/intake",
            "CA": "none",
            "TOKEN_FILE": str(self.directory / "token"),
            **self.settings,
        }
        return {**os.environ, **{f"CHAPERONE_{name}": value for name, value in settings.items()}}

    def stop(self) -> int:
        """Stop it as the kubelet does; give its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

    def kill(self) -> None:
        """Kill all of it at once, as the end of its container's first process does."""
        for pid in (*descendants(self.pid), self.pid):
            os.kill(pid, signal.SIGKILL)
        assert self.process is not None
        self.process.wait(PATIENCE_S)

    def popen(
        self, ticket: Ticket, *, stdin: int = subprocess.PIPE, before: tuple[str, ...] = ()
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*before, *ticket.command(self.shim)],
            cwd=self.container,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(
        self, ticket: Ticket, given: bytes | None = None, *, before: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a whole session on pipes, without input when none is given; ``before`` execs the rest."""
        stdin = subprocess.DEVNULL if given is None else subprocess.PIPE
        process = self.popen(ticket, stdin=stdin, before=before)
        stdout, stderr = process.communicate(given, timeout=3 * PATIENCE_S)
        return subprocess.CompletedProcess(ticket.argv, process.returncode, stdout, stderr)

    def at_terminal(self, ticket: Ticket, client: Client) -> subprocess.Popen[bytes]:
        command = ["setsid", "--ctty", *ticket.command(self.shim)]
        slave = client.slave
        return subprocess.Popen(command, cwd=self.container, stdin=slave, stdout=slave, stderr=slave)

    def sessions(self) -> list[int]:
        """The processes that write a record now."""
        return [pid for warm in children(self.pid) for pid in children(warm) if _writes_a_record(pid)]

    def recording(self, session: str) -> Recording:
        """Read what is in the spool, checking the chain."""
        chain, events = Chain(session), list[Event]()
        for segment in sorted((self.spool / "sessions" / session).glob("*.frames")):
            for frame, _ in RecordDecoder().whole(segment.read_bytes()):
                chain.accept(frame)
                events.append(decode_event(frame.payload))
        return Recording(events)

    def ended_recording(self, session: str) -> Recording:
        """Wait until the record is complete."""
        wait_until((self.spool / "sessions" / session / "ended").exists)
        return self.recording(session)

    def notices(self) -> list[Notice]:
        spool = NoticeSpool(self.spool)
        return [spool.load(name) for name in spool.names()]

    def told(self, kind: NoticeKind) -> list[Notice]:
        return [notice for notice in self.notices() if notice.kind is kind]


def wait_until(condition: Callable[[], object], what: str = "") -> None:
    """Wait until a call gives something true. Raises TimeoutError."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.005)


def _writes_a_record(pid: int) -> bool:
    try:
        links = [number.readlink() for number in Path(f"/proc/{pid}/fd").iterdir()]
    except FileNotFoundError:
        return False
    return any(link.name == "grant" for link in links)


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def descendants(pid: int) -> Sequence[int]:
    found = children(pid)
    return [*found, *(below for child in found for below in descendants(child))]
