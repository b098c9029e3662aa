"""How a ledger is checked by somebody who trusts neither the store nor the server, but the root alone.

Entries are given one by one, as they were kept. The first thing that does not hold is named, and nothing
after it is looked at.
"""

from collections import Counter
from collections.abc import Sequence

import msgspec

from sidecar.contract.errors import CallerError
from webhook.ledger.census import agrees, subjects_of
from webhook.ledger.checkpoints import Checkpoint
from webhook.ledger.entries import (
    Census,
    Exported,
    SignedManifest,
    SignedRemoval,
    SigningKey,
    Start,
    Value,
    check_manifest,
    check_removal,
    key_of,
    kind_of,
    read_certificate,
    read_entry,
)
from webhook.ledger.keys import KeyRing, origin_of
from webhook.ledger.tree import MemoryTree, leaf_hash


class BrokenError(CallerError):
    """The ledger does not hold; the text names the first broken link."""


class KeptEntry(msgspec.Struct, frozen=True):
    """An entry as a store keeps it."""

    index: int
    key: str
    data: bytes
    nodes: tuple[bytes, ...]
    """The nodes that it completes, its leaf hash first; see ``webhook.ledger.tree``."""


class Verifier:
    """Walks one ledger from its first entry."""

    def __init__(self, roots: tuple[bytes, ...]) -> None:
        """``roots`` are the raw public keys of the roots that are trusted."""
        self._roots = roots
        self._tree = MemoryTree()
        self._keys: set[str] = set()
        self._ring: KeyRing | None = None
        self._proven = 0
        self._uncounted: list[frozenset[str]] = []
        """Whom the entries after the last census are about."""
        self._counted = 0
        """Entries before the end of the last census."""
        self.counts: Counter[str] = Counter()
        """Entries by kind."""

    @property
    def size(self) -> int:
        """Entries walked."""
        return self._tree.size

    @property
    def ring(self) -> KeyRing:
        """The keys that the ledger and the root vouch for. Raises BrokenError before the first entry."""
        if self._ring is None:
            raise BrokenError("the ledger is empty: not even its start is there")
        return self._ring

    def add(self, kept: KeptEntry) -> Value:
        """Check the next entry and give what it says. Raises BrokenError."""
        self._check_place(kept)
        try:
            value = read_entry(kept.data)
            if key_of(value) != kept.key or kept.key in self._keys:
                raise BrokenError("it is kept under a key that is another entry's")
            self._check(value, kept.index)
        except CallerError as error:
            raise _broken(kept, str(error)) from None
        self._uncounted.append(subjects_of(value))
        self._keys.add(kept.key)
        self.counts[kind_of(kept.key)] += 1
        return value

    def check_checkpoint(self, note: str, named: str) -> Checkpoint:
        """Check that a signed checkpoint is of this ledger and agrees with the entries. Raises BrokenError.

        ``named`` says in messages which checkpoint it is. All entries must have been walked.
        """
        try:
            checkpoint = self.ring.open_checkpoint(note)
            self._check_root(checkpoint)
        except CallerError as error:
            raise BrokenError(f"{named}: {error}") from None
        return checkpoint

    def _check_place(self, kept: KeptEntry) -> None:
        if kept.index != self.size:
            raise BrokenError(
                f"entry {self.size} is missing: the store gives entry {kept.index} in its place"
            )
        leaf = leaf_hash(kept.data)
        if not kept.nodes or kept.nodes[0] != leaf:
            raise _broken(kept, "its bytes were changed: they hash to another leaf than was kept with them")
        if self._tree.append(leaf) != kept.nodes:
            raise _broken(kept, "it does not follow the entries before it: one was changed, moved or removed")

    def _check(self, value: Value, index: int) -> None:
        if isinstance(value, Start) != (index == 0):
            raise BrokenError("the ledger does not begin with its start, or begins again")
        match value:
            case Start(origin=origin):
                self._begin(origin)
            case SigningKey(public_key=public, certificate=certificate):
                if self.ring.add(read_certificate(certificate)).hex() != public:
                    raise BrokenError("the certificate is for another key")
            case SignedManifest():
                check_manifest(value, self.ring)
            case SignedRemoval():
                check_removal(value, self.ring)
            case Exported(size=size, checkpoint=note):
                checkpoint = self.ring.open_checkpoint(note)
                if checkpoint.size != size:
                    raise BrokenError("the checkpoint in it is of another size")
                if size > index:
                    raise BrokenError(
                        f"{size} entries were signed for, and only {index} come before it:"
                        f" one was removed from entry {self._proven} on"
                    )
                self._check_root(checkpoint)
            case Census():
                self._check_census(value)
            case _:
                pass

    def _check_census(self, census: Census) -> None:
        length = census.end - census.start
        if census.start != self._counted or not 0 < length <= len(self._uncounted):
            raise BrokenError(f"it counts from entry {census.start}, and entry {self._counted} is next")
        if not agrees(census, self._uncounted[:length]):
            raise BrokenError("it does not count the entries that are there")
        del self._uncounted[:length]
        self._counted = census.end

    def _begin(self, origin: str) -> None:
        if origin not in {origin_of(root) for root in self._roots}:
            raise BrokenError(f"this is the ledger {origin}, which is not of the root that is trusted")
        self._ring = KeyRing(origin, self._roots)

    def _check_root(self, checkpoint: Checkpoint) -> None:
        if checkpoint.size > self.size:
            raise BrokenError(
                f"the ledger is truncated: it has {self.size} entries, and {checkpoint.size} were signed for"
            )
        if self._tree.root(checkpoint.size) != checkpoint.root:
            raise BrokenError(
                f"the entries are not those that were signed for: one of entries {self._proven}"
                f" to {checkpoint.size - 1} was changed, moved, removed or added"
            )
        self._proven = max(self._proven, checkpoint.size)


def verify_ledger(roots: tuple[bytes, ...], entries: Sequence[KeptEntry], checkpoint: str) -> Checkpoint:
    """Check a whole ledger that is at hand, up to its newest checkpoint. Raises BrokenError."""
    verifier = Verifier(roots)
    for entry in entries:
        verifier.add(entry)
    return verifier.check_checkpoint(checkpoint, "the newest checkpoint")


def _broken(kept: KeptEntry, what: str) -> BrokenError:
    return BrokenError(f"entry {kept.index} ({kept.key}): {what}")
