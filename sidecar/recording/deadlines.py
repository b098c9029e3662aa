"""When a session has to end because of its limits. Times are nanoseconds since it started."""

from typing import Final

from sidecar.contract.events import Ending
from sidecar.contract.grants import Limits

MILLISECOND: Final = 1_000_000
SECOND: Final = 1_000_000_000


class Deadlines:
    """The limits of a session's grant, and how long it may wait for room in the spool."""

    def __init__(self, limits: Limits, spool_patience: int) -> None:
        self._limits = limits
        self._spool_patience = spool_patience
        self._active_at = 0
        self._full_since: int | None = None

    @property
    def blocked(self) -> bool:
        """Whether the session waits for room in the spool."""
        return self._full_since is not None

    def active(self, at: int) -> None:
        """Something was typed, shown or taken."""
        self._active_at = at

    def spool_full(self, at: int) -> None:
        """The spool has no room since now."""
        if self._full_since is None:
            self._full_since = at

    def spool_freed(self, at: int) -> None:
        """The spool has room again; waiting for it was no idling."""
        self._full_since = None
        self._active_at = at

    def expired(self, at: int) -> Ending | None:
        """Give the limit that is reached."""
        return next((how for how, when in self._times() if at >= when), None)

    def next(self) -> list[int]:
        """Give when the limits will be reached if nothing happens."""
        return [when for _, when in self._times()]

    def _times(self) -> list[tuple[Ending, int]]:
        times: list[tuple[Ending, int]] = []
        if self._limits.total_seconds:
            times.append((Ending.TOO_LONG, self._limits.total_seconds * SECOND))
        if self._full_since is not None:
            times.append((Ending.SPOOL_FULL, self._full_since + self._spool_patience))
        elif self._limits.idle_seconds:
            times.append((Ending.IDLE, self._active_at + self._limits.idle_seconds * SECOND))
        return times
