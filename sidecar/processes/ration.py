"""So many of something per minute, and no more."""

from collections import deque

_SECONDS = 60.0


class Ration:
    """Counts what was had in the last minute. Times are seconds on a clock that never goes back."""

    def __init__(self, per_minute: int) -> None:
        self._had: deque[float] = deque(maxlen=per_minute)

    def is_left(self, now: float) -> bool:
        """Tell whether one more may be had."""
        full = len(self._had) == self._had.maxlen
        return not full or now - self._had[0] > _SECONDS

    def take(self, now: float) -> None:
        """Have one."""
        self._had.append(now)
