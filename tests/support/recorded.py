"""Keys, grants and frames of made-up sessions, as a recorder would spool and ship them."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sidecar.contract.events import (
    Channel,
    Data,
    End,
    Ending,
    Event,
    Exit,
    SessionKind,
    SessionStart,
    encode_event,
)
from sidecar.contract.frames import Chain, Frame
from sidecar.contract.grants import CommandRule, Grant, GrantSigner, Limits, argv_digest, issue
from sidecar.contract.identifiers import session_id
from sidecar.contract.sealing import Decision, Identity, Sealed, seal
from sidecar.contract.signing import KeyCertificate, Purpose, certify
from sidecar.shipping.spool import SpoolWriter
from webhook.collector.proving import PodIdentity, Trust

NOW = 1_790_000_000
"""A moment in Unix seconds."""
POD = PodIdentity("payments", "api-7d9c", "2f1c4a52-8a5e-4f3c-9b1e-0d6f8c1f2a3b")
SEALED = Sealed(
    Identity("agent", groups=("devs",)), Decision("allow", "built-in", "record", "r-1", NOW * 10**9)
)
LIMIT = 1024 * 1024 * 1024


@dataclass
class Authority:
    """An installation's keys."""

    root: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    seal_key: bytes = field(default_factory=lambda: os.urandom(32))

    @property
    def trust(self) -> Trust:
        return Trust((self.root.public_key().public_bytes_raw(),), (self.seal_key,))

    def token(
        self,
        pod: PodIdentity = POD,
        session: str = "",
        *,
        until: int = NOW + 3600,
        commands: tuple[CommandRule, ...] = (),
        approvals: dict[str, bytes] | None = None,
        application: bool = False,
        content: bool = False,
    ) -> str:
        """Issue a grant; the signing key's certificate ends at ``until``."""
        sealed = msgspec.structs.replace(SEALED, approvals=approvals or {})
        name = session or session_id(NOW * 1000, os.urandom(10))
        certificate = KeyCertificate(Purpose.GRANT, self.key.public_key().public_bytes_raw(), NOW - 60, until)
        grant = Grant(
            session=name,
            issued_at=NOW,
            expires_at=NOW + 60,
            namespace=pod.namespace,
            pod=pod.pod,
            pod_uid=pod.uid,
            container="api",
            argv_digest=argv_digest([b"sh"]),
            tty=False,
            profile="pci",
            limits=Limits(),
            sealed=seal(self.seal_key, name, sealed, nonce=os.urandom(12)),
            commands=commands,
            application=application,
            content=content,
        )
        return issue(grant, GrantSigner(self.key, certify(self.root, certificate)))

    def session(
        self,
        pod: PodIdentity = POD,
        *,
        commands: tuple[CommandRule, ...] = (),
        approvals: dict[str, bytes] | None = None,
    ) -> "Made":
        name = session_id(NOW * 1000, os.urandom(10))
        token = self.token(pod, name, commands=commands, approvals=approvals)
        return Made(name, token, pod, Chain(name))

    def own_program(self, pod: PodIdentity = POD, *, content: bool = False) -> "Made":
        """Give a session of a container's own program: its grant knows neither the session nor the pod."""
        grant = session_id(NOW * 1000, os.urandom(10))
        token = self.token(PodIdentity(pod.namespace, "", ""), grant, application=True, content=content)
        name = session_id(NOW * 1000, os.urandom(10))
        kind = SessionKind.MAIN_PROCESS
        return Made(name, token, pod, Chain(name), kind=kind, content=content)


@dataclass
class Made:
    """A session under way."""

    session: str
    token: str
    pod: PodIdentity
    chain: Chain
    kind: SessionKind = SessionKind.EXEC
    content: bool = True

    def frame(self, event: Event) -> Frame:
        return self.chain.append(encode_event(event))

    def start_event(self) -> SessionStart:
        return SessionStart(
            session=self.session,
            started_at=NOW * 10**9,
            namespace=self.pod.namespace,
            pod=self.pod.pod,
            pod_uid=self.pod.uid,
            container="api",
            node="node-1",
            argv=("sh",),
            tty=False,
            stdin=False,
            rows=0,
            cols=0,
            grant_digest=sha256(self.token.encode()).digest(),
            profile="pci",
            masking="m1",
            recorder="0.1.0",
            kind=self.kind,
            content=self.content,
        )

    def start(self) -> Frame:
        return self.frame(self.start_event())

    def out(self, data: bytes, at: int = 1) -> Frame:
        return self.frame(Data(at, Channel.STDOUT, data))

    def end(self) -> Frame:
        return self.frame(End(9, Ending.EXITED))

    def whole(self, pieces: Iterable[bytes]) -> Iterator[Frame]:
        """Give all frames of a session with this output."""
        yield self.start()
        for number, piece in enumerate(pieces):
            yield self.out(piece, number)
        yield self.frame(Exit(8, 0))
        yield self.end()

    def spool(self, root: Path, limit: int = LIMIT) -> SpoolWriter:
        return SpoolWriter.create(root, self.session, self.token, limit)
