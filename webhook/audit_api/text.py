"""Short forms of commands and durations, for the columns of tables."""

from collections.abc import Sequence
from typing import Final

from webhook.replay.safety import printable

_SECOND: Final = 1_000_000_000


def short_command(command: Sequence[str], width: int) -> str:
    """Give a command line in at most ``width`` characters, harmless to a terminal."""
    return shortened(" ".join(command), width)


def shortened(text: str, width: int) -> str:
    """Give a text as one line of at most ``width`` characters, harmless to a terminal."""
    line = printable(text)
    return line if len(line) <= width else line[: width - 1] + "…"


def human_duration(nanoseconds: int) -> str:
    """Give a duration in one or two units, as kubectl does: 45s, 3m20s, 25m, 5h12m, 3d4h, 20d."""
    seconds = max(0, nanoseconds // _SECOND)
    if seconds < 120:
        return f"{seconds}s"
    minutes = seconds // 60
    if minutes < 10:
        return _two(minutes, "m", seconds % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    hours = minutes // 60
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    days = hours // 24
    return _two(days, "d", hours % 24, "h") if days < 8 else f"{days}d"


def _two(first: int, first_unit: str, second: int, second_unit: str) -> str:
    return f"{first}{first_unit}{second}{second_unit}" if second else f"{first}{first_unit}"
