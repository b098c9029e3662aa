"""Who hears of what."""

from typing import Final

import msgspec

from sidecar.commands.globs import Glob
from webhook.journal.events import AuditEvent, Kind, Outcome

DEFAULT_KINDS: Final = (
    Kind.APPROVAL_ASKED,
    Kind.APPROVAL_DECIDED,
    Kind.APPROVAL_EXPIRED,
    Kind.BREAK_GLASS,
    Kind.CONTROL_FAILED,
    Kind.INCIDENT,
    Kind.CANARY,
    Kind.SESSION_FINDING,
    Kind.SESSION_LOST,
)
NEVER: Final = frozenset({Kind.DECISION, Kind.RECORD_READ, Kind.NOTIFICATION_SENT, Kind.NOTIFICATION_FAILED})
"""Kinds that nobody can ask to hear of: too many, or about notifications themselves."""


class ReceiverTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one receiver hears, where that differs from what all hear."""

    kinds: tuple[Kind, ...] | None = None
    namespaces: tuple[str, ...] | None = None


class Terms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What receivers hear, and how they are served."""

    kinds: tuple[Kind, ...] = DEFAULT_KINDS
    namespaces: tuple[str, ...] = ()
    """Names with ``*`` and ``?``; all when empty. What belongs to no namespace is heard whatever they are."""
    receivers: dict[str, ReceiverTerms] = {}
    """By the names that receivers have in the Secret."""
    timeout_seconds: float = 10.0
    """How long a receiver may take to accept a connection, and to answer."""
    flood_per_minute: int = 20
    """When there are more of one kind, one summary a minute is sent instead."""

    def __post_init__(self) -> None:
        """Check the kinds. Raises ValueError."""
        asked = {*self.kinds, *(kind for one in self.receivers.values() for kind in one.kinds or ())}
        wrong = sorted(kind.value for kind in asked & NEVER)
        if wrong:
            raise ValueError(f"nobody can be notified of {', '.join(wrong)}")
        if not 0 < self.timeout_seconds <= 60 or self.flood_per_minute < 1:
            raise ValueError("timeout_seconds is at most 60, flood_per_minute at least 1")


class Choice:
    """Tells whether a receiver hears of an event. Breaking the glass is heard by everyone, everywhere;
    of canaries those that died are heard of."""

    def __init__(self, terms: Terms, receiver: str) -> None:
        own = terms.receivers.get(receiver, ReceiverTerms())
        self._kinds = frozenset(terms.kinds if own.kinds is None else own.kinds)
        patterns = terms.namespaces if own.namespaces is None else own.namespaces
        self._namespaces = tuple(Glob(pattern) for pattern in patterns)

    def hears(self, event: AuditEvent) -> bool:
        """Tell it of one event."""
        if event.kind is Kind.BREAK_GLASS:
            return True
        if event.kind not in self._kinds or event.dry_run:
            return False
        if event.kind is Kind.CANARY and event.outcome is Outcome.SUCCESS:
            return False
        namespace = event.where.namespace
        return not (namespace and self._namespaces) or any(glob.fits(namespace) for glob in self._namespaces)
