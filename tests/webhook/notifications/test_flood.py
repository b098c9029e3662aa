"""Too much becomes one summary, and nothing is told twice or not at all."""

import re

from hypothesis import given
from hypothesis import strategies as st
from told import event

from webhook.journal.events import Kind
from webhook.notifications.flood import WINDOW_SECONDS, Flood
from webhook.notifications.messages import Message, Severity


def summarised(messages: list[Message]) -> int:
    found = [re.match(r"(\d+) more: ", message.title) for message in messages]
    assert all(found)
    return sum(int(match[1]) for match in found if match)


@given(st.lists(st.floats(0, 30), max_size=60), st.integers(1, 5))
def test_each_event_passes_or_is_in_one_summary(gaps: list[float], most: int) -> None:
    flood, now, passed, told = Flood(most), 0.0, 0, 0
    for gap in gaps:
        now += gap
        told += summarised(flood.due(now))
        passed += flood.passes(event(), now)
    told += summarised(flood.due(now, everything=True))
    assert passed + told == len(gaps)


def test_a_flood_that_goes_on_is_one_summary_a_minute() -> None:
    flood, told, passed = Flood(20), 0, 0
    for second in range(600):
        told += len(flood.due(second))
        passed += flood.passes(event(), second)
    assert passed == 20
    assert told == 9
    assert flood.wait(600) == 0.0 or told


def test_after_a_quiet_minute_each_is_told_again() -> None:
    flood = Flood(1)
    assert flood.passes(event(), 0)
    assert not flood.passes(event(), 1)
    assert flood.wait(1) == WINDOW_SECONDS - 1
    assert len(flood.due(WINDOW_SECONDS)) == 1
    assert flood.due(2 * WINDOW_SECONDS) == []
    assert flood.wait(2 * WINDOW_SECONDS) is None
    assert flood.passes(event(), 2 * WINDOW_SECONDS)


def test_kinds_are_counted_apart_and_breaking_the_glass_stays_loud() -> None:
    flood = Flood(1)
    assert flood.passes(event(), 0)
    assert flood.passes(event(Kind.BREAK_GLASS), 0)
    assert not flood.passes(event(Kind.BREAK_GLASS), 0)
    [summary] = flood.due(0, everything=True)
    assert summary.loud
    assert summary.severity is Severity.FAILURE


def test_a_summary_says_who_and_where_and_how_to_see_all() -> None:
    flood = Flood(1)
    for number in range(8):
        flood.passes(event(requester=f"agent-{number % 7}\n@here"), 0)
    [summary] = flood.due(0, everything=True)
    assert summary.title == "7 more: approval asked"
    facts = {fact.label: fact.text for fact in summary.facts}
    assert facts["Namespaces"] == "payments (7)"
    assert facts["By whom"].startswith("agent-1\\n＠here (1)")
    assert facts["By whom"].endswith("and 2 more")
    assert [command.line for command in summary.commands] == ["chaperone approvals list -A"]
