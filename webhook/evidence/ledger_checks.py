"""Whether a bundle's entries are those that the checkpoint was signed for, and all there are. Pure."""

from collections.abc import Iterable, Sequence

import msgspec

from sidecar.contract.errors import CallerError
from webhook.evidence.documents import Proof
from webhook.evidence.selection import Selection, is_control
from webhook.evidence.session_tables import open_rows
from webhook.evidence.window import Disclosed, audit_events
from webhook.ledger.census import CONTROL_DIGEST, counted
from webhook.ledger.entries import (
    Census,
    EntryError,
    Exported,
    SignedManifest,
    SigningKey,
    Start,
    Value,
    check_manifest,
    key_of,
    manifest_session,
    read_certificate,
    read_entry,
)
from webhook.ledger.keys import KeyRing, origin_of
from webhook.ledger.proofs import verify_inclusion
from webhook.ledger.tree import HASH_BYTES, Frontier, frontier_nodes, leaf_hash
from webhook.ledger.verifying import BrokenError


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An entry as a bundle gives it."""

    index: int
    key: str
    data: bytes
    proof: tuple[str, ...]


class Opened:
    """The entries of a bundle whose places are checked, and the tree that they are in."""

    def __init__(self, proof: Proof, leaves: bytes) -> None:
        self._proof = proof
        self._leaves = leaves
        frontier = _hashes(proof.frontier)
        if not 0 <= proof.start <= proof.size or len(frontier) != len(frontier_nodes(proof.start)):
            raise BrokenError("the window's beginning is of no tree")
        width = proof.size - proof.start
        if len(leaves) != width * HASH_BYTES:
            there = proof.start + len(leaves) // HASH_BYTES
            raise BrokenError(
                f"the ledger is truncated: the bundle has {there} entries, and {proof.size} were signed for"
            )
        self._before = Frontier(proof.start, frontier)
        self.disclosed: list[Disclosed] = []
        self.root = self.root_at(proof.size)

    @property
    def undisclosed(self) -> int:
        """Entries of the window of which only the hash is there."""
        inside = sum(entry.index >= self._proof.start for entry in self.disclosed)
        return self._proof.size - self._proof.start - inside

    def root_at(self, size: int) -> bytes:
        """Give the root that the tree had at a size within the window. Raises CallerError at another."""
        start, end = self._proof.start, self._proof.size
        if not start <= size <= end:
            which = "more than the bundle goes up to" if size > end else "fewer than the bundle begins with"
            raise CallerError(
                f"it is of {size} entries, {which} ({start} to {end}): export a range around it"
            )
        return self._roots_at({size})[size]

    def _roots_at(self, sizes: set[int]) -> dict[int, bytes]:
        """Give the roots at sizes within the window, in one walk."""
        frontier, found = self._before, dict[int, bytes]()
        for place in range(0, len(self._leaves) + 1, HASH_BYTES):
            if frontier.size in sizes:
                found[frontier.size] = frontier.root
            if place < len(self._leaves):
                frontier, _ = frontier.append(self._leaves[place : place + HASH_BYTES])
        return found

    def check_checkpoints(self, ring: KeyRing) -> None:
        """Check that every checkpoint in an entry is of the entries that are there. Raises BrokenError."""
        signed = [(entry, entry.value) for entry in self.disclosed if isinstance(entry.value, Exported)]
        roots = self._roots_at({value.size for _, value in signed})
        for entry, value in signed:
            checkpoint = ring.open_checkpoint(value.checkpoint)
            if checkpoint.size != value.size or value.size > entry.index:
                raise _broken_at(entry, "the checkpoint in it is of another size")
            if roots.get(value.size, checkpoint.root) != checkpoint.root:
                raise _broken_at(entry, "the entries before it are not those that it was signed for")

    def add(self, line: Line) -> None:
        """Take the next entry. Raises BrokenError where its place is not what it says."""
        proof = self._proof
        leaf = leaf_hash(line.data)
        if self.disclosed and line.index <= self.disclosed[-1].index:
            raise _broken(line, "it is out of order")
        if line.index >= proof.start:
            place = (line.index - proof.start) * HASH_BYTES
            if self._leaves[place : place + HASH_BYTES] != leaf:
                raise _broken(line, "its bytes were changed, or it was moved: its leaf is another's")
        hashes = tuple(map(bytes.fromhex, line.proof))
        if not verify_inclusion(line.index, proof.size, leaf, self.root, hashes):
            raise _broken(line, "its inclusion proof does not hold")
        try:
            value = read_entry(line.data)
        except EntryError:
            value = None
        if value is not None and key_of(value) != line.key:
            raise _broken(line, "it is kept under a key that is another entry's")
        self.disclosed.append(Disclosed(line.index, line.key, line.data, value))

    def check_last(self, ring: KeyRing, note: bytes) -> bytes:
        """Check that the last checkpoint is signed, and of these entries; give its root."""
        try:
            checkpoint = ring.open_checkpoint(note)
        except CallerError as error:
            raise BrokenError(f"ledger/checkpoint: {error}") from None
        if checkpoint.size > self._proof.size:
            raise BrokenError(
                f"the ledger is truncated: the bundle has {self._proof.size} entries,"
                f" and {checkpoint.size} were signed for"
            )
        if (checkpoint.size, checkpoint.root) != (self._proof.size, self.root):
            raise BrokenError("the entries are not those that the last checkpoint was signed for")
        return checkpoint.root

    def check_counts(self, selection: Selection) -> str:
        """Check that nothing that belongs to the selection is missing; give how that is known."""
        if selection.is_everything:
            if self.undisclosed:
                raise BrokenError(f"{self.undisclosed} entries of the window are missing from the bundle")
            return "every entry of the window is given"
        if not selection.subject:
            return ""
        mine = [entry.index for entry in self.disclosed if selection.is_counted(entry.value)]
        controls = [entry.index for entry in self.disclosed if is_control(entry.value)]
        through = self._proof.start
        for entry in self.disclosed:
            census = entry.value
            if not isinstance(census, Census) or census.end <= self._proof.start:
                continue
            if census.start != through:
                raise _broken_at(entry, f"it counts from entry {census.start}, and entry {through} is next")
            _check_count(entry, census, selection.subject, mine, "for this selection")
            if CONTROL_DIGEST in census.subjects:
                _check_count(entry, census, CONTROL_DIGEST, controls, "of Chaperone itself")
            through = census.end
        if through == self._proof.start and self._proof.size > through:
            raise BrokenError("no census of the window is given, so something may be missing")
        given = {entry.index for entry in self.disclosed}
        if any(index not in given for index in range(through, self._proof.size)):
            raise BrokenError(
                f"of entries {through} to {self._proof.size - 1} some are neither counted nor given, so"
                " something may be missing: a census was left out, or the checkpoint is from before all that"
                " one covers was counted (then export the range anew)"
            )
        return f"the collector's counts of entries {self._proof.start} to {through - 1} agree"

    def unsealed(self, selection: Selection) -> int:
        """Give how many sessions were let start within the range and have no manifest."""
        sealed = {manifest_session(one.key) for one in self.disclosed}
        return len(open_rows(audit_events(self.disclosed, selection), sealed))


def check_entries(proof: Proof, lines: Iterable[Line], leaves: bytes, ring: KeyRing) -> Opened:
    """Check each entry's place and signature. Raises BrokenError."""
    opened = Opened(proof, leaves)
    for line in lines:
        opened.add(line)
    _check_begin(opened.disclosed, proof)
    for entry in opened.disclosed:
        try:
            _check_value(entry.value, ring)
            if entry.key.startswith("removal/"):
                ring.open(entry.data)
        except CallerError as error:
            raise _broken_at(entry, str(error)) from None
    opened.check_checkpoints(ring)
    return opened


