"""Writes: acknowledged by OpenSearch, item by item, before they are acknowledged here.

An append puts frames and passages first, each under an id of its own and only where none is yet, and the
session's record last, only over the version that was read: readers take frames up to the record's
``next_sequence``, so an append that broke off half-way is not seen, and completes when it is sent again.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from sidecar.contract.frames import Frame
from webhook.journal.events import AuditEvent
from webhook.store.checks import advances, check_new, fresh_frames
from webhook.store.contract import Passage, PodNotice, SessionRecord, StoreError
from webhook.store.filling import Whole
from webhook.store.opensearch import documents
from webhook.store.opensearch.audit_documents import audit_document
from webhook.store.opensearch.bulk import (
    CONFLICT,
    FILTER,
    BulkAnswer,
    Item,
    Kept,
    chunks,
    create_item,
    judge,
)
from webhook.store.opensearch.client import Client
from webhook.store.opensearch.names import Names, frame_id, notice_id, passage_id
from webhook.store.opensearch.reading import KeptRecord, Reader

ATTEMPTS = 20
"""How often a record is written over a version that another writer replaced meanwhile."""


class _Written(msgspec.Struct):
    result: str = ""


class Writer:
    """Writes what is to be kept. Safe for threads and beside other collectors."""

    def __init__(
        self, client: Client, names: Names, reader: Reader, ensure: Callable[[Sequence[str]], None]
    ) -> None:
        self._client = client
        self._names = names
        self._reader = reader
        self._ensure = ensure

    def create(self, record: SessionRecord) -> SessionRecord:
        """Keep a new session: its command line first, then its record."""
        check_new(record)
        sessions, passages = self._names.sessions(record.session), self._names.passages(record.session)
        self._ensure([sessions, passages])
        command = create_item(passages, f"{record.session}-command", documents.command_document(record))
        self._bulk([command])
        path = f"/{sessions}/_create/{record.session}"
        body = documents.session_document(record)
        written = self._client.ask(_Written, "PUT", path, body, accept=[CONFLICT])
        return record if written.result == "created" else self._kept(record.session).record

    def append(self, record: SessionRecord, frames: Sequence[Frame], passages: Sequence[Passage]) -> None:
        """Keep frames, passages and the session's new state."""
        stored = False
        for _ in range(ATTEMPTS):
            kept = self._kept(record.session)
            fresh = fresh_frames(kept.record, record, frames, passages)
            if not stored:
                self._store(record, fresh, passages)
                stored = True
            if not advances(kept.record, record) or self._replace(kept, record):
                return
        raise StoreError(f"session {record.session}: other writers kept changing its record")

    def fill(self, sessions: Sequence[Whole]) -> None:
        """Keep whole sessions, the documents of all of them together."""
        self._ensure(
            [
                name(whole.ended.session)
                for whole in sessions
                for name in (self._names.sessions, self._names.passages)
            ]
        )
        self._bulk(item for whole in sessions for item in self._whole(whole))

    def _whole(self, whole: Whole) -> Iterator[Item]:
        record, session = whole.ended, whole.ended.session
        texts = self._names.passages(session)
        yield create_item(texts, f"{session}-command", documents.command_document(record))
        for sequence, document in documents.frame_documents(record, whole.frames):
            yield create_item(self._names.events, frame_id(session, sequence), document)
        for passage in whole.passages:
            yield create_item(texts, passage_id(passage), documents.passage_document(record, passage))
        yield create_item(self._names.sessions(session), session, documents.session_document(record))

    def note(self, notice: PodNotice) -> None:
        """Keep a notice."""
        path = f"/{self._names.notices}/_create/{notice_id(notice)}"
        self._client.ask(_Written, "PUT", path, documents.notice_document(notice), accept=[CONFLICT])

    def record(self, events: Sequence[AuditEvent], *, received_at: int) -> list[AuditEvent]:
        """Keep audit events; give those that were not there before."""
        fresh = {event.id: event for event in reversed(events)}
        items = [
            create_item(self._names.audit, key, audit_document(event, received_at))
            for key, event in reversed(fresh.items())
        ]
        there = self._bulk(items)
        return [event for key, event in reversed(fresh.items()) if key not in there]

    def _kept(self, session: str) -> KeptRecord:
        kept = self._reader.record(session)
        if kept is None:
            raise StoreError(f"session {session} is not known to the store")
        return kept

    def _store(self, record: SessionRecord, frames: Sequence[Frame], passages: Sequence[Passage]) -> None:
        session = record.session
        items = [
            create_item(self._names.events, frame_id(session, sequence), document)
            for sequence, document in documents.frame_documents(record, frames)
        ]
        index = self._names.passages(session)
        texts = {passage_id(passage): passage for passage in passages}
        items += [
            create_item(index, key, documents.passage_document(record, text)) for key, text in texts.items()
        ]
        there = self._bulk(items)
        before = [frame for frame in frames if frame_id(session, frame.sequence) in there]
        if before:
            self._check_same(session, before)

    def _bulk(self, items: Iterable[Item]) -> set[str]:
        """Create documents; give the ids of those that were there before."""
        before: set[str] = set()
        for chunk in chunks(items):
            patience = self._client.patience()
            waiting = chunk
            while waiting:
                body = b"".join(item.lines for item in waiting)
                answer = self._client.ask(BulkAnswer, "POST", "/_bulk", body, filter_path=FILTER)
                kept, waiting = judge(waiting, answer)
                before.update(key for key, what in kept.items() if what is Kept.BEFORE)
                if waiting and not patience.wait():
                    raise StoreError(
                        f"OpenSearch is overloaded: it took {len(kept)} documents and not the rest"
                    )
        return before

    def _check_same(self, session: str, frames: Sequence[Frame]) -> None:
        """Frames that an earlier try left behind must be these."""
        kept = self._reader.frames_by_id([frame_id(session, frame.sequence) for frame in frames])
        digests = {(frame.sequence, frame.digest) for frame in kept}
        for frame in frames:
            if (frame.sequence, frame.digest) not in digests:
                raise StoreError(f"session {session}: frame {frame.sequence} is kept with another digest")

    def _replace(self, kept: KeptRecord, record: SessionRecord) -> bool:
        """Write a record over the version read; False when that is no longer the newest."""
        written = self._client.ask(
            _Written,
            "PUT",
            f"/{self._names.sessions(record.session)}/_doc/{record.session}",
            documents.session_document(record),
            accept=[CONFLICT],
            if_seq_no=kept.seq_no,
            if_primary_term=kept.primary_term,
        )
        return written.result == "updated"
