"""The Merkle tree of RFC 6962, section 2.1, grown leaf by leaf.

A node ``(level, number)`` is the root over the ``2**level`` leaves from ``number * 2**level``, all there. It
is complete once its last leaf is there and never changes afterwards, so it is kept beside that leaf: leaf 5
completes its own hash and the node over leaves 4 and 5. Whatever a proof needs is found that way.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from sidecar.contract.errors import CallerError

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
MAX_SIZE: Final = 1 << 48
"""More entries than a ledger will ever have; sizes of strangers are checked against it."""


class TreeError(CallerError):
    """A size, place or proof that no tree has."""


class Node(NamedTuple):
    """A complete node's coordinates."""

    level: int
    number: int

    @property
    def leaf(self) -> int:
        """The leaf that completes it, beside which it is kept as number ``level``."""
        return ((self.number + 1) << self.level) - 1


def leaf_hash(entry: bytes) -> bytes:
    """Give a leaf's hash: SHA-256 over a zero byte and the entry."""
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Give a node's hash: SHA-256 over a one byte and both children."""
    return hashlib.sha256(b"\1" + left + right).digest()


class Frontier(msgspec.Struct, frozen=True):
    """All of a tree that appending needs: its size, and the roots of its complete subtrees, widest first."""

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def append(self, leaf: bytes) -> "tuple[Frontier, tuple[bytes, ...]]":
        """Give the tree with one more leaf, and the nodes that it completes: its own hash first."""
        completed = [leaf]
        kept = list(self.hashes)
        for _ in range(trailing_ones(self.size)):
            completed.append(node_hash(kept.pop(), completed[-1]))
        return Frontier(self.size + 1, (*kept, completed[-1])), tuple(completed)

    @property
    def root(self) -> bytes:
        """The root hash."""
        return fold(self.hashes) if self.hashes else EMPTY_ROOT


def frontier_nodes(size: int) -> list[Node]:
    """Give the nodes whose hashes make the frontier of a tree, in its order."""
    return covering(0, size)


def covering(start: int, end: int) -> list[Node]:
    """Give the widest complete nodes that lie side by side from leaf ``start`` up to ``end``."""
    nodes: list[Node] = []
    while start < end:
        level = (end - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        nodes.append(Node(level, start >> level))
        start += 1 << level
    return nodes


def fold(hashes: Sequence[bytes]) -> bytes:
    """Give the root over subtrees that lie side by side, each at least as wide as all after it."""
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


def trailing_ones(number: int) -> int:
    """Count the ones at the end of a number in binary: how many nodes leaf ``number`` completes above it."""
    return (~number & (number + 1)).bit_length() - 1


class MemoryTree:
    """A tree with all its nodes, in 64 bytes a leaf: for verifiers and proofs away from a store."""

    def __init__(self, entries: Iterable[bytes] = ()) -> None:
        self.frontier = Frontier()
        self._levels: list[bytearray] = []
        for entry in entries:
            self.append(leaf_hash(entry))

    @property
    def size(self) -> int:
        """The number of leaves."""
        return self.frontier.size

    def append(self, leaf: bytes) -> tuple[bytes, ...]:
        """Add a leaf by its hash; give the nodes that it completes, its own hash first."""
        self.frontier, completed = self.frontier.append(leaf)
        for level, node in enumerate(completed):
            if level == len(self._levels):
                self._levels.append(bytearray())
            self._levels[level] += node
        return completed

    def nodes(self, wanted: Sequence[Node]) -> list[bytes]:
        """Give complete nodes. Raises TreeError when one is not there."""
        found = [self._node(level, number) for level, number in wanted]
        if any(len(node) != HASH_BYTES for node in found):
            raise TreeError(f"the tree of {self.size} leaves has not all of these nodes")
        return found

    def root(self, size: int) -> bytes:
        """Give the root that the tree had at a size. Raises TreeError when it was never so large."""
        check_size(size, self.size)
        return fold(self.nodes(frontier_nodes(size))) if size else EMPTY_ROOT

    def _node(self, level: int, number: int) -> bytes:
        if not 0 <= level < len(self._levels):
            return b""
        return bytes(self._levels[level][number * HASH_BYTES : (number + 1) * HASH_BYTES])


def check_size(size: int, largest: int = MAX_SIZE) -> None:
    """Raise TreeError when a tree has never had this size."""
    if not 0 <= size <= largest:
        raise TreeError(f"the ledger has {largest} entries and never had {size}")
