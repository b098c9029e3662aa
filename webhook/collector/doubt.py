"""Whether the clock may be believed that says what is too old. Pure.

A clock that jumps a year ahead would make everything old. So two others are asked that know nothing of it:
how much time has passed since this process began, and what time it is for the API server.
"""

from collections.abc import Callable
from typing import Final

_DAY: Final = 24 * 3600 * 1_000_000_000


class Doubt:
    """Compares a clock with others; all give nanoseconds."""

    def __init__(
        self, clock: Callable[[], int], passed: Callable[[], int], elsewhere: Callable[[], int | None]
    ) -> None:
        """``clock`` is the one in question and ``elsewhere`` another one, both since 1970.

        ``passed`` grows with time alone, from wherever. ``elsewhere`` gives None where it does not know, and
        may raise ClusterError.
        """
        self._clock = clock
        self._passed = passed
        self._elsewhere = elsewhere
        self._offset = clock() - passed()

    def reason(self) -> str | None:
        """Say why the clock is not to be believed; None when it is. May block. Raises ClusterError."""
        ahead = self._clock() - self._passed() - self._offset
        if ahead > _DAY:
            return f"this collector's clock went {_days(ahead)} ahead of the time that passed"
        there = self._elsewhere()
        if there is not None and self._clock() - there > _DAY:
            return f"this collector's clock is {_days(self._clock() - there)} ahead of the API server's"
        return None


def _days(nanoseconds: int) -> str:
    days = nanoseconds // _DAY
    return f"{days} day{'s' if days > 1 else ''}"
