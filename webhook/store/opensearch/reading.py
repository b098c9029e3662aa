"""Reads: every one first makes visible what was written before it began."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TypeVar

import msgspec

from sidecar.contract.frames import Frame
from sidecar.contract.identifiers import is_session_id
from webhook.store.checks import check_query, is_asked
from webhook.store.codec import decode_notice, decode_record
from webhook.store.contract import MissingError, PodNotice, Query, SessionRecord
from webhook.store.opensearch import queries
from webhook.store.opensearch.asking import Found, Hit, search
from webhook.store.opensearch.client import Client
from webhook.store.opensearch.documents import FrameSource, NoticeSource, SessionSource
from webhook.store.opensearch.names import Names
from webhook.store.text import parse_text

_F = TypeVar("_F")

PAGE = 1000
FIRST_FRAMES = 64
FRAMES_PAGE_BYTES = 8 * 1024 * 1024
WINDOW = 10_000
"""Most hits one search gives (``index.max_result_window``)."""


class _Document(msgspec.Struct):
    found: bool = False
    source: SessionSource | None = msgspec.field(name="_source", default=None)
    seq_no: int = msgspec.field(name="_seq_no", default=0)
    primary_term: int = msgspec.field(name="_primary_term", default=0)


class _Documents(msgspec.Struct):
    docs: list[_Document]


class _Key(msgspec.Struct):
    session: str


class _Bucket(msgspec.Struct):
    key: _Key


class _Buckets(msgspec.Struct):
    buckets: list[_Bucket] = []


class _Sessions(msgspec.Struct):
    sessions: _Buckets = msgspec.field(default_factory=_Buckets)


class _Aggregated(msgspec.Struct):
    aggregations: _Sessions = msgspec.field(default_factory=_Sessions)


class KeptRecord(msgspec.Struct, frozen=True):
    """A record, and the version of its document for optimistic concurrency."""

    record: SessionRecord
    seq_no: int
    primary_term: int


class Reader:
    """Reads what is kept. Safe for threads."""

    def __init__(self, client: Client, names: Names) -> None:
        self._client = client
        self._names = names

    def record(self, session: str) -> KeptRecord | None:
        """Give one session as it is now, refreshed or not."""
        if not is_session_id(session):
            return None
        path = f"/{self._names.sessions(session)}/_doc/{session}"
        document = self._client.ask(_Document, "GET", path, accept=[404], _source_includes="chaperone.record")
        if document.source is None:
            return None
        record = decode_record(document.source.chaperone.record)
        return KeptRecord(record, document.seq_no, document.primary_term)

    def records(self, sessions: Sequence[str]) -> list[SessionRecord]:
        """Give the sessions that are kept of these, in their order, as they are now."""
        if not sessions:
            return []
        docs = [
            {"_index": self._names.sessions(session), "_id": session, "_source": ["chaperone.record"]}
            for session in sessions
        ]
        answer = self._client.ask(_Documents, "POST", "/_mget", {"docs": docs})
        return [decode_record(item.source.chaperone.record) for item in answer.docs if item.source]

    def sessions(self, query: Query) -> list[SessionRecord]:
        """Give sessions, newest first."""
        if query.limit <= 0:
            return []
        pages = self._sessions_by_fields(query) if query.text is None else self._sessions_by_text(query)
        return list(islice(chain.from_iterable(pages), query.limit))

    def changed(self, *, after: int, namespace: str | None, limit: int) -> list[SessionRecord]:
        """Give changed sessions, oldest change first, and all that share the last one's time."""
        if limit <= 0:
            return []
        self.refresh(self._names.all_sessions)
        found = list(islice(self._changes(namespace, {"gt": after}, size=min(PAGE, limit)), limit))
        if len(found) == limit:
            moment, session = found[-1].sort
            same = {"gte": moment, "lte": moment}
            found += self._changes(namespace, same, size=PAGE, after=(moment, session))
        return [decode_record(hit.source.chaperone.record) for hit in found]

    def frames(self, session: str, *, start: int, limit: int) -> list[Frame]:
        """Give frames in sequence. Raises StoreError when one is missing that was acknowledged."""
        kept = self.record(session)
        if kept is None:
            return []
        end = min(kept.record.next_sequence, start + limit)
        found = list(self._frames_between(session, start, end))
        if len(found) < end - start:
            self.refresh(self._names.events)
            found += self._frames_between(session, start + len(found), end)
        if len(found) < end - start:
            raise MissingError(f"session {session}: frame {start + len(found)} is missing from the store")
        return found

    def frames_by_id(self, ids: Sequence[str]) -> list[Frame]:
        """Give frames by their document ids, also those that no record counts yet."""
        self.refresh(self._names.events)
        page = self._search(Found[FrameSource], self._names.events, queries.frames_by_id(ids))
        return [hit.source.frame() for hit in page.hits.hits]

    def notices(self, *, namespace: str | None, since: int | None, limit: int) -> list[PodNotice]:
        """Give notices, newest first; at most 10 000."""
        self.refresh(self._names.notices)
        body = queries.newest_notices(namespace, since, size=max(0, min(limit, WINDOW)))
        page = self._search(Found[NoticeSource], self._names.notices, body)
        return [decode_notice(hit.source.chaperone.notice) for hit in page.hits.hits]

    def refresh(self, indices: str) -> None:
        """Make visible to searches what was written before."""
        self._client.ask(
            msgspec.Raw, "POST", f"/{indices}/_refresh", ignore_unavailable="true", allow_no_indices="true"
        )

    def _sessions_by_fields(self, query: Query) -> Iterator[list[SessionRecord]]:
        self.refresh(self._names.all_sessions)
        check_query(query)
        filters = queries.session_filters(query)
        after: str | None = None
        while True:
            body = queries.newest_sessions(filters, size=min(PAGE, query.limit), after=after)
            hits = self._search(Found[SessionSource], self._names.all_sessions, body).hits.hits
            if not hits:
                return
            yield [decode_record(hit.source.chaperone.record) for hit in hits]
            after = hits[-1].sort[0]

    def _sessions_by_text(self, query: Query) -> Iterator[list[SessionRecord]]:
        phrases = parse_text(query.text or "")
        if not phrases:
            return
        check_query(query)
        self.refresh(self._names.all_passages)
        filters = queries.passage_filters(query)
        after: str | None = None
        while True:
            body = queries.sessions_with_passages(filters, phrases, size=min(PAGE, query.limit), after=after)
            answer = self._search(_Aggregated, self._names.all_passages, body)
            ids = [bucket.key.session for bucket in answer.aggregations.sessions.buckets]
            if not ids:
                return
            yield [record for record in self.records(ids) if is_asked(record, query)]
            after = ids[-1]

    def _changes(
        self, namespace: str | None, moments: queries.Json, *, size: int, after: tuple[int, str] | None = None
    ) -> Iterator[Hit[SessionSource]]:
        while True:
            body = queries.changed_sessions(namespace, moments, size=size, after=after)
            hits = self._search(Found[SessionSource], self._names.all_sessions, body).hits.hits
            yield from hits
            if len(hits) < size:
                return
            moment, session = hits[-1].sort
            after = (moment, session)

    def _frames_between(self, session: str, start: int, end: int) -> Iterator[Frame]:
        """Give the frames that searches see, up to the first that is missing."""
        size = FIRST_FRAMES
        while start < end:
            body = queries.frames_page(session, start=start, end=end, size=min(size, end - start))
            hits = self._search(Found[FrameSource], self._names.events, body).hits.hits
            length = 0
            for frame in _unique(hit.source.frame() for hit in hits):
                if frame.sequence != start:
                    return
                yield frame
                start += 1
                length += len(frame.payload)
            if not hits:
                return
            size = max(FIRST_FRAMES, min(PAGE, FRAMES_PAGE_BYTES * len(hits) // max(length, 1)))

    def _search(self, answer: type[_F], indices: str, body: queries.Json) -> _F:
        return search(self._client, answer, indices, body)


def _unique(frames: Iterable[Frame]) -> Iterator[Frame]:
    """Leave out frames kept twice: once on each side of the data stream's rollover."""
    last = -1
    for frame in frames:
        if frame.sequence > last:
            yield frame
            last = frame.sequence
