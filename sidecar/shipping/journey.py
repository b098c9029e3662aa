"""One session's way over one connection.

::

    NEW --Open sent--> OPENING --Acknowledged--> FLOWING
     ^                    |
     |                 Deferred
     +--after a while-- DEFERRED
"""

from collections import deque
from enum import Enum
from typing import Final

from sidecar.contract.errors import CallerError
from sidecar.contract.wire import ApprovalWanted, Frames, Open
from sidecar.shipping.layout import wanted_approval
from sidecar.shipping.reader import SessionReader

DEFERRED_SECONDS: Final = 60.0


class Window:
    """How much may be under way on a connection before the collector acknowledges some of it."""

    def __init__(self, *, messages: int, size: int) -> None:
        self._messages = messages
        self._bytes = size

    @property
    def full(self) -> bool:
        """Whether nothing more may be sent now."""
        return self._messages <= 0 or self._bytes <= 0

    def take(self, size: int) -> None:
        """Count a message of ``size`` bytes as under way."""
        self._messages -= 1
        self._bytes -= size

    def give_back(self, size: int) -> None:
        """Count it as arrived, or as no longer awaited."""
        self._messages += 1
        self._bytes += size


class _Phase(Enum):
    NEW = "new"
    OPENING = "opening"
    FLOWING = "flowing"
    DEFERRED = "deferred"


class Journey:
    """What to send for one session, and what answers to it mean."""

    def __init__(self, reader: SessionReader, window: Window) -> None:
        self.reader = reader
        self._window = window
        self._phase = _Phase.NEW
        self._acknowledged = 0
        self._retry_at = 0.0
        self._asked = ""
        self._under_way: deque[tuple[int, int]] = deque()
        """Of each message sent and not acknowledged: the number after its last frame, and its bytes."""

    @property
    def settled(self) -> bool:
        """Whether the collector has all that was read."""
        return self._phase is _Phase.FLOWING and not self._under_way

    @property
    def awaiting(self) -> bool:
        """Whether the collector owes an answer."""
        return bool(self._under_way)

    @property
    def complete(self) -> bool:
        """Whether the whole record is acknowledged."""
        return self.settled and self.reader.complete(self._acknowledged)

    def next_message(self, now: float) -> Open | Frames | ApprovalWanted | None:
        """Give what to send next; ``now`` is in seconds on the clock of :meth:`defer`."""
        reader = self.reader
        if self._phase is _Phase.DEFERRED and now >= self._retry_at:
            self._phase = _Phase.NEW
        if self._phase is _Phase.NEW:
            self._phase = _Phase.OPENING
            self._send(0, len(reader.grant))
            return Open(reader.session, reader.grant)
        frames = reader.read() if self._phase is _Phase.FLOWING else ()
        if not frames:
            return self._wanted() if self._phase is _Phase.FLOWING else None
        self._send(frames[-1].sequence + 1, sum(len(frame.payload) for frame in frames))
        return Frames(reader.session, frames)

    def acknowledge(self, next_sequence: int) -> None:
        """Take an answer. Raises MissingFramesError, and CallerError when it makes no sense."""
        if self._phase is _Phase.FLOWING and next_sequence > self._acknowledged:
            while self._under_way and self._under_way[0][0] <= next_sequence:
                self._window.give_back(self._under_way.popleft()[1])
        elif self._phase is _Phase.OPENING or next_sequence == self._acknowledged:
            self.forsake()
            self._phase = _Phase.FLOWING
            self.reader.seek(next_sequence)
        else:
            raise CallerError(f"session {self.reader.session}: an acknowledgement was taken back")
        self._acknowledged = next_sequence
        self.reader.forget(next_sequence)

    def defer(self, now: float) -> None:
        """Wait before opening the session again."""
        self.forsake()
        self._phase = _Phase.DEFERRED
        self._retry_at = now + DEFERRED_SECONDS

    def forsake(self) -> None:
        """Wait no longer for what is under way."""
        while self._under_way:
            self._window.give_back(self._under_way.popleft()[1])

    def _wanted(self) -> ApprovalWanted | None:
        """Give the approval that a program waits for, once on this connection."""
        wanted = wanted_approval(self.reader.directory)
        if wanted is None or wanted.approval == self._asked:
            return None
        self._asked = wanted.approval
        return wanted

    def _send(self, end: int, size: int) -> None:
        self._window.take(size)
        self._under_way.append((end, size))
