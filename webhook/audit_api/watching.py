"""Watches: which events the changes of sessions are to one watcher.

Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Final

import msgspec

from webhook.audit_api.conversion import session_object
from webhook.audit_api.errors import ApiError, Reason
from webhook.audit_api.objects import Session
from webhook.audit_api.selectors import Selectors
from webhook.store.contract import SessionRecord

OVERLAP: Final = 1_000_000_000
"""Changes are asked for again from this many nanoseconds back: one may become visible after a later one."""


class EventType(Enum):
    """What a watch event says."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"
    ERROR = "ERROR"


class Change(msgspec.Struct, frozen=True):
    """One session's change as the watcher sees it."""

    type: EventType
    session: Session


def parse_resource_version(text: str) -> int | None:
    """Read a watch's starting point, None for "from what there is". Raises ApiError."""
    if text in ("", "0"):
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 20:
        raise ApiError(Reason.BAD_REQUEST, f'the resource version "{text[:40]}" is not one of this API')
    return int(text)


class Watcher:
    """What one watcher has been told, and what a change is to it."""

    def __init__(self, selectors: Selectors, since: int) -> None:
        self.position = since
        """Everything up to here (Unix nanoseconds, collector's clock) was seen, but for the overlap."""
        self._since = since
        self._selectors = selectors
        self._lasting = selectors.without_changing()
        self._recent: dict[str, int] = {}
        self._known: set[str] = set()

    @property
    def after(self) -> int:
        """Where to ask the store from."""
        return self.position - OVERLAP

    def know(self, records: Iterable[SessionRecord]) -> None:
        """Remember sessions that the watcher was given at the start."""
        for record in records:
            self._known.add(record.session)
            self._recent[record.session] = record.updated_at

    def feed(self, records: Iterable[SessionRecord]) -> Iterator[Change]:
        """Give the changes among records, which come oldest change first."""
        for record in records:
            if self._recent.get(record.session) == record.updated_at:
                continue
            self._recent[record.session] = record.updated_at
            self.position = max(self.position, record.updated_at)
            yield from self._change(record)
        self._forget()

    def _change(self, record: SessionRecord) -> Iterator[Change]:
        session = session_object(record)
        is_old = record.started_at - record.clock_skew <= self._since
        is_known = record.session in self._known
        if self._selectors.match(session):
            self._known.add(record.session)
            yield Change(EventType.MODIFIED if is_known or is_old else EventType.ADDED, session)
        elif self._lasting.match(session) and (is_known or is_old):
            self._known.discard(record.session)
            yield Change(EventType.DELETED, session)

    def _forget(self) -> None:
        self._recent = {name: at for name, at in self._recent.items() if at >= self.after}
