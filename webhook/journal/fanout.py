"""Tells others of audit events once they are safe: people, the cluster's own events, metrics."""

import logging
from collections.abc import Iterable
from typing import Protocol

from webhook.journal.events import AuditEvent
from webhook.journal.journal import Journal

_log = logging.getLogger(__name__)


class Listener(Protocol):
    """Is told of audit events. From any thread; quick, does not wait and does not raise."""

    def offer(self, events: Iterable[AuditEvent]) -> None:
        """Take note of some."""
        ...


class FanOut:
    """A journal that notes in the durable one first and then offers to listeners.

    What listeners make of an event never decides whether it is kept, nor whether what it is about may happen.
    """

    def __init__(self, journal: Journal, listeners: Iterable[Listener]) -> None:
        self._journal = journal
        self._listeners = tuple(listeners)

    def note(self, event: AuditEvent) -> None:
        """Take one. Raises JournalFullError, and then nobody is told."""
        self._journal.note(event)
        tell(self._listeners, (event,))


def tell(listeners: Iterable[Listener], events: Iterable[AuditEvent]) -> None:
    """Offer events that are safe already. A listener that raises is a bug of its own: the others are told."""
    found = tuple(events)
    for listener in listeners:
        try:
            listener.offer(found)
        except Exception as error:  # noqa: BLE001  whoever it is, the event is kept and the others hear of it
            _log.error("listener %s failed (%s)", type(listener).__name__, type(error).__name__)
