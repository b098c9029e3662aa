"""The ledger in OpenSearch: one document for all entries of an append, under the number of its first entry.

Collectors have no lock between them. A document is only ever created, under the number that comes next; who
is second there finds it taken, reads on and tries again. So numbers have no holes, nodes always stand on the
entries before them, and a key that was not there when the number was taken is not there twice.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import msgspec

from sidecar.contract.decoding import UNREADABLE
from webhook.ledger.entries import Entry, kind_of
from webhook.ledger.tree import Frontier, Node
from webhook.ledger.verifying import KeptEntry
from webhook.store.contract import DamagedLedgerError, StoreError
from webhook.store.ledger import Placed, check_count, grow, join_nodes, split_nodes
from webhook.store.opensearch.client import Client
from webhook.store.opensearch.names import Names

ATTEMPTS: Final = 50
"""How often an append is tried while other collectors keep being quicker."""
_PAGE: Final = 100
_NODES_AT_ONCE: Final = 500
"""``indices.query.bool.max_clause_count`` is at least 1024."""
_CONFLICT: Final = 409
_NOT_FOUND: Final = 404
_SOURCE: Final = ["chaperone.block"]

_encode = msgspec.msgpack.Encoder().encode
Json = dict[str, object]
Wanted = Callable[[KeptEntry], bool]


class _KeptEntry(msgspec.Struct, frozen=True, array_like=True):
    key: str
    nodes: bytes
    data: bytes


class _Block(msgspec.Struct, frozen=True):
    first: int
    entries: tuple[_KeptEntry, ...]
    hashes: bytes
    """Of the tree's frontier after them."""

    @property
    def frontier(self) -> Frontier:
        return Frontier(self.first + len(self.entries), split_nodes(self.hashes))

    def kept(self) -> Iterator[KeptEntry]:
        for offset, entry in enumerate(self.entries):
            yield KeptEntry(self.first + offset, entry.key, entry.data, split_nodes(entry.nodes))


class _Body(msgspec.Struct):
    block: bytes


class _Source(msgspec.Struct):
    chaperone: _Body


class _Document(msgspec.Struct):
    id: str = msgspec.field(name="_id", default="")
    source: _Source | None = msgspec.field(name="_source", default=None)


class _Hits(msgspec.Struct):
    hits: list[_Document]


class _Found(msgspec.Struct):
    hits: _Hits


class _Written(msgspec.Struct):
    result: str = ""


_decoder = msgspec.msgpack.Decoder(_Block)


