"""Lists of sessions: pages from the store, filtered, continued where the last one stopped."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

import msgspec

from webhook.audit_api.continuation import Continue, encode_continue
from webhook.audit_api.conversion import session_object
from webhook.audit_api.objects import ListMeta, Session
from webhook.audit_api.requests import ListRequest
from webhook.store.contract import Phase, Query, SessionRecord, Store

MAX_ITEMS: Final = 5000
"""Most sessions one answer holds; a longer list is continued even when no limit was asked for."""
_PAGE: Final = 500


class Listed(msgspec.Struct, frozen=True):
    """One answer's sessions."""

    metadata: ListMeta
    items: list[Session]


def list_sessions(store: Store, *, namespace: str | None, asked: ListRequest, now: int) -> Listed:
    """Give one answer's sessions as of ``now`` (Unix nanoseconds)."""
    wanted = min(asked.limit or MAX_ITEMS, MAX_ITEMS)
    token = asked.token
    version = token.resource_version if token else str(now)
    found = _matching(store, namespace, asked, wanted + 1, token.before if token else None)
    items = list(islice(found, wanted + 1))
    more = Continue(items[wanted - 1].metadata.name, version) if len(items) > wanted else None
    metadata = ListMeta(version, encode_continue(more) if more else "")
    return Listed(metadata, items[:wanted])


def _matching(
    store: Store, namespace: str | None, asked: ListRequest, wanted: int, before: str | None
) -> Iterator[Session]:
    name = asked.selectors.exactly("metadata.name")
    query = _query(namespace, asked, min(wanted, _PAGE))
    if query is None:
        return
    if name is not None:
        record = store.session(name)
        yield from _matches([record] if record and _is_asked(record, query, before) else [], asked)
        return
    while True:
        records = store.sessions(msgspec.structs.replace(query, before=before))
        yield from _matches(records, asked)
        if len(records) < query.limit:
            return
        before = records[-1].session


def _matches(records: Iterable[SessionRecord], asked: ListRequest) -> Iterator[Session]:
    return filter(asked.selectors.match, map(session_object, records))


def _is_asked(record: SessionRecord, query: Query, before: str | None) -> bool:
    return (
        query.namespace in (None, record.namespace)
        and (before is None or record.session < before)
        and (query.since is None or record.started_at >= query.since)
        and (query.until is None or record.started_at < query.until)
    )


def _query(namespace: str | None, asked: ListRequest, limit: int) -> Query | None:
    """Give the store's part of the question, None when nothing can match."""
    selectors = asked.selectors
    phase = selectors.exactly("status.phase")
    if phase is not None and phase not in {known.value for known in Phase}:
        return None
    place = selectors.exactly("metadata.namespace")
    if place is not None and namespace not in (None, place):
        return None
    return Query(
        namespace=namespace or place,
        user=selectors.exactly("spec.user"),
        pod=selectors.exactly("spec.pod"),
        phase=None if phase is None else Phase(phase),
        since=asked.since,
        until=asked.until,
        limit=limit,
    )
