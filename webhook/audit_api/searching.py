"""Searches: a question read from a Search object, the answer written into it."""

from typing import Final

import msgspec
from msgspec import UnsetType

from webhook.audit_api.bodies import read_object
from webhook.audit_api.conversion import session_object
from webhook.audit_api.errors import ApiError, Reason
from webhook.audit_api.objects import (
    Search,
    SearchHit,
    SearchStatus,
    duration,
    nearest_moment,
)
from webhook.store.approvals import approvals_by
from webhook.store.contract import Hit, Passage, Phase, Query, Store

MAX_HITS: Final = 1000
MOST_EXIT_CODE: Final = 255


def parse_search(body: bytes) -> Search:
    """Read a request's body. Raises ApiError."""
    search = read_object(body, "a Search", Search)
    if not search.spec.text.strip():
        raise ApiError(Reason.INVALID, "spec.text: say what to look for", kind="searches")
    if not 1 <= search.spec.limit <= MAX_HITS:
        raise ApiError(Reason.INVALID, f"spec.limit: must be from 1 to {MAX_HITS}", kind="searches")
    code = search.spec.exit_code
    if not isinstance(code, UnsetType) and not 0 <= code <= MOST_EXIT_CODE:
        raise ApiError(Reason.INVALID, f"spec.exitCode: must be from 0 to {MOST_EXIT_CODE}", kind="searches")
    return search


def query_of(store: Store, search: Search, namespace: str | None) -> Query:
    """Give the store's question. Raises ApiError when a field cannot be read, CallerError and StoreError."""
    spec = search.spec
    until = moment("until", spec.until)
    approvals = approvals_by(store, spec.approved_by, namespace, until) if spec.approved_by else None
    return Query(
        namespace=namespace,
        user=spec.user or None,
        pod=spec.pod or None,
        since=moment("since", spec.since),
        until=until,
        phase=_phase(spec.phase) if spec.phase else None,
        exit_code=None if isinstance(spec.exit_code, UnsetType) else spec.exit_code,
        failed=spec.failed,
        finding=spec.finding or None,
        approvals=approvals,
        text=spec.text,
        limit=spec.limit,
    )


def _phase(text: str) -> Phase:
    try:
        return Phase(text)
    except ValueError:
        phases = ", ".join(phase.value for phase in Phase)
        raise ApiError(Reason.INVALID, f"spec.phase: must be one of {phases}", kind="searches") from None


def moment(field: str, text: str, kind: str = "searches") -> int | None:
    """Read a time of a search's specification, Unix nanoseconds. Raises ApiError."""
    try:
        return nearest_moment(text) if text else None
    except ValueError:
        message = f"spec.{field}: must be a time such as 2026-03-01T00:00:00Z"
        raise ApiError(Reason.INVALID, message, kind=kind) from None


def answer(store: Store, search: Search, namespace: str | None) -> Search:
    """Give the search with its status. Raises ApiError and StoreError."""
    hits = [_hit(hit) for hit in store.search(query_of(store, search, namespace))]
    return msgspec.structs.replace(search, status=SearchStatus(hits))


def _hit(hit: Hit) -> SearchHit:
    passage = hit.passage
    return SearchHit(
        session=session_object(hit.record),
        channel=_channel(passage),
        at=duration(0 if passage is None else passage.at),
        text=" ".join(hit.record.argv) if passage is None else passage.text,
        highlight=[[start, end] for start, end in hit.highlight],
    )


def _channel(passage: Passage | None) -> str:
    if passage is None:
        return "command"
    return "program" if passage.channel is None else passage.channel.value
