"""Reads of audit events: every one first makes visible what was written before it began."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import msgspec

from webhook.store.audit import AuditQuery, KeptEvent, Place
from webhook.store.opensearch.audit_documents import AuditSource
from webhook.store.opensearch.client import Client
from webhook.store.opensearch.names import Names
from webhook.store.opensearch.queries import Json, phrase_clauses, term_clauses
from webhook.store.text import parse_text

_PAGE: Final = 1000
_THERE_OR_NOT: Final[Mapping[str, Any]] = {"ignore_unavailable": "true", "allow_no_indices": "true"}
_AT: Final = "chaperone.at"
_ID: Final = "event.id"
_RECEIVED: Final = "chaperone.received_at"


class _Hit(msgspec.Struct):
    source: AuditSource = msgspec.field(name="_source")
    sort: list[Any]


class _Hits(msgspec.Struct):
    hits: list[_Hit]


class _Found(msgspec.Struct):
    hits: _Hits


class AuditReader:
    """Reads audit events. Safe for threads."""

    def __init__(self, client: Client, names: Names) -> None:
        self._client = client
        self._names = names

    def events(self, query: AuditQuery) -> list[KeptEvent]:
        """Give events, newest first."""
        phrases: Sequence[str] = ()
        if query.text is not None:
            phrases = parse_text(query.text)
            if not phrases:
                return []
        if query.limit <= 0:
            return []
        before = query.before
        after = [before.at, before.id] if before else None
        hits = self._pages(
            [*_filters(query), *phrase_clauses(phrases)],
            sort=[{_AT: "desc"}, {_ID: "desc"}],
            size=min(_PAGE, query.limit),
            after=after,
        )
        return [hit.source.kept() for hit in islice(_unique(hits), query.limit)]

    def since(self, *, after: int, namespace: str | None, limit: int) -> list[KeptEvent]:
        """Give events in the order they were received, and all that share the last one's time."""
        if limit <= 0:
            return []
        received: Json = {"range": {_RECEIVED: {"gt": after}}}
        filters: list[Json] = [received, *term_clauses({"orchestrator.namespace": namespace})]
        sort: list[Json] = [{_RECEIVED: "asc"}, {_AT: "asc"}, {_ID: "asc"}]
        hits = _unique(self._pages(filters, sort=sort, size=min(_PAGE, limit), after=None))
        found = [hit.source.kept() for hit in islice(hits, limit)]
        last = found[-1].received_at if len(found) == limit else None
        for hit in hits if last is not None else ():
            kept = hit.source.kept()
            if kept.received_at != last:
                break
            found.append(kept)
        return found

    def _pages(
        self, filters: Sequence[Json], *, sort: Sequence[Json], size: int, after: list[Any] | None
    ) -> Iterator[_Hit]:
        path = f"/{self._names.audit}"
        self._client.ask(msgspec.Raw, "POST", f"{path}/_refresh", **_THERE_OR_NOT)
        while True:
            body: Json = {
                "size": size,
                "query": {"bool": {"filter": filters}},
                "sort": sort,
                "track_total_hits": False,
                "_source": ["chaperone.event", _RECEIVED],
                **({"search_after": after} if after else {}),
            }
            hits = self._client.ask(_Found, "POST", f"{path}/_search", body, **_THERE_OR_NOT).hits.hits
            yield from hits
            if len(hits) < size:
                return
            after = hits[-1].sort


def _unique(hits: Iterator[_Hit]) -> Iterator[_Hit]:
    """Leave out events kept twice: once on each side of the data stream's rollover."""
    last: Place | None = None
    for hit in hits:
        place = hit.source.kept().place
        if place != last:
            yield hit
        last = place


def _filters(query: AuditQuery) -> list[Json]:
    happened = {
        name: value for name, value in (("gte", query.since), ("lt", query.until)) if value is not None
    }
    return [
        *term_clauses(
            {
                _ID: query.id,
                "orchestrator.namespace": query.namespace,
                "event.action": query.kind.value if query.kind else None,
                "event.outcome": query.outcome.value if query.outcome else None,
                "user.name": query.actor,
                "chaperone.approval": query.approval,
                "chaperone.session": query.session,
            }
        ),
        *([{"range": {_AT: happened}}] if happened else []),
    ]
