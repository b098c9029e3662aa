"""Inclusion and consistency proofs (RFC 6962, 2.1.1 and 2.1.2; verified as in RFC 9162, 2.1.3.2 and 2.1.4.2).

Making one needs only complete nodes, which ``fetch`` gives all at once, from memory or from a store.
"""

from collections.abc import Callable, Sequence

from webhook.ledger.tree import Node, TreeError, covering, fold, node_hash

Fetch = Callable[[Sequence[Node]], Sequence[bytes]]
"""Gives the hashes of complete nodes in their order."""
Range = tuple[int, int]


def inclusion_proof(index: int, size: int, fetch: Fetch) -> list[bytes]:
    """Give the proof that leaf ``index`` is in the tree of a size. Raises TreeError."""
    if not 0 <= index < size:
        raise TreeError(f"there is no entry {index} among {size}")
    siblings: list[Range] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            siblings.append((middle, end))
            end = middle
        else:
            siblings.append((start, middle))
            start = middle
    return _roots(siblings[::-1], fetch)


def consistency_proof(first: int, second: int, fetch: Fetch) -> list[bytes]:
    """Give the proof that the tree of size ``second`` continues that of size ``first``. Raises TreeError."""
    if not 0 < first <= second:
        raise TreeError(f"no proof leads from {first} entries to {second}")
    ranges: list[Range] = []
    start, end, is_left_edge = 0, second, True
    while first != end:
        middle = start + _split(end - start)
        if first <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start, is_left_edge = middle, False
    if not is_left_edge:
        ranges.append((start, end))
    return _roots(ranges[::-1], fetch)


def verify_inclusion(index: int, size: int, leaf: bytes, root: bytes, proof: Sequence[bytes]) -> bool:
    """Tell whether a proof shows that the leaf with this hash is number ``index`` under a root."""
    if not 0 <= index < size:
        return False
    number, last, computed = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if number & 1 or number == last:
            computed = node_hash(sibling, computed)
            number, last = _past_zeros(number, last)
        else:
            computed = node_hash(computed, sibling)
        number, last = number >> 1, last >> 1
    return last == 0 and computed == root


def verify_consistency(
    first: int, second: int, first_root: bytes, second_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Tell whether a proof shows that the tree of the second size and root continues that of the first."""
    if not 0 < first <= second:
        return False
    if first == second:
        return not proof and first_root == second_root
    path = list(proof)
    if first & (first - 1) == 0:
        path.insert(0, first_root)
    if not path:
        return False
    number, last = first - 1, second - 1
    while number & 1:
        number, last = number >> 1, last >> 1
    old = new = path[0]
    for node in path[1:]:
        if last == 0:
            return False
        if number & 1 or number == last:
            old, new = node_hash(node, old), node_hash(node, new)
            number, last = _past_zeros(number, last)
        else:
            new = node_hash(new, node)
        number, last = number >> 1, last >> 1
    return last == 0 and (old, new) == (first_root, second_root)


def _past_zeros(number: int, last: int) -> tuple[int, int]:
    """Pass over the levels where the node at the right edge has no sibling."""
    while number and not number & 1:
        number, last = number >> 1, last >> 1
    return number, last


def _split(width: int) -> int:
    """Give the largest power of two below a width of at least 2."""
    return 1 << ((width - 1).bit_length() - 1)


def _roots(ranges: Sequence[Range], fetch: Fetch) -> list[bytes]:
    """Give the root over each range of leaves, asking once for all nodes."""
    parts = [covering(start, end) for start, end in ranges]
    hashes = iter(fetch([node for part in parts for node in part]))
    return [fold([next(hashes) for _ in part]) for part in parts]
