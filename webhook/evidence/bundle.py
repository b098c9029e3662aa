"""Writing a bundle: the window's entries, the sessions one by one, then what they come to, and its signature.

What is held in memory grows with the number of entries, not with the length of recordings: those go through a
temporary file each.
"""

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import BinaryIO, Final

import msgspec

from sidecar.contract.errors import CallerError
from sidecar.contract.frames import Frame
from webhook.evidence import recordings
from webhook.evidence.archive import CERTIFICATE, SIGNATURE, Writer
from webhook.evidence.documents import Content, Proof, documents
from webhook.evidence.nodes import KnownNodes
from webhook.evidence.selection import Selection
from webhook.evidence.session_tables import SessionRow, session_row
from webhook.evidence.source import Asked, Source
from webhook.evidence.window import (
    Disclosed,
    Window,
    entries,
    is_complete,
    key_in_force,
    known,
    manifests,
    removed_sessions,
    walk,
)
from webhook.journal.events import AuditEvent
from webhook.ledger.entries import Start
from webhook.ledger.manifest import Manifest, json_digest
from webhook.ledger.proofs import consistency_proof
from webhook.ledger.tree import HASH_BYTES
from webhook.ledger.verifying import KeptEntry

ENTRIES: Final = "ledger/entries.jsonl"
LEAVES: Final = "ledger/leaves"
PROOF: Final = "ledger/ledger.json"
CHECKPOINT: Final = "ledger/checkpoint"
FIRST_CHECKPOINT: Final = "ledger/checkpoint.first"
CONSISTENCY: Final = "ledger/consistency"
_MOST_POLICY_EVENTS: Final = 1000


class Progress(msgspec.Struct, frozen=True):
    """How far an export is."""

    step: str
    done: int
    whole: int


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What was written."""

    size: int
    """Entries that the bundle's checkpoint is signed for."""
    sessions: int
    entries: int
    complete: bool
    problems: tuple[str, ...]
    """Recordings that are not as they were sealed, and are left out: what a verifier will name."""
    removed: int
    """Recordings that are left out because the ledger says that their time was over."""


class Bundle:
    """Writes one bundle."""

    def __init__(
        self,
        source: Source,
        selection: Selection,
        window: Window,
        *,
        spool: Callable[[], BinaryIO],
        progress: Callable[[Progress], None],
    ) -> None:
        """``spool`` gives a fresh temporary file."""
        self._source = source
        self._selection = selection
        self._window = window
        self._spool = spool
        self._progress = progress
        self._problems: list[str] = []
        self._gone: frozenset[str] = frozenset()
        """Sessions that the ledger says were removed."""

    def write(self, file: BinaryIO) -> Written:
        """Write it. Raises an error of this project when something needed cannot be read."""
        window, selection = self._window, self._selection
        width = window.size - window.start
        walked = walk(self._source, window, selection, lambda done: self._tell("ledger", done, width))
        disclosed = self._with_extras(walked.disclosed)
        writer = Writer(file)
        self._gone = frozenset[str]().union(*(removed_sessions(one.key, one.data) for one in disclosed))
        rows = list(self._sessions(writer, disclosed))
        proof = self._proof(disclosed, walked.frontier)
        self._add_ledger(writer, proof, disclosed, walked.leaves, walked.nodes)
        self._tell("summary", 0, 0)
        for name, chunks in documents(Content(proof, disclosed, rows)):
            writer.add(name, chunks)
        self._sign(writer)
        writer.close()
        return Written(
            size=window.size,
            sessions=len(rows),
            entries=len(disclosed),
            complete=is_complete(disclosed, selection),
            problems=tuple(self._problems),
            removed=sum(row.session in self._gone for row in rows),
        )

    def _tell(self, step: str, done: int, whole: int) -> None:
        self._progress(Progress(step, done, whole))

    def _with_extras(self, disclosed: Sequence[Disclosed]) -> list[Disclosed]:
        """Add what lies before the window: the start, the key in force, and the policies in force."""
        found = {entry.index: entry for entry in disclosed}
        extras: list[KeptEntry | None] = [
            *entries(self._source, 0, 1),
            key_in_force(self._source, self._window),
        ]
        extras += self._policies()
        for kept in extras:
            if kept is not None and kept.index < self._window.size and kept.index not in found:
                found[kept.index] = Disclosed(kept.index, kept.key, kept.data, known(kept.data))
        return [found[index] for index in sorted(found)]

    def _policies(self) -> Iterator[KeptEntry]:
        """Give the events back to the last that tells of all policies."""
        for number, name in enumerate(self._source.policy_events(self._selection.since)):
            kept = self._source.entry(f"event/{name}")
            value = None if kept is None else known(kept.data)
            if kept is not None and isinstance(value, AuditEvent):
                yield kept
                if "policies" in value.details or number >= _MOST_POLICY_EVENTS:
                    return

    def _sessions(self, writer: Writer, disclosed: Sequence[Disclosed]) -> Iterator[SessionRow]:
        wanted = manifests(disclosed, self._selection)
        for number, (index, manifest) in enumerate(wanted):
            self._tell("sessions", number, len(wanted))
            yield self._session(writer, index, manifest)
        self._tell("sessions", len(wanted), len(wanted))

    def _session(self, writer: Writer, index: int, manifest: Manifest) -> SessionRow:
        if manifest.session in self._gone:
            return session_row(index, manifest, None, None)
        with self._spool() as spool:
            try:
                asked = self._asked(manifest)
                kept = self._source.frames(manifest.namespace, manifest.session)
                found = recordings.sealed_frames(manifest, kept)
                for line in recordings.event_lines(recordings.chained(manifest, found)):
                    spool.write(line)
                size, frames = spool.tell(), _frames(spool)
                outline = recordings.outline(manifest, asked, frames)
            except CallerError as error:
                self._problems.append(f"session {manifest.session}, sealed as entry {index}: {error}")
                return session_row(index, manifest, None, None)
            for name, chunks in session_files(index, manifest, asked, frames):
                writer.add(name, chunks, expected=2 * size)
        return session_row(index, manifest, asked, outline)

    def _asked(self, manifest: Manifest) -> Asked:
        asked = self._source.asked(manifest.namespace, manifest.session)
        if asked is None:
            raise CallerError("it is missing from the store")
        check_asked(manifest, asked)
        return asked

    def _proof(self, disclosed: Sequence[Disclosed], frontier: Iterable[bytes]) -> Proof:
        start = disclosed[0].value if disclosed else None
        if not isinstance(start, Start):
            raise CallerError("the ledger does not begin with its start; see: chaperone ledger verify")
        first = self._window.first
        return Proof(
            selection=self._selection,
            origin=start.origin,
            roots=start.roots,
            start=self._window.start,
            frontier=tuple(node.hex() for node in frontier),
            first=first.exported.size if first else 0,
            size=self._window.size,
        )

    def _add_ledger(
        self,
        writer: Writer,
        proof: Proof,
        disclosed: Sequence[Disclosed],
        leaves: bytes,
        nodes: KnownNodes,
    ) -> None:
        window = self._window
        writer.add(PROOF, [proof_text(proof)])
        writer.add(ENTRIES, _entry_lines(disclosed, nodes, window.size))
        writer.add(LEAVES, leaf_lines(leaves))
        writer.add(CHECKPOINT, [window.last.exported.checkpoint.encode()])
        if window.first is not None:
            writer.add(FIRST_CHECKPOINT, [window.first.exported.checkpoint.encode()])
            hashes = consistency_proof(window.first.exported.size, window.size, nodes.fetch)
            writer.add(CONSISTENCY, leaf_lines(b"".join(hashes)))

    def _sign(self, writer: Writer) -> None:
        sums = writer.finish()
        vouched = self._source.vouch(self._selection.words, hashlib.sha256(sums).hexdigest())
        writer.add(SIGNATURE, [vouched.signature.encode()])
        writer.add(CERTIFICATE, [vouched.certificate.encode(), b"\n"])


