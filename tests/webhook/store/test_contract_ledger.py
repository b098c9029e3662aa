"""What every store does with the ledger."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from ledger_samples import Ledger, make_event, make_manifest

from sidecar.contract.errors import BugError
from webhook.ledger.entries import Entry, entry_of
from webhook.ledger.proofs import consistency_proof, inclusion_proof
from webhook.ledger.tree import EMPTY_ROOT, Frontier, MemoryTree, Node, leaf_hash
from webhook.ledger.verifying import verify_ledger
from webhook.store.contract import Store, StoreError
from webhook.store.ledger import MAX_APPENDED, Placed


def numbered(start: int, end: int) -> list[Entry]:
    return [Entry(f"event/{number}", b"%d" % number * 100) for number in range(start, end)]


def appended(store: Store, start: int, end: int) -> None:
    entries = numbered(start, end)
    assert store.append_entries(entries) == [Placed(number, new=True) for number in range(start, end)]


def test_a_new_ledger_is_empty(store: Store) -> None:
    assert store.ledger() == Frontier()
    assert store.ledger().root == EMPTY_ROOT
    assert store.entries(start=0, limit=10) == []
    assert store.entry("start") is store.latest_entry("start") is None
    assert store.append_entries([]) == []


def test_what_is_appended_is_given_back_in_order_with_its_nodes(store: Store) -> None:
    tree = MemoryTree()
    for start, end in ((0, 1), (1, 4), (4, 5), (5, 13)):
        appended(store, start, end)
        completed = [tree.append(leaf_hash(entry.data)) for entry in numbered(start, end)]
        kept = store.entries(start=start, limit=100)
        assert [(entry.index, entry.nodes) for entry in kept] == list(enumerate(completed, start))
        assert store.ledger() == tree.frontier
    assert [entry.data for entry in store.entries(start=0, limit=100)] == [e.data for e in numbered(0, 13)]


def test_a_range_is_given(store: Store) -> None:
    appended(store, 0, 7)
    appended(store, 7, 9)
    for start, limit, expected in ((0, 3, [0, 1, 2]), (5, 3, [5, 6, 7]), (8, 9, [8]), (9, 9, []), (0, 0, [])):
        assert [entry.index for entry in store.entries(start=start, limit=limit)] == expected


def test_an_entry_is_there_once_under_its_key(store: Store, opened: Callable[[], Store]) -> None:
    appended(store, 0, 3)
    again = [Entry("event/1", b"other bytes"), *numbered(3, 4), *numbered(3, 4)]
    placed = [Placed(1, new=False), Placed(3, new=True), Placed(3, new=True)]
    assert store.append_entries(again) == placed
    assert opened().append_entries(numbered(2, 4)) == [Placed(2, new=False), Placed(3, new=False)]
    assert [entry.data for entry in store.entries(start=0, limit=9)] == [e.data for e in numbered(0, 4)]


def test_an_entry_is_found_by_key_and_the_newest_by_kind(store: Store) -> None:
    store.append_entries([*numbered(0, 2), Entry("checkpoint/2", b"two"), *numbered(2, 3)])
    store.append_entries([Entry("checkpoint/4", b"four")])
    store.append_entries(numbered(3, 4))
    found = [store.entry("checkpoint/2"), store.latest_entry("checkpoint"), store.latest_entry("event")]
    assert [(entry.index, entry.data) for entry in found if entry] == [
        (2, b"two"),
        (4, b"four"),
        (5, numbered(3, 4)[0].data),
    ]
    assert store.entry("checkpoint") is store.latest_entry("check") is None


def test_proofs_are_made_from_what_is_kept(store: Store) -> None:
    for start in range(0, 40, 8):
        appended(store, start, start + 8)
    tree = MemoryTree(entry.data for entry in numbered(0, 40))
    for size in (1, 7, 33, 40):
        index = size // 2
        assert inclusion_proof(index, size, store.ledger_nodes) == inclusion_proof(index, size, tree.nodes)
        assert consistency_proof(size, 40, store.ledger_nodes) == consistency_proof(size, 40, tree.nodes)
    assert store.ledger_nodes([]) == []
    for node in (Node(0, 40), Node(3, 5)):
        with pytest.raises(StoreError, match="missing or damaged: chaperone ledger verify"):
            store.ledger_nodes([node])


def test_a_ledger_of_a_store_verifies(store: Store) -> None:
    ledger = Ledger().fill()
    store.append_entries([Entry(entry.key, entry.data) for entry in ledger.entries])
    assert store.entries(start=0, limit=100) == ledger.entries
    assert verify_ledger(ledger.roots, store.entries(start=0, limit=100), ledger.checkpoint).size == 12


def test_as_much_as_is_allowed_is_appended_at_once_and_no_more(store: Store) -> None:
    appended(store, 0, MAX_APPENDED)
    assert len(store.entries(start=0, limit=1000)) == MAX_APPENDED
    with pytest.raises(BugError, match="at most 256 entries"):
        store.append_entries(numbered(0, MAX_APPENDED + 1))


def test_many_writers_make_one_ledger(opened: Callable[[], Store]) -> None:
    """Each has a store of its own, as collectors do, and all try some of the same entries."""
    shared = [entry_of(make_event(number)) for number in range(5)]

    def write(store: Store, number: int) -> list[Placed]:
        own = [Entry(f"event/own-{number}-{turn}", b"own") for turn in range(5)]
        return [place for pair in zip(own, shared, strict=True) for place in store.append_entries(list(pair))]

    stores = [opened() for _ in range(4)]
    with ThreadPoolExecutor(4) as writers:
        placed = [place for places in writers.map(write, stores, range(4)) for place in places]
    kept = stores[0].entries(start=0, limit=1000)
    tree = MemoryTree()
    assert [tree.append(leaf_hash(entry.data)) for entry in kept] == [entry.nodes for entry in kept]
    assert [entry.index for entry in kept] == list(range(25))
    assert len({entry.key for entry in kept}) == 25
    assert sum(place.new for place in placed) == 25
    assert {store.ledger() for store in stores} == {tree.frontier}


def test_a_manifest_survives_a_restart(store: Store, opened: Callable[[], Store]) -> None:
    ledger = Ledger()
    ledger.seal(make_manifest())
    entries = [Entry(entry.key, entry.data) for entry in ledger.entries]
    store.append_entries(entries)
    store.close()
    again = opened()
    assert again.ledger() == ledger.frontier
    assert again.append_entries(entries) == [Placed(number, new=False) for number in range(3)]
