"""The ledger in SQLite: a row an entry, with the nodes that it completes."""

import sqlite3
import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress

from webhook.ledger.entries import Entry, kind_of
from webhook.ledger.tree import Frontier, Node, frontier_nodes
from webhook.ledger.verifying import KeptEntry
from webhook.store.contract import StoreError
from webhook.store.ledger import Placed, check_count, grow, join_nodes, split_nodes
from webhook.store.sqlite.connections import Connections
from webhook.store.sqlite.packing import pack, unpack

_COLUMNS = "number, CAST(key AS TEXT), CAST(nodes AS BLOB), packed, CAST(data AS BLOB)"
"""Also of what somebody has written into the file with other types: verifying must get to see it."""


class Ledger:
    """The ledger's part of the store."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def append_entries(self, entries: Sequence[Entry]) -> list[Placed]:
        """Append entries in one transaction."""
        check_count(entries)
        with self._connections.writing() as connection:
            places = _known(connection, entries)
            fresh = list(
                {entry.key: entry for entry in reversed(entries) if entry.key not in places}.values()
            )
            _, kept = grow(_frontier(connection), fresh[::-1])
            _insert(connection, kept)
        places |= {entry.key: entry.index for entry in kept}
        new = {entry.key for entry in kept}
        return [Placed(places[entry.key], entry.key in new) for entry in entries]

    def entries(self, *, start: int, limit: int) -> list[KeptEntry]:
        """Give entries from number ``start``."""
        with self._connections.reading() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM ledger WHERE number >= ? ORDER BY number LIMIT ?",  # noqa: S608
                (start, max(limit, 0)),
            )
            return [_entry(row) for row in rows]

    def entry(self, key: str) -> KeptEntry | None:
        """Give the entry with a key."""
        return self._one("key = ?", key)

    def latest_entry(self, kind: str) -> KeptEntry | None:
        """Give the newest entry of a kind."""
        return self._one("kind = ? ORDER BY number DESC LIMIT 1", kind)

    def known_keys(self, keys: Sequence[str]) -> set[str]:
        """Give the keys that entries have."""
        with self._connections.reading() as connection:
            rows = (connection.execute("SELECT key FROM ledger WHERE key = ?", (key,)) for key in keys)
            return {key for row in rows for (key,) in row}

    def ledger(self) -> Frontier:
        """Give the tree as it is now."""
        with self._connections.reading() as connection:
            return _frontier(connection)

    def ledger_nodes(self, nodes: Sequence[Node]) -> list[bytes]:
        """Give complete nodes."""
        with self._connections.reading() as connection:
            return _nodes(connection, nodes)

    def _one(self, where: str, value: str) -> KeptEntry | None:
        with self._connections.reading() as connection:
            row = connection.execute(
                f"SELECT {_COLUMNS} FROM ledger WHERE {where}",  # noqa: S608  constants of this module
                (value,),
            ).fetchone()
        return None if row is None else _entry(row)


def _known(connection: sqlite3.Connection, entries: Sequence[Entry]) -> dict[str, int]:
    rows = (
        connection.execute("SELECT key, number FROM ledger WHERE key = ?", (entry.key,)).fetchone()
        for entry in entries
    )
    return {row[0]: row[1] for row in rows if row is not None}


def _insert(connection: sqlite3.Connection, entries: Iterable[KeptEntry]) -> None:
    connection.executemany(
        "INSERT INTO ledger (number, key, kind, nodes, packed, data) VALUES (?, ?, ?, ?, ?, ?)",
        (
            (entry.index, entry.key, kind_of(entry.key), join_nodes(entry.nodes), *pack(entry.data))
            for entry in entries
        ),
    )


def _entry(row: tuple[int, str, bytes, int, bytes]) -> KeptEntry:
    number, key, nodes, packed, data = row
    with suppress(zlib.error):  # damaged; given as it is, it hashes to another leaf
        data = unpack(packed, data)
    return KeptEntry(number, key, data, split_nodes(nodes))


def _frontier(connection: sqlite3.Connection) -> Frontier:
    (size,) = connection.execute("SELECT coalesce(max(number) + 1, 0) FROM ledger").fetchone()
    return Frontier(size, tuple(_nodes(connection, frontier_nodes(size))))


def _nodes(connection: sqlite3.Connection, nodes: Sequence[Node]) -> list[bytes]:
    return [_node(connection, node) for node in nodes]


def _node(connection: sqlite3.Connection, node: Node) -> bytes:
    row = connection.execute(
        "SELECT CAST(nodes AS BLOB) FROM ledger WHERE number = ?", (node.leaf,)
    ).fetchone()
    kept = () if row is None else split_nodes(row[0])
    if len(kept) <= node.level:
        raise StoreError(f"entry {node.leaf} of the ledger is missing or damaged: chaperone ledger verify")
    return kept[node.level]
