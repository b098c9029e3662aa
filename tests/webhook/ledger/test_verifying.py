"""Whoever holds the root finds what was done to a ledger, and is told which link is the first to break."""

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ledger_samples import SECONDS, T0, Ledger, ledger_key, make_manifest

from webhook.ledger.entries import Entry, Start, entry_of
from webhook.ledger.tree import leaf_hash
from webhook.ledger.verifying import BrokenError, KeptEntry, Verifier, verify_ledger


@pytest.fixture
def ledger() -> Ledger:
    return Ledger().fill()


def changed(entry: KeptEntry, before: bytes, after: bytes) -> KeptEntry:
    assert before in entry.data
    data = entry.data.replace(before, after)
    return msgspec.structs.replace(entry, data=data, nodes=(leaf_hash(data), *entry.nodes[1:]))


def verify(ledger: Ledger, checkpoint: str = "") -> None:
    verify_ledger(ledger.roots, ledger.entries, checkpoint or ledger.checkpoint)


def test_a_whole_ledger_verifies(ledger: Ledger) -> None:
    assert verify_ledger(ledger.roots, ledger.entries, ledger.checkpoint).size == 12
    verifier = Verifier(ledger.roots)
    for entry in ledger.entries:
        verifier.add(entry)
    assert verifier.counts == {"start": 1, "key": 1, "manifest": 4, "event": 4, "checkpoint": 2}


def test_it_verifies_across_a_change_of_keys(ledger: Ledger) -> None:
    old = ledger.checkpoint
    ledger.introduce(ledger_key(ledger.root, until=SECONDS + 9000))
    ledger.seal(make_manifest(sealed_at=T0 + 5000 * 10**9))
    ledger.export()
    verify(ledger)
    verify(ledger, old)


def test_a_changed_byte_is_named(ledger: Ledger) -> None:
    entry = ledger.entries[5]
    ledger.entries[5] = msgspec.structs.replace(entry, data=entry.data.replace(b"exec", b"exac"))
    with pytest.raises(BrokenError, match=r"^entry 5 \(event/.*\): its bytes were changed"):
        verify(ledger)


def test_a_changed_byte_is_named_when_its_leaf_hash_was_changed_too(ledger: Ledger) -> None:
    ledger.entries[5] = changed(ledger.entries[5], b"exec", b"exac")
    with pytest.raises(BrokenError, match=r"^entry 5 \(event/.*\): it does not follow the entries before it"):
        verify(ledger)


def test_a_changed_manifest_is_named_even_when_all_hashes_were_made_anew(ledger: Ledger) -> None:
    ledger.entries[4] = changed(ledger.entries[4], b'"stdout_bytes":17', b'"stdout_bytes":18')
    checkpoint = ledger.checkpoint
    ledger.rewrite(ledger.entries)
    with pytest.raises(BrokenError, match=r"^entry 4 \(manifest/.*\): the signature does not hold"):
        verify(ledger, checkpoint)


@pytest.mark.parametrize("number", [2, 3, 5, 6])
def test_a_removed_entry_is_named(ledger: Ledger, number: int) -> None:
    del ledger.entries[number]
    with pytest.raises(BrokenError, match=rf"^entry {number} is missing"):
        verify(ledger)


@pytest.mark.parametrize(("number", "after", "proven"), [(2, 5, 0), (4, 5, 0), (8, 10, 6)])
def test_a_removed_session_is_found_when_all_hashes_were_made_anew(
    ledger: Ledger, number: int, after: int, proven: int
) -> None:
    checkpoint = ledger.checkpoint
    ledger.rewrite([*ledger.entries[:number], *ledger.entries[number + 1 :]])
    with pytest.raises(
        BrokenError, match=rf"^entry {after} \(checkpoint/{after + 1}\): .* removed from entry {proven} on"
    ):
        verify(ledger, checkpoint)


@pytest.mark.parametrize("number", [2, 3, 7, 8])
def test_reordered_entries_are_named(ledger: Ledger, number: int) -> None:
    one, two = ledger.entries[number : number + 2]
    ledger.entries[number] = msgspec.structs.replace(two, index=number)
    ledger.entries[number + 1] = msgspec.structs.replace(one, index=number + 1)
    with pytest.raises(BrokenError, match=rf"^entry {number} \(.*: it does not follow"):
        verify(ledger)


def test_reordered_entries_are_found_when_all_hashes_were_made_anew(ledger: Ledger) -> None:
    checkpoint = ledger.checkpoint
    one, two = ledger.entries[8:10]
    ledger.rewrite([*ledger.entries[:8], two, one, *ledger.entries[10:]])
    with pytest.raises(BrokenError, match=r"one of entries 6 to 10 was changed, moved"):
        verify(ledger, checkpoint)


@pytest.mark.parametrize("left", [2, 6, 11])
def test_a_truncated_ledger_is_named(ledger: Ledger, left: int) -> None:
    checkpoint = ledger.checkpoint
    del ledger.entries[left:]
    with pytest.raises(BrokenError, match=rf"truncated: it has {left} entries, and 12 were signed for"):
        verify(ledger, checkpoint)


def test_an_empty_ledger_is_named(ledger: Ledger) -> None:
    with pytest.raises(BrokenError, match="the ledger is empty"):
        verify_ledger(ledger.roots, [], ledger.checkpoint)


def test_a_ledger_that_began_again_is_found_by_a_kept_checkpoint(ledger: Ledger) -> None:
    again = Ledger(ledger.root)
    for _ in range(20):
        again.seal()
    verify(again)
    verifier = Verifier(again.roots)
    for entry in again.entries:
        verifier.add(entry)
    verifier.ring.add(ledger.key.certificate)
    with pytest.raises(BrokenError, match=r"^kept\.txt: the entries are not those that were signed for"):
        verifier.check_checkpoint(ledger.checkpoint, "kept.txt")


def test_a_foreign_key_is_named(ledger: Ledger) -> None:
    foreign = ledger_key(Ed25519PrivateKey.generate())
    ledger.key = foreign
    with pytest.raises(BrokenError, match="the newest checkpoint: no key that the root has certified"):
        verify(ledger)
    ledger.introduce(foreign)
    with pytest.raises(BrokenError, match=r"^entry 12 \(key/.*\): a ledger key is foreign: .* root"):
        verify(ledger)


def test_a_ledger_of_another_root_is_named(ledger: Ledger) -> None:
    with pytest.raises(BrokenError, match=r"^entry 0 \(start\): this is the ledger .* not of the root"):
        verify_ledger(Ledger().roots, ledger.entries, ledger.checkpoint)


def test_an_entry_under_a_foreign_key_or_twice_is_named(ledger: Ledger) -> None:
    twice = ledger.entries[2]
    ledger.append(Entry(twice.key, twice.data))
    with pytest.raises(BrokenError, match=r"^entry 12 \(manifest/.*\): it is kept under a key"):
        verify(ledger)
    ledger.rewrite(ledger.entries[:12])
    ledger.append(Entry("event/other", ledger.entries[3].data))
    with pytest.raises(BrokenError, match=r"^entry 12 \(event/other\): it is kept under a key"):
        verify(ledger)


def test_a_second_start_is_named(ledger: Ledger) -> None:
    ledger.append(entry_of(Start(T0 + 1, ledger.origin, (), "")))
    with pytest.raises(BrokenError, match=r"^entry 12 \(start\): "):
        verify(ledger)
