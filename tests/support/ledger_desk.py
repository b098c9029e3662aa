"""A collector's ledger over a real store, with its place for checkpoints held in memory."""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ledger_samples import T0, ledger_key, make_event
from store_samples import Growing, data_payload, make_record, start_payload

from sidecar.contract.sealing import Identity
from webhook.collector.book import Book
from webhook.collector.checkpoints import Checkpoints, Data
from webhook.collector.sealing import Sealing
from webhook.ledger.entries import Entry, SignedManifest, entry_of, read_entry
from webhook.ledger.keys import LedgerKey
from webhook.ledger.verifying import verify_ledger
from webhook.store.contract import Phase, SessionRecord, Store
from webhook.store.ledger import Placed
from webhook.store.sqlite.store import SqliteStore

ROOT = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ROOTS = (ROOT.public_key().public_bytes_raw(),)


class Desk:
    """Seals, signs and gives out as a collector does."""

    def __init__(self, path: Path, store: Store | None = None) -> None:
        """``path`` is the embedded store's file, unless there is another store."""
        self.path = path
        self.store = store or SqliteStore(path)
        self.store.prepare()
        self.keys = [ledger_key(ROOT)]
        self.data: Data = {}
        self.now = T0 + 10
        """The collector's clock, Unix nanoseconds."""
        self.restart()

    def restart(self) -> None:
        """Begin again with nothing remembered but what is stored."""

        def key() -> LedgerKey:
            return self.keys[-1]

        self.book = Book(self.store, key=key, roots=lambda: ROOTS, unix_ns=lambda: self.now)
        self.sealing = Sealing(self.store, self.book, lambda: self.now)
        self.checkpoints = Checkpoints(self.book, self.sealing, self, key=key, roots=lambda: ROOTS)

    def read(self) -> Data:
        return self.data

    def change(self, change: Callable[[Data], Data]) -> None:
        self.data = change(self.data)

    def session(self, offset_ms: int = 0, **changes: object) -> SessionRecord:
        """Keep a session with two frames, ended unless told otherwise."""
        growing = Growing(self.store.create(make_record(offset_ms)))
        ended = {"phase": Phase.COMPLETED, **changes}
        record, frames = growing.grow(start_payload(growing.record), data_payload(b"text"), **ended)
        self.store.append(record, frames, [])
        return record

    def let_in(self, times: int) -> None:
        """Let another collector append an event before each census of this one, so many times."""
        append, left = self.store.append_entries, list(range(times))

        def slower(entries: Sequence[Entry]) -> list[Placed]:
            if left and entries[0].key.startswith("census/"):
                event = make_event(1000 + left.pop())
                append([entry_of(msgspec.structs.replace(event, actor=Identity("somebody")))])
            return append(entries)

        self.store.append_entries = slower

    def values(self) -> list[object]:
        return [read_entry(entry.data) for entry in self.store.entries(start=0, limit=1000)]

    def sealed(self) -> list[str]:
        return [value.manifest.session for value in self.values() if isinstance(value, SignedManifest)]

    def verify(self) -> None:
        verify_ledger(ROOTS, self.store.entries(start=0, limit=1000), self.data["checkpoint"])

    def tamper(self, sql: str, *values: object) -> None:
        """Change the store's file as somebody with access to it would."""
        with sqlite3.connect(self.path) as connection:
            connection.execute(sql, values)
        connection.close()
