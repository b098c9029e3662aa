"""What of a report is of this machine: which hours belong to a day."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from webhook.cli.reporting import day_of


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-10-24", 24), ("2026-10-26", 24)]
)
def test_a_day_has_all_its_hours_where_clocks_are_changed(day: str, hours: int) -> None:
    """Days follow on one another: no hour is in no daily review."""
    begin, end = day_of(day, datetime.now().astimezone())
    assert end - begin == timedelta(hours=hours)
    assert end == day_of(end.date().isoformat(), begin)[0]
    noon = datetime.fromisoformat(f"{end.date()}T12:00").astimezone()
    assert day_of(None, noon) == (begin, end)
