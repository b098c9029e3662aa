"""Nodes of the ledger's tree that prove where the entries of a bundle are."""

from collections.abc import Sequence

from sidecar.contract.errors import CallerError
from webhook.evidence.source import Ledger
from webhook.ledger.proofs import inclusion_proof
from webhook.ledger.tree import HASH_BYTES, Node
from webhook.ledger.verifying import KeptEntry


class KnownNodes:
    """Complete nodes of the tree: those of the window at hand, others from beside their leaves."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._levels: list[tuple[int, bytearray]] = []
        self._asked: dict[Node, bytes] = {}

    def add(self, kept: KeptEntry) -> None:
        """Keep the nodes that the next entry completes."""
        for level, node in enumerate(kept.nodes):
            if level == len(self._levels):
                self._levels.append((((kept.index + 1) >> level) - 1, bytearray()))
            self._levels[level][1].extend(node)

    def fetch(self, wanted: Sequence[Node]) -> list[bytes]:
        """Give complete nodes."""
        return [self._near(node) or self._far(node) for node in wanted]

    def proof(self, index: int, size: int) -> list[bytes]:
        """Give the inclusion proof of an entry."""
        return inclusion_proof(index, size, self.fetch)

    def _near(self, node: Node) -> bytes:
        if node.level >= len(self._levels):
            return b""
        first, blob = self._levels[node.level]
        place = node.number - first
        return bytes(blob[place * HASH_BYTES : (place + 1) * HASH_BYTES]) if place >= 0 else b""

    def _far(self, node: Node) -> bytes:
        if node not in self._asked:
            page = self._ledger.page(node.leaf, 1)
            found = page[0].nodes if page and page[0].index == node.leaf else ()
            if len(found) <= node.level:
                raise CallerError(f"entry {node.leaf} of the ledger is missing; see: chaperone ledger verify")
            self._asked[node] = found[node.level]
        return self._asked[node]
