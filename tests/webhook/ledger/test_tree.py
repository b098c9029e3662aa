"""The tree against RFC 6962's published vectors and against the RFC's own recursive definition."""

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.ledger.proofs import consistency_proof, inclusion_proof, verify_consistency, verify_inclusion
from webhook.ledger.tree import (
    EMPTY_ROOT,
    Frontier,
    MemoryTree,
    Node,
    TreeError,
    frontier_nodes,
    leaf_hash,
    node_hash,
)

LARGEST = 130
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
"""Leaves and hashes of the test data published with certificate-transparency."""
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
A = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
B = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
C = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
D = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
E = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
F = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
INCLUSION: list[tuple[int, int, list[str]]] = [
    (0, 1, []),
    (0, 8, [A, B, C]),
    (5, 8, [D, E, ROOTS[4]]),
    (2, 3, [ROOTS[2]]),
    (1, 5, [ROOTS[1], B, D]),
]
CONSISTENCY: list[tuple[int, int, list[str]]] = [
    (1, 1, []),
    (1, 8, [A, B, C]),
    (6, 8, [F, E, ROOTS[4]]),
    (2, 5, [B, D]),
]
WHOLE = MemoryTree(b"%d" % number for number in range(LARGEST))


def naive_root(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962, 2.1, as it is written there."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(naive_root(leaves[:split]), naive_root(leaves[split:]))


def naive_path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH of RFC 6962, 2.1.1."""
    if len(leaves) == 1:
        return []
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if index < split:
        return [*naive_path(index, leaves[:split]), naive_root(leaves[split:])]
    return [*naive_path(index - split, leaves[split:]), naive_root(leaves[:split])]


def naive_proof(first: int, leaves: Sequence[bytes], *, whole: bool = True) -> list[bytes]:
    """SUBPROOF of RFC 6962, 2.1.2."""
    if first == len(leaves):
        return [] if whole else [naive_root(leaves)]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if first <= split:
        return [*naive_proof(first, leaves[:split], whole=whole), naive_root(leaves[split:])]
    return [*naive_proof(first - split, leaves[split:], whole=False), naive_root(leaves[:split])]


@pytest.mark.parametrize("size", range(9))
def test_the_published_roots(size: int) -> None:
    tree = MemoryTree(LEAVES[:size])
    assert tree.frontier.root.hex() == tree.root(size).hex() == ROOTS[size]
    assert MemoryTree(LEAVES).root(size).hex() == ROOTS[size]


@pytest.mark.parametrize(("index", "size", "proof"), INCLUSION)
def test_the_published_inclusion_proofs(index: int, size: int, proof: list[str]) -> None:
    made = inclusion_proof(index, size, MemoryTree(LEAVES).nodes)
    assert [node.hex() for node in made] == proof
    assert verify_inclusion(index, size, leaf_hash(LEAVES[index]), bytes.fromhex(ROOTS[size]), made)


@pytest.mark.parametrize(("first", "second", "proof"), CONSISTENCY)
def test_the_published_consistency_proofs(first: int, second: int, proof: list[str]) -> None:
    made = consistency_proof(first, second, MemoryTree(LEAVES).nodes)
    assert [node.hex() for node in made] == proof
    roots = (bytes.fromhex(ROOTS[first]), bytes.fromhex(ROOTS[second]))
    assert verify_consistency(first, second, *roots, made)


def test_roots_and_proofs_of_every_size_are_the_rfcs() -> None:
    for size in range(LARGEST + 1):
        leaves = [b"%d" % number for number in range(size)]
        root = naive_root(leaves)
        assert WHOLE.root(size) == MemoryTree(leaves).frontier.root == root
        for index in {0, 1, size // 3, size // 2, size - 2, size - 1} & set(range(size)):
            assert inclusion_proof(index, size, WHOLE.nodes) == naive_path(index, leaves)
        for first in {1, 2, size // 3, size // 2, size - 1, size} & set(range(1, size + 1)):
            assert consistency_proof(first, size, WHOLE.nodes) == naive_proof(first, leaves)


def test_every_proof_verifies() -> None:
    for size in range(1, LARGEST + 1):
        root = WHOLE.root(size)
        for index in range(size):
            proof = inclusion_proof(index, size, WHOLE.nodes)
            assert verify_inclusion(index, size, leaf_hash(b"%d" % index), root, proof)
            first = index + 1
            proof = consistency_proof(first, size, WHOLE.nodes)
            assert verify_consistency(first, size, WHOLE.root(first), root, proof)


@given(st.data())
def test_no_proof_of_one_thing_proves_another(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, LARGEST))
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(0, size - 1).filter(lambda number: number != index))
    leaf, root = leaf_hash(b"%d" % index), WHOLE.root(size)
    proof = inclusion_proof(index, size, WHOLE.nodes)
    assert not verify_inclusion(other, size, leaf, root, proof)
    assert not verify_inclusion(index, size, leaf_hash(b"else"), root, proof)
    assert not verify_inclusion(index, size, leaf, root, [*proof, root])
    assert not verify_inclusion(index, size, leaf, root, proof[:-1])
    first = data.draw(st.integers(1, size - 1))
    path = consistency_proof(first, size, WHOLE.nodes)
    before = WHOLE.root(first)
    assert not verify_consistency(first, size, EMPTY_ROOT, root, path)
    assert not verify_consistency(first, size, before, EMPTY_ROOT, path)
    assert not verify_consistency(first, size, before, root, [*path, root])
    place = data.draw(st.integers(0, len(path) - 1))
    bad = [*path[:place], leaf_hash(path[place]), *path[place + 1 :]]
    assert not verify_consistency(first, size, before, root, bad)


@given(st.integers(0, 1 << 40))
def test_appending_needs_only_as_many_hashes_as_the_size_has_ones(size: int) -> None:
    assert len(frontier_nodes(size)) == size.bit_count()
    assert sum(1 << node.level for node in frontier_nodes(size)) == size


def test_every_node_is_kept_beside_the_leaf_that_completes_it() -> None:
    frontier, kept = Frontier(), list[tuple[bytes, ...]]()
    for number in range(LARGEST):
        frontier, completed = frontier.append(leaf_hash(b"%d" % number))
        kept.append(completed)
    for level in range(8):
        for index in range(LARGEST >> level):
            node = Node(level, index)
            assert kept[node.leaf][level] == WHOLE.nodes([node])[0]


def test_what_no_tree_has_is_refused() -> None:
    tree = MemoryTree(LEAVES)
    for make in (
        lambda: tree.root(9),
        lambda: tree.root(-1),
        lambda: tree.nodes([Node(3, 1)]),
        lambda: tree.nodes([Node(9, 0)]),
        lambda: inclusion_proof(8, 8, tree.nodes),
        lambda: inclusion_proof(-1, 8, tree.nodes),
        lambda: consistency_proof(0, 8, tree.nodes),
        lambda: consistency_proof(9, 8, tree.nodes),
    ):
        with pytest.raises(TreeError):
            make()
    root = tree.root(8)
    assert not verify_inclusion(8, 8, root, root, [])
    assert not verify_consistency(0, 8, EMPTY_ROOT, root, [])
    assert not verify_consistency(8, 8, root, root, [root])
    assert not verify_consistency(3, 8, tree.root(3), root, [])
