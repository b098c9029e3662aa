"""Bundles of a desk, made without HTTP, and what a forger makes of them."""

import hashlib
import io
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, cast

from evidence_desk import SINCE, UNTIL, EvidenceDesk
from ledger_desk import ROOTS

from sidecar.contract.frames import Frame
from webhook.evidence.archive import CERTIFICATE, SIGNATURE, UNSUMMED, Writer
from webhook.evidence.bundle import Bundle, Progress, Written
from webhook.evidence.checking import Checked, Kept, check_bundle
from webhook.evidence.selection import Selection
from webhook.evidence.source import Asked, Vouched
from webhook.evidence.window import find_window
from webhook.journal.events import Kind
from webhook.ledger.verifying import KeptEntry
from webhook.store.audit import AuditQuery

Files = dict[str, bytes]


class DeskSource:
    """The record of a desk, as an export reads it."""

    def __init__(self, desk: EvidenceDesk) -> None:
        self.desk = desk

    def size(self) -> int:
        return self.desk.store.ledger().size

    def page(self, start: int, limit: int) -> Sequence[KeptEntry]:
        return self.desk.store.entries(start=start, limit=limit)

    def entry(self, key: str) -> KeptEntry | None:
        return self.desk.store.entry(key)

    def sign(self) -> None:
        self.desk.checkpoints.give_out()

    def asked(self, namespace: str, session: str) -> Asked | None:
        record = self.desk.store.session(session)
        if record is None or record.namespace != namespace:
            return None
        return Asked(record.identity, record.argv)

    def frames(self, namespace: str, session: str) -> Iterator[Frame]:
        del namespace
        start = 0
        while page := self.desk.store.frames(session, start=start, limit=8):
            yield from page
            start = page[-1].sequence + 1

    def policy_events(self, before: int) -> Iterator[str]:
        query = AuditQuery(kind=Kind.POLICY_CHANGED, until=before)
        return (kept.event.id for kept in self.desk.store.audit_events(query))

    def announce(self, asked: str) -> None:
        """Nothing to tell."""

    def vouch(self, asked: str, digest: str) -> Vouched:
        return Vouched(*self.desk.vouch(digest))


def selected(**what: str) -> Selection:
    """Of what the day holds between SINCE and UNTIL."""
    return Selection(since=SINCE, until=UNTIL, **what)


def write(
    desk: EvidenceDesk,
    selection: Selection,
    file: BinaryIO,
    *,
    size: int | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Written:
    source = DeskSource(desk)
    window = find_window(source, selection, size=size)

    def spool() -> BinaryIO:
        return cast("BinaryIO", tempfile.TemporaryFile())

    return Bundle(source, selection, window, spool=spool, progress=progress).write(file)


def bundle(desk: EvidenceDesk, selection: Selection | None = None, *, size: int | None = None) -> bytes:
    """Everything the agent did, unless another selection is given."""
    file = io.BytesIO()
    write(desk, selection or selected(user="agent"), file, size=size)
    return file.getvalue()


def files(data: bytes) -> Files:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def forged(content: Files, sign: Callable[[str], tuple[str, str]] | None = None) -> bytes:
    """Files as a bundle whose digests are right again, signed anew where somebody signs it."""
    file = io.BytesIO()
    writer = Writer(file)
    for name, data in content.items():
        if name not in UNSUMMED:
            writer.add(name, [data])
    sums = writer.finish()
    signature = content[SIGNATURE], content[CERTIFICATE]
    if sign is not None:
        note, certificate = sign(hashlib.sha256(sums).hexdigest())
        signature = note.encode(), f"{certificate}\n".encode()
    for name, data in zip((SIGNATURE, CERTIFICATE), signature, strict=True):
        writer.add(name, [data])
    writer.close()
    return file.getvalue()


def of_another_version(content: Files) -> Files:
    """A bundle that says that another version wrote it, so that nobody here can make its pages again."""
    proof = content["ledger/ledger.json"]
    changed = proof.replace(b'"software": "', b'"software": "9')
    assert changed != proof
    return {**content, "ledger/ledger.json": changed}


def check(data: bytes, *, roots: tuple[bytes, ...] = ROOTS, kept: Sequence[Kept] = ()) -> Checked:
    return check_bundle(io.BytesIO(data), roots, kept)


def zipped(content: Files) -> bytes:
    """Files as a zip, whatever they are."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return file.getvalue()
