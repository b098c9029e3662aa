"""Orders to end sessions, on their way to the recorders.

An order is an audit event: durable, in the ledger, and found by whichever collector holds the recorder's
connection. It is told at once where it was given, looked up now and then everywhere else, and told again to
a recorder that connects later.
"""

from collections.abc import Callable, Iterable
from typing import Final

from webhook.journal.events import AuditEvent, Kind
from webhook.store.audit import AuditQuery, AuditStore

POLL_SECONDS: Final = 2.0
_SECOND: Final = 1_000_000_000
_OVERLAP_NS: Final = 120 * _SECOND
"""How far the clocks of two collectors may be apart, and how late an order may become visible."""
_REMEMBERED_NS: Final = 7 * 24 * 3600 * _SECOND
"""An older order is for a session that has ended."""
_MOST: Final = 10_000
_MOST_USER: Final = 200


def kill_line(event: AuditEvent) -> str:
    """Give what the client of a session is told, and its record says."""
    return f"{event.actor.username[:_MOST_USER]} ended this session: {event.reason}"


class Orders:
    """The orders that are known here. Used on one event loop, but for :meth:`read`."""

    def __init__(self, tell: Callable[[str, str], None]) -> None:
        """``tell`` is given each order once: the session, and the line for its client."""
        self._tell = tell
        self._lines: dict[str, str] = {}
        self._read_until = 0

    def line(self, session: str) -> str | None:
        """Give the line for a session's client, None where nobody ordered its end."""
        return self._lines.get(session)

    def take(self, events: Iterable[AuditEvent]) -> None:
        """Take orders among events that are stored; the first one for a session counts."""
        for event in events:
            if event.kind is Kind.SESSION_KILLED and event.session not in self._lines:
                self._lines[event.session] = kill_line(event)
                self._tell(event.session, self._lines[event.session])
        while len(self._lines) > _MOST:
            del self._lines[next(iter(self._lines))]

    def read(self, store: AuditStore, now: int) -> list[AuditEvent]:
        """Give the orders that were stored since the last time, oldest first. Blocks. Raises StoreError."""
        since = max(self._read_until - _OVERLAP_NS, now - _REMEMBERED_NS)
        found = store.audit_events(AuditQuery(kind=Kind.SESSION_KILLED, since=since, limit=_MOST))
        self._read_until = now
        return [kept.event for kept in reversed(found)]