def _check_count(entry: Disclosed, census: Census, subject: str, given: Iterable[int], what: str) -> None:
    found = counted(index for index in given if census.start <= index < census.end)
    told = census.subjects.get(subject, counted(()))
    if told != found:
        raise _broken_at(
            entry,
            f"of entries {census.start} to {census.end - 1} the collector counted {told.count} {what},"
            f" and the bundle has {found.count}, or others",
        )


def _hashes(nodes: Iterable[str]) -> tuple[bytes, ...]:
    try:
        return tuple(map(bytes.fromhex, nodes))
    except ValueError:
        raise BrokenError("the window's beginning is of no tree") from None


def _check_begin(disclosed: Sequence[Disclosed], proof: Proof) -> None:
    start = disclosed[0].value if disclosed else None
    if not isinstance(start, Start) or (start.origin, start.roots) != (proof.origin, proof.roots):
        raise BrokenError("the ledger's first entry is missing, or tells of another ledger")


def _check_value(value: Value | None, ring: KeyRing) -> None:
    match value:
        case SigningKey(public_key=public, certificate=certificate):
            if ring.add(read_certificate(certificate)).hex() != public:
                raise BrokenError("the certificate is for another key")
        case SignedManifest():
            check_manifest(value, ring)
        case Exported(checkpoint=note):
            ring.open_checkpoint(note)
        case _:
            pass


def check_origin(origin: str, roots: Iterable[bytes]) -> None:
    """Raise BrokenError unless one of the roots that are trusted is the ledger's."""
    if origin not in {origin_of(root) for root in roots}:
        raise BrokenError(f"this is of the ledger {origin}, which is not of the root that is trusted")


def _broken(line: Line, what: str) -> BrokenError:
    return BrokenError(f"entry {line.index} ({line.key}): {what}")


def _broken_at(entry: Disclosed, what: str) -> BrokenError:
    return BrokenError(f"entry {entry.index} ({entry.key}): {what}")
