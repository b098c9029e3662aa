"""Searches among audit events: a question read from an EventSearch object, the answer written into it."""

from enum import Enum
from typing import Final, TypeVar

import msgspec

from webhook.audit_api.bodies import read_object
from webhook.audit_api.errors import ApiError, Reason
from webhook.audit_api.event_objects import EventSearch, EventSearchHit, EventSearchStatus, event_object
from webhook.audit_api.searching import MAX_HITS, moment
from webhook.journal.events import Kind, Outcome
from webhook.store.audit import AuditQuery, KeptEvent, searched_text
from webhook.store.contract import Store
from webhook.store.text import highlight, parse_text

_RESOURCE: Final = "eventsearches"
_E = TypeVar("_E", bound=Enum)


def parse_event_search(body: bytes) -> EventSearch:
    """Read a request's body. Raises ApiError."""
    search = read_object(body, "an EventSearch", EventSearch)
    if not search.spec.text.strip():
        raise _invalid("spec.text: say what to look for")
    if not 1 <= search.spec.limit <= MAX_HITS:
        raise _invalid(f"spec.limit: must be from 1 to {MAX_HITS}")
    return search


def query_of(search: EventSearch, namespace: str | None) -> AuditQuery:
    """Give the store's question. Raises ApiError when a field cannot be read."""
    spec = search.spec
    return AuditQuery(
        namespace=namespace,
        kind=_one_of(Kind, "type", spec.type),
        outcome=_one_of(Outcome, "outcome", spec.outcome),
        actor=spec.actor or None,
        approval=spec.approval or None,
        session=spec.session or None,
        since=moment("since", spec.since, _RESOURCE),
        until=moment("until", spec.until, _RESOURCE),
        text=spec.text,
        limit=spec.limit,
    )


def answer_about_events(store: Store, query: AuditQuery, search: EventSearch) -> EventSearch:
    """Give the search with its status. Raises CallerError when it is too long, and StoreError."""
    phrases = parse_text(search.spec.text)
    hits = [_hit(kept, phrases) for kept in store.audit_events(query)]
    return msgspec.structs.replace(search, status=EventSearchStatus(hits))


def _hit(kept: KeptEvent, phrases: tuple[str, ...]) -> EventSearchHit:
    text = searched_text(kept.event)
    spans = [[start, end] for start, end in highlight(text, phrases)]
    return EventSearchHit(event_object(kept), text, spans)


def _one_of(kind: type[_E], field: str, text: str) -> _E | None:
    try:
        return kind(text) if text else None
    except ValueError:
        known = ", ".join(one.value for one in kind)
        raise _invalid(f"spec.{field}: must be one of {known}") from None


def _invalid(message: str) -> ApiError:
    return ApiError(Reason.INVALID, message, kind=_RESOURCE)
