"""Writes the ledger: manifests, audit events and checkpoints, each appended once."""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence

import msgspec

from sidecar.contract.errors import ClusterError
from sidecar.contract.events import Ending
from sidecar.contract.names import VERSION
from webhook.collector.manifests import manifest_of, same_ending
from webhook.journal.events import AuditEvent
from webhook.ledger.census import MAX_COUNTED, census
from webhook.ledger.checkpoints import Checkpoint
from webhook.ledger.entries import (
    START_KEY,
    Census,
    Entry,
    EntryError,
    Exported,
    SignedManifest,
    SigningKey,
    Start,
    Value,
    entry_of,
    kind_of,
    manifest_entry,
    manifest_key,
    read_entry,
    removal_entry,
    write_certificate,
)
from webhook.ledger.keys import LedgerKey, origin_of
from webhook.ledger.manifest import Manifest
from webhook.ledger.notes import read_note
from webhook.ledger.proofs import consistency_proof, verify_consistency
from webhook.ledger.removal import Removal
from webhook.ledger.tree import EMPTY_ROOT, Frontier, fold, frontier_nodes
from webhook.ledger.verifying import KeptEntry
from webhook.ledger.vouching import vouching_text
from webhook.store.contract import SessionRecord, Store, StoreError
from webhook.store.ledger import MAX_APPENDED, Placed

_log = logging.getLogger(__name__)
_PAGE = 256
_SECOND = 1_000_000_000
_MOST_CENSUSES = 50
"""Of one checkpoint; a ledger from before there was any is counted over several, and so is one to which
others append faster than it is counted."""


class LedgerShrunkError(ClusterError):
    """The ledger does not continue what was signed before. Nothing is signed until somebody has looked."""


class UncertifiedError(ClusterError):
    """The key is not certified for the time that it is. What it signed would never verify."""


