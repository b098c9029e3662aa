"""How a bundle is checked by somebody who trusts neither who gave it nor the server, but the root alone.

First its bytes against its own list of digests and that list's signature; then the entries against the
signed checkpoint; then whether all that the collector counted for the selection is there; then each session
against its manifest; and last all that page and tables say against what is proven. The first thing that does
not hold is named.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import BinaryIO

import msgspec

from sidecar.contract.decoding import UNREADABLE
from sidecar.contract.errors import CallerError
from sidecar.contract.events import Ending
from sidecar.contract.names import VERSION
from sidecar.contract.sealing import Identity
from webhook.evidence import recordings
from webhook.evidence.archive import CERTIFICATE, SIGNATURE, UNSUMMED, Reader
from webhook.evidence.bundle import (
    CHECKPOINT,
    CONSISTENCY,
    ENTRIES,
    FIRST_CHECKPOINT,
    LEAVES,
    PROOF,
    check_asked,
    entry_line,
    proof_text,
    session_files,
)
from webhook.evidence.documents import Content, Proof, documents
from webhook.evidence.ledger_checks import Line, Opened, check_entries, check_origin
from webhook.evidence.session_tables import SessionRow, session_row
from webhook.evidence.source import Asked
from webhook.evidence.window import MARGIN_NS, Disclosed, is_complete, manifests, removed_sessions
from webhook.ledger.checkpoints import read_checkpoint
from webhook.ledger.entries import Exported, manifest_session, read_certificate
from webhook.ledger.keys import KeyRing
from webhook.ledger.manifest import Manifest
from webhook.ledger.notes import read_note
from webhook.ledger.proofs import verify_consistency
from webhook.ledger.tree import HASH_BYTES
from webhook.ledger.verifying import BrokenError
from webhook.ledger.vouching import check_vouched
from webhook.replay.safety import printable


class Kept(msgspec.Struct, frozen=True):
    """A checkpoint that somebody kept."""

    name: str
    note: str


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What was checked, and what is proven by it."""

    asked: str
    origin: str
    roots: tuple[str, ...]
    """Those that the bundle names, hexadecimal."""
    start: int
    size: int
    entries: int
    """Entries that are given and proven."""
    undisclosed: int
    """Entries of the window about others, of which only the hash is given."""
    sessions: int
    removed: int
    """Sessions of which only the manifest is left, because their time was over."""
    lost: int
    """Sessions that are given as far as they were known when their recorders were taken for lost."""
    unsealed: int
    """Sessions that were let start and had not ended, or never began."""
    counted: str
    """How it is known that nothing is missing."""
    complete: bool
    """Whether all sessions that ended within the range are sealed by this checkpoint."""
    kept: dict[str, int]
    pages: bool
    """Whether tables and page were made again and compared: only by the version that wrote them."""
    holds: bool = True


