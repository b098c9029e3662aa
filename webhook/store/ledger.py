"""What every store does with the ledger; part of the store's contract."""

from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from sidecar.contract.errors import BugError
from webhook.ledger.entries import Entry
from webhook.ledger.tree import HASH_BYTES, Frontier, Node, leaf_hash
from webhook.ledger.verifying import KeptEntry

MAX_APPENDED: Final = 256
"""Most entries of one append."""


class Placed(msgspec.Struct, frozen=True):
    """Where an entry is."""

    index: int
    new: bool
    """Whether it was appended now; otherwise it was there under its key, perhaps with other bytes."""


class LedgerStore(Protocol):
    """The ledger's part of the contract. Every method may raise ``contract.StoreError``."""

    def append_entries(self, entries: Sequence[Entry]) -> list[Placed]:
        """Append entries that are not there yet, in order, all or none; give the place of each.

        However many write at once, from however many processes, every number is given once, and every key
        is there once. Takes at most ``MAX_APPENDED``.
        """
        ...

    def entries(self, *, start: int, limit: int) -> list[KeptEntry]:
        """Give at most ``limit`` entries in order, from number ``start``; those that are there."""
        ...

    def entry(self, key: str) -> KeptEntry | None:
        """Give the entry with a key."""
        ...

    def latest_entry(self, kind: str) -> KeptEntry | None:
        """Give the newest entry of a kind."""
        ...

    def ledger(self) -> Frontier:
        """Give the tree as it is now."""
        ...

    def ledger_nodes(self, nodes: Sequence[Node]) -> list[bytes]:
        """Give complete nodes, in this order. Raises StoreError when an entry that has one is missing."""
        ...


def check_count(entries: Sequence[Entry]) -> None:
    """Raise BugError when there are too many entries to append at once."""
    if len(entries) > MAX_APPENDED:
        raise BugError(f"at most {MAX_APPENDED} entries are appended at once, not {len(entries)}")


def grow(frontier: Frontier, entries: Sequence[Entry]) -> tuple[Frontier, list[KeptEntry]]:
    """Give the tree after more entries, and the entries as they are kept."""
    kept: list[KeptEntry] = []
    for entry in entries:
        index = frontier.size
        frontier, nodes = frontier.append(leaf_hash(entry.data))
        kept.append(KeptEntry(index, entry.key, entry.data, nodes))
    return frontier, kept


def join_nodes(nodes: Sequence[bytes]) -> bytes:
    """Give hashes as one blob."""
    return b"".join(nodes)


def split_nodes(blob: bytes) -> tuple[bytes, ...]:
    """Give the hashes of a blob."""
    return tuple(blob[start : start + HASH_BYTES] for start in range(0, len(blob), HASH_BYTES))
