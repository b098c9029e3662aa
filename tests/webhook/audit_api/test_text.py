"""Short forms."""

import pytest

from webhook.audit_api.objects import duration, rfc3339, unix_nanoseconds
from webhook.audit_api.text import human_duration, short_command

MINUTE = 60
HOUR = 3600
DAY = 86_400


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0s"),
        (0, "0s"),
        (119, "119s"),
        (2 * MINUTE, "2m"),
        (3 * MINUTE + 20, "3m20s"),
        (10 * MINUTE + 5, "10m"),
        (179 * MINUTE, "179m"),
        (3 * HOUR, "3h"),
        (5 * HOUR + 12 * MINUTE, "5h12m"),
        (8 * HOUR + 12 * MINUTE, "8h"),
        (47 * HOUR, "47h"),
        (3 * DAY + 4 * HOUR, "3d4h"),
        (20 * DAY + 4 * HOUR, "20d"),
    ],
)
def test_durations_read_as_kubectl_writes_them(seconds: int, text: str) -> None:
    assert human_duration(seconds * 1_000_000_000) == text


def test_commands_are_shortened_and_harmless() -> None:
    assert short_command(("sh", "-c", "echo \x1b[31m"), 40) == "sh -c echo \\x1b[31m"
    assert short_command(("x" * 50,), 10) == "xxxxxxxxx…"
    assert len(short_command(("\n" * 100,), 10)) == 10


@pytest.mark.parametrize("moment", [0, 1_790_000_000_123_456_000, 999_999_000])
def test_times_come_back_to_the_microsecond(moment: int) -> None:
    assert unix_nanoseconds(rfc3339(moment)) == moment


@pytest.mark.parametrize("text", ["", "yesterday"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="isoformat"):
        unix_nanoseconds(text)


@pytest.mark.parametrize("text", ["2026-03-01", "2026-03-01T00:00:00"])
def test_a_time_has_an_offset(text: str) -> None:
    with pytest.raises(ValueError, match="no offset"):
        unix_nanoseconds(text)


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0s"),
        (61_500_000_000, "61.5s"),
        (-250_000_000, "-0.25s"),
        (30_000_000_000, "30s"),
        (1000, "0.000001s"),
    ],
)
def test_durations_of_the_api(nanoseconds: int, text: str) -> None:
    assert duration(nanoseconds) == text