class Book:
    """The ledger of one store. Methods block, may be called from any thread, and raise ClusterError."""

    def __init__(
        self,
        store: Store,
        *,
        key: Callable[[], LedgerKey],
        roots: Callable[[], tuple[bytes, ...]],
        unix_ns: Callable[[], int],
    ) -> None:
        """``key`` and ``roots`` give what is in force at the moment they are asked."""
        self._store = store
        self._key = key
        self._roots = roots
        self._unix_ns = unix_ns
        self._lock = threading.Lock()
        self._origin = ""
        self._introduced: set[bytes] = set()
        self._signed: Checkpoint | None = None

    def seal(self, records: Iterable[SessionRecord]) -> list[SessionRecord]:
        """Append the manifests of sessions that have ended; give those that could not be made, for later."""
        with self._lock:
            key = self._signer()
            left: list[SessionRecord] = []
            manifests: list[Manifest] = []
            for record in records:
                try:
                    manifest = manifest_of(record, self._first_digest(record), sealed_at=self._unix_ns())
                except StoreError as error:
                    _log.warning("session %s cannot be sealed: %s", record.session, error)
                    left.append(record)
                else:
                    manifests.append(manifest)
            while manifests:
                placed = self._append([manifest_entry(each, key, self._origin) for each in manifests])
                pairs = zip(manifests, placed, strict=True)
                manifests = [next_ for each, place in pairs if (next_ := self._further(each, place))]
        return left

    def note(self, events: Iterable[AuditEvent]) -> None:
        """Append audit events."""
        with self._lock:
            self._signer()
            self._append([entry_of(event) for event in events])

    def remove(self, removal: Removal) -> bool:
        """Append what is going to be removed, signed; False when there is an entry of its name already."""
        with self._lock:
            key = self._signer()
            (placed,) = self._store.append_entries([removal_entry(removal, key, self._origin)])
            return placed.new

    def checkpoint(self, *, sealed_through: int, given: Sequence[Checkpoint] = ()) -> Exported:
        """Give the newest checkpoint, of now if there was something new, signed with the key of now.

        ``given`` are checkpoints that were given out before, verified. Raises LedgerShrunkError when the
        ledger does not continue one of them, or the last one that was signed here.
        """
        with self._lock:
            key = self._signer()
            newest, frontier = self._store.latest_entry("checkpoint"), self._store.ledger()
            for earlier in (*given, *([self._signed] if self._signed else [])):
                self._check_continues(earlier, frontier)
            if newest is not None and self._is_newest(newest, frontier.size):
                exported = _exported(newest)
                self._signed = self._at(exported.size)
            else:
                self._signed = self._at(self._count(frontier.size))
                noted = 0 if newest is None else _exported(newest).sealed_through
                if noted > self._unix_ns():  # by a clock that was set back since
                    noted = 0
                exported = self._export(self._signed, key, max(sealed_through, noted))
            return self._signed_with(key, self._signed, exported)

    def vouch(self, digest: str) -> tuple[str, str]:
        """Give the signature over a bundle of evidence, by its digest, and the certificate of its key."""
        with self._lock:
            key = self._signer()
            return key.sign(vouching_text(digest), self._origin), write_certificate(key.certificate)

    def noted_through(self) -> int:
        """Give the time up to which the newest checkpoint says that sessions are sealed."""
        newest = self._store.latest_entry("checkpoint")
        return 0 if newest is None else _exported(newest).sealed_through

    @property
    def origin(self) -> str:
        """The ledger's name."""
        with self._lock:
            self._signer()
            return self._origin

    def _export(self, checkpoint: Checkpoint, key: LedgerKey, sealed_through: int) -> Exported:
        note = key.sign(checkpoint.text, self._origin)
        exported = Exported(self._unix_ns(), checkpoint.size, sealed_through, note)
        entry = entry_of(exported)
        (placed,) = self._store.append_entries([entry])
        kept = None if placed.new else self._store.entry(entry.key)
        return exported if kept is None else _exported(kept)

    def _at(self, size: int) -> Checkpoint:
        hashes = self._store.ledger_nodes(frontier_nodes(size))
        return Checkpoint(self._origin, size, fold(hashes) if hashes else EMPTY_ROOT)

    def _signed_with(self, key: LedgerKey, checkpoint: Checkpoint, exported: Exported) -> Exported:
        """Give a kept checkpoint with the signature of now, which may be another collector's there."""
        if read_note(exported.checkpoint).text != checkpoint.text:
            raise LedgerShrunkError(
                f"the checkpoint of {checkpoint.size} entries in the ledger is not of these entries"
            )
        return msgspec.structs.replace(exported, checkpoint=key.sign(checkpoint.text, self._origin))

    def _signer(self) -> LedgerKey:
        """Give the key to sign with, after the ledger's start and the key itself are in the ledger."""
        key = self._key()
        if not key.is_certified_at(self._unix_ns() // _SECOND):
            raise UncertifiedError(
                "the ledger's key is not certified for this time, so nothing is signed: check the clocks of"
                " the collector and of the admission side, which renews keys"
            )
        if not self._origin:
            self._origin = self._start()
        if key.public not in self._introduced:
            certificate = write_certificate(key.certificate)
            self._append([entry_of(SigningKey(self._unix_ns(), key.public.hex(), certificate))])
            self._introduced.add(key.public)
        return key

    def _start(self) -> str:
        roots = self._roots()
        origin = origin_of(roots[0])
        start = Start(self._unix_ns(), origin, tuple(root.hex() for root in roots), VERSION)
        (placed,) = self._store.append_entries([entry_of(start)])
        kept = None if placed.new else self._store.entry(START_KEY)
        value = start if kept is None else _read(kept)
        return value.origin if isinstance(value, Start) else origin

    def _is_newest(self, newest: KeptEntry, size: int) -> bool:
        """Tell whether nothing but counts and checkpoints is in the ledger since a checkpoint was signed."""
        signed = _exported(newest).size
        if newest.index != size - 1 or newest.index - signed > _PAGE:
            return False
        since = self._store.entries(start=signed, limit=max(newest.index - signed, 1))
        return all(kind_of(entry.key) in ("census", "checkpoint") for entry in since)

    def _count(self, size: int) -> int:
        """Append what is missing of the census of the first ``size`` entries; give how many to sign for.

        That is up to a census of all that comes before itself, so that a checkpoint covers nothing that no
        census counts, except the census. Where others append in between, it is counted again, but not
        endlessly: then the checkpoint is of all there is.
        """
        newest = self._store.latest_entry("census")
        start = 0 if newest is None else _census_end(newest)
        for _ in range(_MOST_CENSUSES):
            if start >= size:
                break
            values = self._values(start, min(start + MAX_COUNTED, size))
            entry = entry_of(census(self._unix_ns(), start, values))
            (placed,) = self._store.append_entries([entry])
            kept = None if placed.new else self._store.entry(entry.key)
            start = start + len(values) if kept is None else _census_end(kept)
            if start == placed.index:
                return start + 1
            size = self._store.ledger().size
        return self._store.ledger().size

    def _values(self, start: int, end: int) -> list[Value | None]:
        values: list[Value | None] = []
        while start + len(values) < end:
            at = start + len(values)
            page = self._store.entries(start=at, limit=min(_PAGE, end - at))
            if not page:
                raise LedgerShrunkError(f"entry {at} of the ledger is missing. See: chaperone ledger verify")
            values += [_known(entry) for entry in page]
        return values

    def _append(self, entries: Sequence[Entry]) -> list[Placed]:
        placed: list[Placed] = []
        for start in range(0, len(entries), MAX_APPENDED):
            placed += self._store.append_entries(entries[start : start + MAX_APPENDED])
        return placed

    def _further(self, manifest: Manifest, place: Placed) -> Manifest | None:
        """Give the manifest to append where an earlier one is of another state of the session.

        That is so when a session was taken for lost, and went on. Raises LedgerShrunkError.
        """
        if place.new:
            return None
        kept = self._store.entry(manifest_key(manifest.session, manifest.number))
        value = None if kept is None else _read(kept)
        if not isinstance(value, SignedManifest):
            raise LedgerShrunkError(f"entry {place.index} of the ledger was changed: it is no manifest")
        earlier = value.manifest
        if same_ending(earlier, manifest):
            return None
        if earlier.how != Ending.LOST.value:
            _log.error("session %s was sealed as entry %d and is another now", manifest.session, place.index)
            return None
        return msgspec.structs.replace(manifest, number=manifest.number + 1, before=earlier.frames)

    def _first_digest(self, record: SessionRecord) -> bytes:
        frames = self._store.frames(record.session, start=0, limit=1)
        return frames[0].digest if frames else b""

    def _check_continues(self, earlier: Checkpoint, frontier: Frontier) -> None:
        if earlier.size > frontier.size:
            raise LedgerShrunkError(
                f"the ledger is truncated: it has {frontier.size} entries, and {earlier.size} were signed"
                " for; nothing more is signed. Restore the store, and see: chaperone ledger verify"
            )
        if earlier.size == 0:
            return
        proof = consistency_proof(earlier.size, frontier.size, self._store.ledger_nodes)
        if not verify_consistency(earlier.size, frontier.size, earlier.root, frontier.root, proof):
            raise LedgerShrunkError(
                f"the ledger's first {earlier.size} entries are not those that were signed for;"
                " nothing more is signed. See: chaperone ledger verify"
            )


def _exported(kept: KeptEntry) -> Exported:
    value = _read(kept)
    if not isinstance(value, Exported):
        raise LedgerShrunkError(f"entry {kept.index} of the ledger was changed: it is no checkpoint")
    return value


def _census_end(kept: KeptEntry) -> int:
    value = _read(kept)
    if not isinstance(value, Census):
        raise LedgerShrunkError(f"entry {kept.index} of the ledger was changed: it is no census")
    return value.end


def _known(kept: KeptEntry) -> Value | None:
    """Give what an entry says, None for one that is unknown here or was changed: a verifier finds that."""
    try:
        return read_entry(kept.data)
    except EntryError:
        return None


def _read(kept: KeptEntry) -> Value:
    try:
        return read_entry(kept.data)
    except EntryError as error:
        raise LedgerShrunkError(f"entry {kept.index} of the ledger was changed: {error}") from None
