"""Lists of sessions: pages from the store, filtered, continued where the last one stopped."""

import base64
from collections.abc import Iterator
from typing import Final

import msgspec

from sidecar.contract.identifiers import is_session_id
from webhook.audit_api.conversion import session_object
from webhook.audit_api.errors import ApiError, Reason
from webhook.audit_api.objects import ListMeta, Session
from webhook.audit_api.selectors import Selectors
from webhook.store.contract import Phase, Query, SessionRecord, Store

MAX_ITEMS: Final = 5000
"""Most sessions one answer holds; a longer list is continued even when no limit was asked for."""
_PAGE: Final = 500


class Continue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a list goes on: after this session, as of this resource version."""

    before: str
    resource_version: str


class Listed(msgspec.Struct, frozen=True):
    """One answer's sessions."""

    metadata: ListMeta
    items: list[Session]


def encode_continue(token: Continue) -> str:
    """Give a token as clients carry it."""
    return base64.urlsafe_b64encode(msgspec.json.encode(token)).decode().rstrip("=")


def decode_continue(text: str) -> Continue:
    """Read a token. Raises ApiError (410, so that clients begin anew) when it is not one of ours."""
    try:
        padded = text + "=" * (-len(text) % 4)
        token = msgspec.json.decode(base64.urlsafe_b64decode(padded.encode()), type=Continue)
    except (ValueError, msgspec.MsgspecError):
        token = None
    if token is None or not is_session_id(token.before) or not token.resource_version.isdigit():
        raise ApiError(Reason.EXPIRED, "the continue token cannot be read; list again without it")
    return token


def list_sessions(
    store: Store, *, namespace: str | None, selectors: Selectors, limit: int, token: Continue | None, now: int
) -> Listed:
    """Give one answer's sessions; ``limit`` 0 means no limit, ``now`` is in Unix nanoseconds."""
    wanted = min(limit or MAX_ITEMS, MAX_ITEMS)
    version = token.resource_version if token else str(now)
    items: list[Session] = []
    for session in _matching(store, namespace, selectors, wanted + 1, token.before if token else None):
        items.append(session)
        if len(items) > wanted:
            break
    more = Continue(items[wanted - 1].metadata.name, version) if len(items) > wanted else None
    metadata = ListMeta(version, encode_continue(more) if more else "")
    return Listed(metadata, items[:wanted])


def _matching(
    store: Store, namespace: str | None, selectors: Selectors, wanted: int, before: str | None
) -> Iterator[Session]:
    name = selectors.exactly("metadata.name")
    if name is not None:
        record = store.session(name)
        is_here = record is not None and namespace in (None, record.namespace)
        yield from _after(record, before, selectors) if record is not None and is_here else ()
        return
    while True:
        query = _query(namespace, selectors, min(wanted, _PAGE), before)
        records = store.sessions(query) if query else []
        yield from (session for session in map(session_object, records) if selectors.match(session))
        if query is None or len(records) < query.limit:
            return
        before = records[-1].session


def _after(record: SessionRecord, before: str | None, selectors: Selectors) -> Iterator[Session]:
    session = session_object(record)
    if selectors.match(session) and (before is None or record.session < before):
        yield session


def _query(namespace: str | None, selectors: Selectors, limit: int, before: str | None) -> Query | None:
    """Give the store's part of the question, None when nothing can match."""
    phase = selectors.exactly("status.phase")
    if phase is not None and phase not in {known.value for known in Phase}:
        return None
    asked = selectors.exactly("metadata.namespace")
    if asked is not None and namespace not in (None, asked):
        return None
    return Query(
        namespace=namespace or asked,
        user=selectors.exactly("spec.user"),
        pod=selectors.exactly("spec.pod"),
        phase=None if phase is None else Phase(phase),
        limit=limit,
        before=before,
    )
