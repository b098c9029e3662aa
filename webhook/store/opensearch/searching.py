"""Where words are found in command lines and masked output, newest first.

A passage knows what never changes of its session. What may change is asked of the sessions: of those in
which the words were found, or where the words are common, beforehand.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, Final

from webhook.store.checks import check_query, is_asked, narrows
from webhook.store.contract import Hit, Query
from webhook.store.opensearch import queries
from webhook.store.opensearch.asking import Counted, Found, Places, search
from webhook.store.opensearch.client import Client
from webhook.store.opensearch.documents import PassageSource
from webhook.store.opensearch.names import Names
from webhook.store.opensearch.reading import PAGE, Reader
from webhook.store.text import highlight, parse_text

FIRST_SESSIONS: Final = 200
SESSIONS_AT_ONCE: Final = 10_000
"""``index.max_result_window``; a terms query takes 65,536."""


class Searcher:
    """Searches what is kept. Safe for threads."""

    def __init__(self, client: Client, names: Names, reader: Reader) -> None:
        self._client = client
        self._names = names
        self._reader = reader

    def search(self, query: Query) -> list[Hit]:
        """Give where the text is found. Raises CallerError."""
        phrases = parse_text(query.text or "")
        check_query(query)
        if not phrases or query.limit <= 0:
            return []
        self._reader.refresh(self._names.all_passages)
        filters = queries.passage_filters(query)
        if not narrows(query):
            return list(
                islice(self._found(filters, phrases, query, size=min(PAGE, query.limit)), query.limit)
            )
        if self._are_few(filters, phrases):
            return list(islice(self._found(filters, phrases, query, size=PAGE), query.limit))
        self._reader.refresh(self._names.all_sessions)
        each = (self._found_in(ids, filters, phrases, query) for ids in self._sessions(query))
        return list(islice(chain.from_iterable(each), query.limit))

    def _are_few(self, filters: Sequence[queries.Json], phrases: Sequence[str]) -> bool:
        body = queries.count_of_passages(filters, phrases, most=PAGE)
        counted = search(self._client, Counted, self._names.all_passages, body)
        return counted.hits.total.value < PAGE

    def _found_in(
        self, ids: Sequence[str], filters: Sequence[queries.Json], phrases: Sequence[str], query: Query
    ) -> Iterator[Hit]:
        """Give what is found in some sessions, asking the indices of their months alone."""
        indices = ",".join(sorted({self._names.passages(session) for session in ids}))
        among = [*filters, queries.of_sessions(ids)]
        return self._found(among, phrases, query, size=min(PAGE, query.limit), indices=indices)

    def _found(
        self,
        filters: Sequence[queries.Json],
        phrases: Sequence[str],
        query: Query,
        *,
        size: int,
        indices: str = "",
    ) -> Iterator[Hit]:
        after: list[Any] | None = None
        while True:
            body = queries.matching_passages(filters, phrases, size=size, after=after)
            where = indices or self._names.all_passages
            page = search(self._client, Found[PassageSource], where, body).hits.hits
            yield from self._hits([hit.source for hit in page], query, phrases)
            if len(page) < size:
                return
            after = page[-1].sort

    def _sessions(self, query: Query) -> Iterator[list[str]]:
        """Give the ids of the sessions of a query, those that started last first."""
        filters = queries.session_filters(query)
        after: list[Any] | None = None
        size = FIRST_SESSIONS
        while True:
            body = queries.session_ids(filters, size=size, after=after)
            hits = search(self._client, Places, self._names.all_sessions, body).hits.hits
            if hits:
                yield [str(hit.sort[1]) for hit in hits]
                after = hits[-1].sort
            if len(hits) < size:
                return
            size = min(10 * size, SESSIONS_AT_ONCE)

    def _hits(self, sources: Iterable[PassageSource], query: Query, phrases: Sequence[str]) -> list[Hit]:
        found = list(sources)
        ids = list(dict.fromkeys(source.chaperone.session for source in found))
        records = {record.session: record for record in self._reader.records(ids)}
        hits: list[Hit] = []
        for source in found:
            record = records.get(source.chaperone.session)
            if record is not None and is_asked(record, query):
                hits.append(Hit(record, source.passage(), highlight(source.message, phrases)))
        return hits
