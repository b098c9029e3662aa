"""Lists of audit events: pages from the store, filtered, continued where the last one stopped."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

import msgspec

from webhook.audit_api.continuation import Continue, encode_continue
from webhook.audit_api.event_objects import AuditEvent, event_object
from webhook.audit_api.listing import MAX_ITEMS
from webhook.audit_api.objects import ListMeta
from webhook.audit_api.requests import ListRequest
from webhook.journal.events import Kind, Outcome
from webhook.store.audit import AuditQuery, KeptEvent, Place
from webhook.store.contract import Store

_PAGE: Final = 500


class ListedEvents(msgspec.Struct, frozen=True):
    """One answer's events."""

    metadata: ListMeta
    items: list[AuditEvent]


def list_events(store: Store, *, namespace: str | None, asked: ListRequest, now: int) -> ListedEvents:
    """Give one answer's events as of ``now`` (Unix nanoseconds)."""
    wanted = min(asked.limit or MAX_ITEMS, MAX_ITEMS)
    token = asked.token
    version = token.resource_version if token else str(now)
    before = Place(token.at, token.before) if token else None
    found = list(islice(_matching(store, namespace, asked, wanted + 1, before), wanted + 1))
    more = ""
    if len(found) > wanted:
        last, _ = found[wanted - 1]
        more = encode_continue(Continue(last.place.id, version, last.place.at))
    return ListedEvents(ListMeta(version, more), [event for _, event in found[:wanted]])


def _matching(
    store: Store, namespace: str | None, asked: ListRequest, wanted: int, before: Place | None
) -> Iterator[tuple[KeptEvent, AuditEvent]]:
    query = query_of(namespace, asked, min(wanted, _PAGE))
    while query is not None:
        kept = store.audit_events(msgspec.structs.replace(query, before=before))
        for one in kept:
            event = event_object(one)
            if asked.selectors.match(event):
                yield one, event
        if len(kept) < query.limit:
            return
        before = kept[-1].place


def query_of(namespace: str | None, asked: ListRequest, limit: int) -> AuditQuery | None:
    """Give the store's part of the question, None when nothing can match."""
    exactly = asked.selectors.exactly
    place, kind, outcome = exactly("metadata.namespace"), exactly("type"), exactly("outcome")
    if place is not None and namespace not in (None, place):
        return None
    try:
        return AuditQuery(
            id=exactly("metadata.name"),
            namespace=namespace if namespace is not None else place,
            kind=None if kind is None else Kind(kind),
            outcome=None if outcome is None else Outcome(outcome),
            actor=exactly("actor"),
            approval=exactly("approval"),
            session=exactly("session"),
            since=asked.since,
            until=asked.until,
            limit=limit,
        )
    except ValueError:
        return None
