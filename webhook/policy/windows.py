"""Times of the week in a time zone."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from webhook.policy.document import Day, Window

_DAYS = tuple(Day)


class WindowError(ValueError):
    """A window that is refused; the text says why."""


class CompiledWindow:
    """One window."""

    def __init__(self, window: Window) -> None:
        """Compile it. Raises WindowError."""
        try:
            self._zone = ZoneInfo(window.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            message = f"time zone {window.time_zone!r} is not known here; write it as in Europe/Berlin or UTC"
            raise WindowError(message) from None
        self._days = frozenset(_DAYS.index(day) for day in window.days)
        self._from, self._to = _minutes(window.from_), _minutes(window.to)
        if self._from == self._to:
            raise WindowError("it starts and ends at the same time; leave both out for whole days")

    def holds(self, at: int) -> bool:
        """Tell whether a moment (Unix seconds) is inside; the end is not."""
        local = datetime.fromtimestamp(at, UTC).astimezone(self._zone)
        day, minute = local.weekday(), local.hour * 60 + local.minute
        if self._from < self._to:
            return day in self._days and self._from <= minute < self._to
        yesterday = (day - 1) % 7
        return (day in self._days and minute >= self._from) or (yesterday in self._days and minute < self._to)


def _minutes(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)