def check_bundle(
    file: BinaryIO,
    roots: tuple[bytes, ...],
    kept: Sequence[Kept] = (),
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> Checked:
    """Check a bundle. Raises BrokenError with the first broken link.

    ``roots`` are raw public keys that are trusted; without any, the bundle's own word is taken.
    """
    try:
        return _Check(file, roots, progress).run(kept)
    except BrokenError:
        raise
    except CallerError as error:
        raise BrokenError(str(error)) from None


class _Check:
    """One check."""

    def __init__(self, file: BinaryIO, roots: tuple[bytes, ...], progress: Callable[[str], None]) -> None:
        self._progress = progress
        self._reader = Reader(file)
        self._roots = roots
        self._known = {*UNSUMMED, PROOF, ENTRIES, LEAVES, CHECKPOINT}
        """Names of files that belong there."""

    def run(self, kept: Sequence[Kept]) -> Checked:
        self._progress("files")
        sums = self._reader.check_sums()
        proof = self._proof()
        roots = self._roots or tuple(map(_unhex, proof.roots))
        check_origin(proof.origin, roots)
        ring = KeyRing(proof.origin, roots)
        self._check_signature(sums, ring)
        self._progress("ledger")
        opened = check_entries(proof, self._entries(), self._leaves(), ring)
        root = opened.check_last(ring, self._reader.read(CHECKPOINT))
        self._check_first(proof, opened, ring, root)
        agreed = {one.name: self._check_kept(one, opened, ring) for one in kept}
        self._check_place(proof, opened.disclosed)
        counted = opened.check_counts(proof.selection)
        rows = list(self._sessions(proof, opened.disclosed))
        self._progress("page")
        pages = self._check_documents(Content(proof, opened.disclosed, rows))
        return Checked(
            asked=proof.selection.words,
            origin=proof.origin,
            roots=proof.roots,
            start=proof.start,
            size=proof.size,
            entries=len(opened.disclosed),
            undisclosed=opened.undisclosed,
            sessions=sum(row.kept for row in rows),
            removed=sum(not row.kept for row in rows),
            lost=sum(row.kept and row.how == Ending.LOST.value for row in rows),
            unsealed=opened.unsealed(proof.selection),
            counted=counted,
            complete=is_complete(opened.disclosed, proof.selection),
            kept=agreed,
            pages=pages,
        )

    def _proof(self) -> Proof:
        try:
            proof = msgspec.json.decode(self._reader.read(PROOF), type=Proof)
        except UNREADABLE as error:
            raise BrokenError(f"{PROOF} cannot be read: {error}") from None
        if not proof.selection.is_tellable:
            raise BrokenError(f"{PROOF} cannot be read: its range is of no calendar")
        if proof.selection.since >= proof.selection.until:
            raise BrokenError(f"{PROOF}: its range is empty, so the bundle shows nothing")
        if proof.format != 1:
            raise BrokenError(f"the bundle is of format {proof.format}, and format 1 is known here")
        return proof

    def _check_signature(self, sums: bytes, ring: KeyRing) -> None:
        try:
            ring.add(read_certificate(self._reader.read(CERTIFICATE).decode("ascii", "replace").rstrip("\n")))
            check_vouched(self._reader.read(SIGNATURE), hashlib.sha256(sums).hexdigest(), ring)
        except CallerError as error:
            raise BrokenError(f"{SIGNATURE}: {error}") from None

    def _entries(self) -> Iterator[Line]:
        decoder = msgspec.json.Decoder(Line)
        for number, line in enumerate(self._reader.lines(ENTRIES)):
            try:
                entry = decoder.decode(line)
                proof = tuple(map(bytes.fromhex, entry.proof))
            except (ValueError, *UNREADABLE):
                raise BrokenError(f"{ENTRIES}, line {number + 1}: it is no entry") from None
            if entry_line(entry.index, entry.key, entry.data, proof) != line:
                raise BrokenError(f"{ENTRIES}, line {number + 1}: it is not in the one form that it has")
            yield entry

    def _leaves(self) -> bytes:
        return b"".join(_hashes(self._reader.lines(LEAVES), LEAVES))

    def _check_first(self, proof: Proof, opened: Opened, ring: KeyRing, root: bytes) -> None:
        """Check the checkpoint from before the range, and that the last one continues it."""
        if not proof.first:
            return
        try:
            checkpoint = ring.open_checkpoint(self._reader.read(FIRST_CHECKPOINT))
            hashes = list(_hashes(self._reader.lines(CONSISTENCY), CONSISTENCY))
        except CallerError as error:
            raise BrokenError(f"{FIRST_CHECKPOINT}: {error}") from None
        if checkpoint.size != proof.first or checkpoint.root != opened.root_at(checkpoint.size):
            raise BrokenError(f"{FIRST_CHECKPOINT}: it is not of the entries that come before the range")
        if not verify_consistency(checkpoint.size, proof.size, checkpoint.root, root, hashes):
            raise BrokenError(f"{CONSISTENCY}: the last checkpoint does not continue the first")

    def _check_place(self, proof: Proof, disclosed: Iterable[Disclosed]) -> None:
        """Check that what lies before the window lies before the range."""
        if proof.start == 0:
            return
        first = next(
            (
                entry.value
                for entry in disclosed
                if isinstance(entry.value, Exported) and entry.value.size == proof.first
            ),
            None,
        )
        if first is None or first.at > proof.selection.since - MARGIN_NS:
            raise BrokenError(
                f"entries before {proof.start} may belong to the range: no checkpoint from before it shows"
                " that they are older"
            )

    def _check_kept(self, kept: Kept, opened: Opened, ring: KeyRing) -> int:
        try:
            root = opened.root_at(read_checkpoint(read_note(kept.note).text).size)
            checkpoint = ring.open_checkpoint(kept.note)
        except CallerError as error:
            raise BrokenError(f"{kept.name}: {error}") from None
        if root != checkpoint.root:
            raise BrokenError(
                f"{kept.name}: the first {checkpoint.size} entries are not those that were signed for"
            )
        return checkpoint.size

    def _sessions(self, proof: Proof, disclosed: Sequence[Disclosed]) -> Iterator[SessionRow]:
        wanted = {recordings.folder(manifest_session(one.key)) for one in disclosed}
        there = {name.rpartition("/")[0] for name in self._reader.names if name.startswith("sessions/")}
        if there - wanted:
            raise BrokenError(f"{min(there - wanted)} is there without an entry of the ledger")
        removed = frozenset[str]().union(*(removed_sessions(one.key, one.data) for one in disclosed))
        for index, manifest in manifests(disclosed, proof.selection):
            self._progress(f"session {manifest.session}")
            yield self._session(index, manifest, is_removed=manifest.session in removed)

    def _session(self, index: int, manifest: Manifest, *, is_removed: bool) -> SessionRow:
        where = f"session {manifest.session}, sealed as entry {index}"
        folder = recordings.folder(manifest.session)
        if f"{folder}/session.json" not in self._reader.names:
            if is_removed:
                return session_row(index, manifest, None, None)
            raise BrokenError(f"{where}: its recording is missing from the bundle")
        frames = self._frames(f"{folder}/events.jsonl")
        try:
            asked = self._asked(f"{folder}/session.json")
            check_asked(manifest, asked)
            for _ in recordings.chained(manifest, frames()):
                pass
            outline = recordings.outline(manifest, asked, frames)
        except CallerError as error:
            raise BrokenError(f"{where}: {printable(str(error))}") from None
        for name, chunks in session_files(index, manifest, asked, frames):
            self._known.add(name)
            self._check_same(name, chunks)
        return session_row(index, manifest, asked, outline)

    def _asked(self, name: str) -> Asked:
        try:
            told = msgspec.json.decode(self._reader.read(name), type=_Told)
        except UNREADABLE:
            raise BrokenError(f"{name} cannot be read") from None
        return Asked(told.user, told.command)

    def _frames(self, name: str) -> recordings.Frames:
        return lambda: recordings.read_frames(self._reader.lines(name))

    def _check_documents(self, content: Content) -> bool:
        """Make the tables and the page again, and compare; not those of another version."""
        if content.proof.first:
            self._known |= {FIRST_CHECKPOINT, CONSISTENCY}
        same = content.proof.software == VERSION
        if same:
            self._check_same(PROOF, [proof_text(content.proof)])
        for name, chunks in documents(content) if same else ():
            self._known.add(name)
            self._check_same(name, chunks)
        more = {name for name in self._reader.names - self._known if same or _is_proven(name)}
        if more:
            raise BrokenError(f"{min(more)} belongs to nothing in the bundle")
        return same

    def _check_same(self, name: str, chunks: Iterable[bytes]) -> None:
        ours, theirs = hashlib.sha256(), hashlib.sha256()
        for chunk in chunks:
            ours.update(chunk)
        for chunk in self._reader.chunks(name):
            theirs.update(chunk)
        if ours.digest() != theirs.digest():
            raise BrokenError(f"{name} says something else than what is proven")


def _is_proven(name: str) -> bool:
    """Tell whether a file would be taken for a part of the record, whatever version wrote the bundle."""
    return name.startswith(("ledger/", "sessions/"))


class _Told(msgspec.Struct, frozen=True):
    user: Identity
    command: tuple[str, ...]


def _hashes(lines: Iterable[bytes], name: str) -> Iterator[bytes]:
    for number, line in enumerate(lines):
        found = _unhex(line.decode("ascii", "replace").rstrip("\n"))
        if len(found) != HASH_BYTES or found.hex().encode() + b"\n" != line:
            raise BrokenError(f"{name}, line {number + 1}: it is no hash")
        yield found


def _unhex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
