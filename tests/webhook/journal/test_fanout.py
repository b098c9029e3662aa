"""Audit events are safe first; who else hears of them cannot undo or hold up anything."""

from collections.abc import Iterable

import pytest
from told import Kept, event

from webhook.journal.events import AuditEvent
from webhook.journal.fanout import FanOut
from webhook.journal.journal import JournalFullError


class Listens:
    def __init__(self, journal: Kept, error: Exception | None = None) -> None:
        self.heard: list[AuditEvent] = []
        self._journal = journal
        self._error = error

    def offer(self, events: Iterable[AuditEvent]) -> None:
        if self._error is not None:
            raise self._error
        found = list(events)
        assert all(one in self._journal.events for one in found), "told before it was safe"
        self.heard += found


def test_listeners_hear_what_is_safe(caplog: pytest.LogCaptureFixture) -> None:
    journal = Kept()
    listeners = [Listens(journal), Listens(journal, ValueError("4111111111111111")), Listens(journal)]
    FanOut(journal, listeners).note(event())
    assert [len(listener.heard) for listener in listeners] == [1, 0, 1]
    assert "ValueError" in caplog.text
    assert "4111" not in caplog.text


def test_nobody_hears_what_is_not_safe() -> None:
    journal = Kept()
    journal.full = True
    listener = Listens(journal)
    with pytest.raises(JournalFullError):
        FanOut(journal, [listener]).note(event())
    assert listener.heard == []
