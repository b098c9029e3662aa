"""What every store does with audit events; part of the contract, with its rules (``contract.py``)."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from webhook.journal.events import AuditEvent, Kind, Outcome


class KeptEvent(msgspec.Struct, frozen=True):
    """An audit event, and when the collector took it."""

    event: AuditEvent
    received_at: int
    """Unix nanoseconds on the collector's clock."""

    @property
    def place(self) -> "Place":
        """Where it is in a list."""
        return Place(self.event.at, self.event.id)


class Place(msgspec.Struct, frozen=True, order=True, array_like=True, forbid_unknown_fields=True):
    """Where an event is in a list: events are sorted by their time, and then by id."""

    at: int
    id: str


class AuditQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which audit events; None means any. Newest first."""

    id: str | None = None
    namespace: str | None = None
    """What they are about; nothing for what belongs to the cluster as a whole."""
    kind: Kind | None = None
    outcome: Outcome | None = None
    actor: str | None = None
    """Name of the user who did it."""
    approval: str | None = None
    session: str | None = None
    since: int | None = None
    """Happened at or after, Unix nanoseconds."""
    until: int | None = None
    """Happened before, Unix nanoseconds."""
    text: str | None = None
    """Words and "quoted phrases", as of ``contract.Query``, in :func:`searched_text`."""
    limit: int = 100
    before: Place | None = None
    """Continue after this place: only older events."""


class AuditStore(Protocol):
    """Keeps audit events. Every method may raise StoreError."""

    def record(self, events: Sequence[AuditEvent], *, received_at: int) -> list[AuditEvent]:
        """Make events durable; give those that were not kept before, by their ids.

        What is kept under an id stays as it is. When this raises, some may be kept; sending all again is
        harmless.
        """
        ...

    def audit_events(self, query: AuditQuery) -> list[KeptEvent]:
        """Give at most ``query.limit`` events, newest first. Raises CallerError as ``search`` does."""
        ...

    def audit_events_since(self, *, after: int, namespace: str | None, limit: int) -> list[KeptEvent]:
        """Give events whose ``received_at`` is greater than ``after``, in the order they were received.

        Those that share the last one's time are all given, even beyond ``limit``, so that its time is a place
        to continue from. As with ``changed``, ask again from some seconds back.
        """
        ...


def searched_text(event: AuditEvent) -> str:
    """Give the text of an event that is searched: what was asked, command line, reason and rule."""
    return "\n".join((event.asked, " ".join(event.argv), event.reason, event.policy, event.rule))
