"""Ledgers of made-up installations: keys, manifests, entries, and a whole small ledger."""

from dataclasses import dataclass, field
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from store_samples import T0, make_session_id

from sidecar.contract.sealing import Identity
from sidecar.contract.signing import KeyCertificate, Purpose, certify
from webhook.journal.events import AuditEvent, Kind, Outcome, Where
from webhook.ledger.checkpoints import Checkpoint
from webhook.ledger.entries import (
    Entry,
    Exported,
    SigningKey,
    Start,
    entry_of,
    manifest_entry,
    write_certificate,
)
from webhook.ledger.keys import LedgerKey, origin_of
from webhook.ledger.manifest import Gap, Manifest, json_digest
from webhook.ledger.tree import Frontier, leaf_hash
from webhook.ledger.verifying import KeptEntry

SECONDS = T0 // 10**9


def ledger_key(
    root: Ed25519PrivateKey, *, since: int = SECONDS - 60, until: int = SECONDS + 3600
) -> LedgerKey:
    """A fresh key that a root has certified."""
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw()
    return LedgerKey(key, certify(root, KeyCertificate(Purpose.LEDGER, public, since, until)))


def make_manifest(session: str = "", **changes: Any) -> Manifest:
    manifest = Manifest(
        session=session or make_session_id(),
        namespace="payments",
        pod="api-7d9c",
        pod_uid="2f1c4a52-8a5e-4f3c-9b1e-0d6f8c1f2a3b",
        container="api",
        node="node-1",
        user="agent",
        identity_digest=json_digest(Identity("agent")),
        argv_digest=json_digest(("psql", "-c", "select 1")),
        grant_digest="00" * 32,
        action="allow",
        policy="built-in",
        rule="record-everything",
        request="r-1",
        tty=False,
        stdin=False,
        phase="Completed",
        how="exited",
        exit_code=0,
        started_at=T0,
        ended_at=T0 + 5,
        sealed_at=T0 + 10,
        clock_skew=-12,
        frames=4,
        first_digest="11" * 32,
        last_digest="22" * 32,
        stdin_bytes=0,
        stdout_bytes=17,
        stderr_bytes=0,
        findings={"pan/visa": 3},
        gaps=(Gap(2, "ünfinished \N{PILE OF POO}\n"),),
        profile="strict",
        masking="m1",
        recorder="0.1.0",
    )
    return msgspec.structs.replace(manifest, **changes)


def make_event(number: int = 0) -> AuditEvent:
    return AuditEvent(
        id=make_session_id(number),
        at=T0 + number,
        kind=Kind.DECISION,
        outcome=Outcome.FAILURE,
        actor=Identity("agent", groups=("devs",), extra={"z": ("1",), "a": ("2",)}),
        origin="chaperone-admission-0",
        where=Where(namespace="payments", resource="pods/exec", name="api-7d9c"),
        reason='a "quoted" reason\n',
        details={"b": "2", "a": "1"},
    )


@dataclass
class Ledger:
    """A ledger that grows in memory, as a store would keep it."""

    root: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    entries: list[KeptEntry] = field(default_factory=list[KeptEntry])
    frontier: Frontier = field(default_factory=Frontier)
    key: LedgerKey = field(init=False)

    def __post_init__(self) -> None:
        self.key = ledger_key(self.root)
        self.append(entry_of(Start(T0, self.origin, (self.roots[0].hex(),), "0.1.0")))
        self.introduce(self.key)

    @property
    def roots(self) -> tuple[bytes, ...]:
        return (self.root.public_key().public_bytes_raw(),)

    @property
    def origin(self) -> str:
        return origin_of(self.roots[0])

    @property
    def checkpoint(self) -> str:
        """A signed checkpoint of now."""
        return self.key.sign(
            Checkpoint(self.origin, self.frontier.size, self.frontier.root).text, self.origin
        )

    def append(self, entry: Entry) -> None:
        index = self.frontier.size
        self.frontier, nodes = self.frontier.append(leaf_hash(entry.data))
        self.entries.append(KeptEntry(index, entry.key, entry.data, nodes))

    def introduce(self, key: LedgerKey) -> None:
        """Sign with this key from now on."""
        self.key = key
        self.append(entry_of(SigningKey(T0, key.public.hex(), write_certificate(key.certificate))))

    def seal(self, manifest: Manifest | None = None) -> None:
        self.append(manifest_entry(manifest or make_manifest(), self.key, self.origin))

    def export(self) -> None:
        self.append(entry_of(Exported(T0 + 20, self.frontier.size, T0, self.checkpoint)))

    def fill(self) -> "Ledger":
        """Sessions, events and checkpoints: 12 entries in all."""
        for number in range(4):
            self.seal()
            self.append(entry_of(make_event(number)))
            if number % 2:
                self.export()
        return self

    def rewrite(self, entries: list[KeptEntry]) -> None:
        """Keep these instead, with all nodes made anew: what a clever forger would do."""
        self.entries, self.frontier = [], Frontier()
        for entry in entries:
            self.append(Entry(entry.key, entry.data))