class Ledger:
    """The ledger's part of the store. Safe for threads and beside other collectors."""

    def __init__(self, client: Client, names: Names) -> None:
        self._client = client
        self._index = names.ledger
        self._appending = threading.Lock()
        self._seen = Frontier()
        """The tree at a moment; it only grows."""

    def append_entries(self, entries: Sequence[Entry]) -> list[Placed]:
        """Append entries as one document."""
        check_count(entries)
        if not entries:
            return []
        with self._appending:
            frontier = self.ledger()
            places = self._places([entry.key for entry in entries])
            for _ in range(ATTEMPTS):
                unique = {entry.key: entry for entry in reversed(entries) if entry.key not in places}
                fresh = list(unique.values())[::-1]
                if not fresh or self._take(frontier, fresh):
                    new = {entry.key: frontier.size + offset for offset, entry in enumerate(fresh)}
                    places |= new
                    return [Placed(places[entry.key], entry.key in new) for entry in entries]
                for block in self._blocks_after(frontier):
                    frontier = block.frontier
                    places |= {entry.key: entry.index for entry in block.kept()}
        raise StoreError(
            "the ledger: other collectors kept appending; is there a collector that should not be?"
        )

    def entries(self, *, start: int, limit: int) -> list[KeptEntry]:
        """Give entries from number ``start``, up to one that is damaged."""
        self._refresh()
        found: list[KeptEntry] = []
        while len(found) < limit:
            before = len(found)
            blocks = self._search({"range": {"chaperone.last": {"gte": start}}}, "asc", size=_PAGE)
            try:
                for block in blocks:
                    found += [entry for entry in block.kept() if entry.index >= start]
            except DamagedLedgerError:
                if not found:
                    raise
                break
            if len(found) == before:
                break
            start = found[-1].index + 1
        return found[: max(limit, 0)]

    def entry(self, key: str) -> KeptEntry | None:
        """Give the entry with a key."""
        self._refresh()
        return self._one({"term": {"chaperone.keys": key}}, lambda entry: entry.key == key)

    def latest_entry(self, kind: str) -> KeptEntry | None:
        """Give the newest entry of a kind."""
        self._refresh()
        return self._one({"term": {"chaperone.kinds": kind}}, lambda entry: kind_of(entry.key) == kind)

    def known_keys(self, keys: Sequence[str]) -> set[str]:
        """Give the keys that entries have."""
        found: set[str] = set()
        for start in range(0, len(keys), _NODES_AT_ONCE):
            found |= set(self._places(keys[start : start + _NODES_AT_ONCE]))
        return found

    def ledger(self) -> Frontier:
        """Give the tree as it is now: as it was last seen, and what came after."""
        if not self._seen.size:
            self._refresh()
            newest = next(iter(self._search({"match_all": {}}, "desc", size=1)), None)
            self._seen = newest.frontier if newest else self._seen
        frontier = self._seen
        for block in self._blocks_after(frontier):
            frontier = block.frontier
        self._seen = max(self._seen, frontier, key=lambda seen: seen.size)
        return frontier

    def ledger_nodes(self, nodes: Sequence[Node]) -> list[bytes]:
        """Give complete nodes."""
        self._refresh()
        kept: dict[int, tuple[bytes, ...]] = {}
        wanted = sorted({node.leaf for node in nodes})
        for start in range(0, len(wanted), _NODES_AT_ONCE):
            some = set(wanted[start : start + _NODES_AT_ONCE])
            blocks = self._search(
                {"bool": {"should": [_holds(leaf) for leaf in some]}}, "asc", size=len(some)
            )
            kept |= {
                entry.index: entry.nodes for block in blocks for entry in block.kept() if entry.index in some
            }
        for node in nodes:
            if len(kept.get(node.leaf, ())) <= node.level:
                raise StoreError(
                    f"entry {node.leaf} of the ledger is missing or damaged: chaperone ledger verify"
                )
        return [kept[node.leaf][node.level] for node in nodes]

    def _take(self, frontier: Frontier, entries: Sequence[Entry]) -> bool:
        """Take the next number; False when another collector has."""
        grown, kept = grow(frontier, entries)
        written = self._client.ask(
            _Written,
            "PUT",
            f"/{self._index}/_create/{frontier.size}",
            _document(kept, grown),
            accept=[_CONFLICT],
        )
        if written.result != "created":
            return False
        self._seen = grown
        return True

    def _places(self, keys: Sequence[str]) -> dict[str, int]:
        self._refresh()
        wanted = set(keys)
        blocks = self._search({"terms": {"chaperone.keys": sorted(wanted)}}, "asc", size=len(wanted))
        return {entry.key: entry.index for block in blocks for entry in block.kept() if entry.key in wanted}

    def _one(self, query: Json, wanted: Wanted) -> KeptEntry | None:
        for block in self._search(query, "desc", size=1):
            return next((entry for entry in reversed(list(block.kept())) if wanted(entry)), None)
        return None

    def _blocks_after(self, frontier: Frontier) -> Iterator[_Block]:
        while (block := self._block(frontier.size)) is not None:
            yield block
            frontier = block.frontier

    def _block(self, first: int) -> _Block | None:
        """Give the block of a number as it is now, refreshed or not."""
        document = self._client.ask(
            _Document, "GET", f"/{self._index}/_doc/{first}", accept=[_NOT_FOUND], _source_includes=_SOURCE[0]
        )
        return None if document.source is None else _decode(document.source, str(first))

    def _search(self, query: Json, order: str, *, size: int) -> Iterator[_Block]:
        """Give blocks. Raises DamagedLedgerError at one that cannot be read."""
        body = {
            "size": size,
            "query": query,
            "sort": [{"chaperone.first": order}],
            "track_total_hits": False,
            "_source": _SOURCE,
        }
        found = self._client.ask(_Found, "POST", f"/{self._index}/_search", body)
        return (_decode(hit.source, hit.id) for hit in found.hits.hits if hit.source is not None)

    def _refresh(self) -> None:
        self._client.ask(msgspec.Raw, "POST", f"/{self._index}/_refresh")


def _holds(leaf: int) -> Json:
    ranges = ({"chaperone.first": {"lte": leaf}}, {"chaperone.last": {"gte": leaf}})
    return {"bool": {"filter": [{"range": limits} for limits in ranges]}}


def _decode(source: _Source, first: str) -> _Block:
    try:
        return _decoder.decode(source.chaperone.block)
    except UNREADABLE:
        raise DamagedLedgerError(
            f"entry {first} of the ledger cannot be read: it is damaged or from a newer version"
        ) from None


def _document(kept: Iterable[KeptEntry], frontier: Frontier) -> Json:
    entries = tuple(_KeptEntry(entry.key, join_nodes(entry.nodes), entry.data) for entry in kept)
    first = frontier.size - len(entries)
    block = _Block(first, entries, join_nodes(frontier.hashes))
    return {
        "chaperone": {
            "first": first,
            "last": frontier.size - 1,
            "keys": [entry.key for entry in entries],
            "kinds": sorted({kind_of(entry.key) for entry in entries}),
            "block": _encode(block),
        },
    }