def proof_text(proof: Proof) -> bytes:
    """Give ``ledger/ledger.json``."""
    return msgspec.json.format(msgspec.json.encode(proof), indent=2) + b"\n"


def session_files(
    index: int, manifest: Manifest, asked: Asked, frames: recordings.Frames
) -> Iterator[tuple[str, Iterable[bytes]]]:
    """Give the files of one session, by name."""
    folder = recordings.folder(manifest.session)
    yield f"{folder}/session.json", [recordings.facts(manifest, index, asked)]
    yield f"{folder}/events.jsonl", recordings.event_lines(frames())
    yield f"{folder}/session.cast", recordings.cast_lines(manifest, asked, frames)
    yield f"page/{manifest.session}.recording.js", recordings.played(manifest, asked, frames)
    yield f"page/{manifest.session}.text.js", recordings.searched(manifest, frames)


def check_asked(manifest: Manifest, asked: Asked) -> None:
    """Raise CallerError unless a manifest has the digests of who asked and for what."""
    if (manifest.user, manifest.identity_digest) != (asked.identity.username, json_digest(asked.identity)):
        raise CallerError("its user is another than was sealed")
    if manifest.argv_digest != json_digest(asked.command):
        raise CallerError("its command line is another than was sealed")


def leaf_lines(leaves: bytes) -> Iterator[bytes]:
    """Give hashes as lines in hexadecimal."""
    for start in range(0, len(leaves), HASH_BYTES):
        yield leaves[start : start + HASH_BYTES].hex().encode() + b"\n"


def _entry_lines(disclosed: Iterable[Disclosed], nodes: KnownNodes, size: int) -> Iterator[bytes]:
    for entry in disclosed:
        yield entry_line(entry.index, entry.key, entry.data, nodes.proof(entry.index, size))


def entry_line(index: int, key: str, data: bytes, proof: Iterable[bytes]) -> bytes:
    """Give the line of an entry, with its inclusion proof."""
    hashes = ",".join(f'"{node.hex()}"' for node in proof)
    name = msgspec.json.encode(key).decode()
    blob = base64.b64encode(data).decode()
    return f'{{"index":{index},"key":{name},"data":"{blob}","proof":[{hashes}]}}\n'.encode()


def _frames(spool: BinaryIO) -> recordings.Frames:
    def frames() -> Iterator[Frame]:
        spool.seek(0)
        return recordings.read_frames(spool)

    return frames
