"""Broken glass is known as such, once."""

from told import event

from webhook.journal.events import Kind, Outcome
from webhook.journal.glass import as_glass

BROKEN = {"break_glass": "true"}


def test_going_on_at_once_is_breaking_the_glass() -> None:
    assert as_glass(event(Kind.DECISION, approval="", details=BROKEN)).kind is Kind.BREAK_GLASS


def test_what_was_told_already_or_was_refused_is_a_decision() -> None:
    for told in (
        event(Kind.DECISION, details=BROKEN),
        event(Kind.DECISION, approval="", details={}),
        event(Kind.DECISION, approval="", details=BROKEN, outcome=Outcome.FAILURE),
    ):
        assert as_glass(told) is told
