"""When the sources of a program's channels are looked at again, and when they have given all. Pure.

A program that has ended may leave others that hold its output open: then a silence tells that all has come.
"""

from collections.abc import Iterable
from typing import Final

from sidecar.contract.events import Channel
from sidecar.recording.deadlines import MILLISECOND, SECOND
from sidecar.recording.flow import PIPE_BYTES, Flow

QUIET: Final = 250 * MILLISECOND
"""When the main program has ended and something it started holds its output open, a silence ends it."""
QUIET_AFTER_SHIM: Final = 50 * MILLISECOND
"""The same after the shim was killed: nothing orderly can follow."""
CHATTER: Final = 2 * SECOND
"""The same when it is never silent."""
REST: Final = 100 * MILLISECOND
"""A terminal that no program holds open is looked at again after this long."""
LAST_DELIVERY: Final = 2 * SECOND
"""How long the client may take for the last bytes of a session that was ended."""


class Sources:
    """The sources of all channels. Times are nanoseconds since the start."""

    def __init__(self, flows: Iterable[Flow]) -> None:
        self._flows = tuple(flows)
        self._outputs = tuple(flow for flow in self._flows if flow.channel is not Channel.STDIN)
        self._ended_at: int | None = None
        self._quiet = QUIET

    @property
    def ended(self) -> bool:
        """Whether the main program has."""
        return self._ended_at is not None

    def end(self, at: int) -> None:
        """The main program has ended: silence counts from now on."""
        self._ended_at = at
        for flow in self._flows:
            flow.quiet_since = at
            flow.resting_until = 0

    def shim_gone(self) -> None:
        """The shim was killed: a shorter silence will do."""
        self._quiet = QUIET_AFTER_SHIM

    def heard(self, at: int, flow: Flow, count: int) -> None:
        """A source gave so many bytes."""
        flow.quiet_since = at
        flow.after_exit += count if self.ended else 0

    def wake(self, at: int) -> None:
        """End the rest of terminals that rested long enough."""
        for flow in self._flows:
            if flow.resting_until <= at:
                flow.resting_until = 0

    def waking(self) -> list[int]:
        """Give when terminals are looked at again."""
        return [flow.resting_until for flow in self._flows if flow.resting_until]

    def drained(self, at: int, *, blocked: bool = False) -> bool:
        """Tell whether all output has come; ``blocked`` says that none is read just now."""
        return all(self._is_drained(at, flow, blocked=blocked) for flow in self._outputs)

    def silences(self, *, blocked: bool = False) -> list[int]:
        """Give when the silence of each output that could be heard will be long enough."""
        return [
            flow.quiet_since + self._quiet for flow in self._outputs if _is_audible(flow, blocked=blocked)
        ]

    def _is_drained(self, at: int, flow: Flow, *, blocked: bool) -> bool:
        if not flow.source_open:
            return True
        if _is_audible(flow, blocked=blocked) and at >= flow.quiet_since + self._quiet:
            return True
        return flow.after_exit >= PIPE_BYTES and at - (self._ended_at or 0) >= CHATTER


def _is_audible(flow: Flow, *, blocked: bool) -> bool:
    return flow.source_open and not flow.congested and not blocked
