"""Times as people write and read them."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from webhook.audit_api.text import human_duration
from webhook.cli.failures import CliError, ExitCode
from webhook.replay.safety import printable

_AGO: Final = re.compile(r"([0-9]+)([smhdw])")
_SECONDS: Final = re.compile(r"(-?[0-9.]+)s")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_time(text: str, *, option: str, now: datetime) -> datetime:
    """Read ``2h``, ``7d`` (ago), a date or a time; without an offset it is local. Raises CliError."""
    ago = _AGO.fullmatch(text)
    try:
        if ago:
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        message = f"{option} {text!r} is no time; write 2h, 7d, 2026-03-01 or 2026-03-01T09:30"
        raise CliError(message, ExitCode.USAGE) from None


def parse_seconds(text: str, *, option: str) -> int:
    """Read how long something lasts, as in ``30m`` or ``8h``. Raises CliError."""
    found = _AGO.fullmatch(text)
    if found is None:
        raise CliError(f"{option} {text!r} is no duration; write 90s, 30m, 8h or 2d", ExitCode.USAGE)
    return int(timedelta(**{_UNITS[found[2]]: int(found[1])}).total_seconds())


def time_option(option: str, text: str | None, now: datetime) -> str:
    """Give an option's time as the API reads it, nothing when it is not given. Raises CliError."""
    if not text:
        return ""
    moment = parse_time(text, option=option, now=now).astimezone(UTC)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def local(text: str, now: datetime) -> str:
    """Give an API time in the local zone with its age, as in 2026-11-23 02:46:45 CET (3m ago)."""
    moment = datetime.fromisoformat(text).astimezone()
    return f"{moment:%Y-%m-%d %H:%M:%S %Z} ({age(text, now)} ago)"


def age(text: str, now: datetime) -> str:
    """Give how long ago an API time is."""
    return human_duration(int((now - datetime.fromisoformat(text)).total_seconds() * 1e9))


def human(text: str) -> str:
    """Give a duration of the API in a short form; nothing stays nothing."""
    seconds = _SECONDS.fullmatch(text)
    if seconds is None:
        return printable(text)
    nanoseconds = int(float(seconds[1]) * 1e9)
    return f"{nanoseconds / 1e9:.2g}s" if nanoseconds < 10_000_000_000 else human_duration(nanoseconds)
