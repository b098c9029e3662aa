"""What to send on one connection, and what the collector's answers mean. Reads the spool, not the network.

A session's frames follow its Open only once the collector said from which number on it wants them. What
is under way is bounded by a window and not kept in memory: it is read from the spool again if need be.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sidecar.contract.errors import CallerError
from sidecar.contract.identifiers import fresh_id
from sidecar.contract.wire import (
    Acknowledged,
    ApprovalDecided,
    Deferred,
    FromCollector,
    FromRecorder,
    Kill,
    Notice,
    NoticeAcknowledged,
    NoticeKind,
    Refused,
    Welcome,
)
from sidecar.shipping.journey import Journey, Window
from sidecar.shipping.layout import leave_decision, order_kill
from sidecar.shipping.notices import NoticeSpool
from sidecar.shipping.quarantine import quarantine
from sidecar.shipping.reader import MissingFramesError, sessions

WINDOW_BYTES: Final = 4 * 1024 * 1024
WINDOW_MESSAGES: Final = 256


@dataclass(frozen=True)
class Surroundings:
    """Clocks, randomness and the log, passed in."""

    monotonic: Callable[[], float]
    """Seconds."""
    sleep: Callable[[float], None]
    unix_ns: Callable[[], int]
    randomness: Callable[[int], bytes]
    log: Callable[[str], None]


class Shipment:
    """The spool's way over one connection, from Welcome until the connection ends."""

    def __init__(self, root: Path, surroundings: Surroundings) -> None:
        self._root = root
        self._around = surroundings
        self._notices = NoticeSpool(root)
        self._notices_sent: set[str] = set()
        self._window = Window(messages=WINDOW_MESSAGES, size=WINDOW_BYTES)
        self._journeys: dict[str, Journey] = {}
        self._turns: deque[str] = deque()
        self.answers = 0
        """How many answers have come."""

    @property
    def settled(self) -> bool:
        """Whether the collector has all that was found in the spool."""
        return not self._notices_sent and all(journey.settled for journey in self._journeys.values())

    @property
    def awaiting(self) -> bool:
        """Whether the collector owes an answer."""
        return bool(self._notices_sent) or any(journey.awaiting for journey in self._journeys.values())

    @property
    def live(self) -> bool:
        """Whether a session goes on that needs the connection, as far as the spool says."""
        return any(journey.reader.needs_connection for journey in self._journeys.values())

    @property
    def full(self) -> bool:
        """Whether nothing can be sent before an acknowledgement."""
        return self._window.full

    def outgoing(self) -> Iterator[FromRecorder]:
        """Give what can be sent now, sessions by turns, one message each."""
        yield from self._new_notices()
        self._discover()
        idle = 0
        while idle < len(self._turns) and not self._window.full:
            name = self._turns[0]
            self._turns.rotate(-1)
            message = self._journeys[name].next_message(self._around.monotonic())
            idle = idle + 1 if message is None else 0
            if message is not None:
                yield message

    def receive(self, message: FromCollector) -> None:
        """Take an answer. Raises CallerError when it makes no sense."""
        self.answers += 1
        match message:
            case Acknowledged(session, next_sequence):
                self._acknowledged(session, next_sequence)
            case NoticeAcknowledged(identifier):
                self._notices.remove(identifier)
                self._notices_sent.discard(identifier)
            case Refused(session, reason):
                self._refused(session, reason)
            case Deferred(session, reason):
                self._around.log(f"session {session} has to wait: {reason!r}")
                if session in self._journeys:
                    self._journeys[session].defer(self._around.monotonic())
            case Kill(session, reason):
                self._kill(session, reason)
            case ApprovalDecided(session) if session in self._journeys:
                leave_decision(self._journeys[session].reader.directory, message)
            case ApprovalDecided():
                pass
            case Welcome():
                raise CallerError("the collector said welcome twice")

    def sweep(self) -> None:
        """Remove the sessions whose records are complete and acknowledged."""
        for session, journey in list(self._journeys.items()):
            if journey.complete:
                self._drop(session)
                journey.reader.remove()

    def _discover(self) -> None:
        for reader in sessions(self._root, known=self._journeys.keys()):
            self._journeys[reader.session] = Journey(reader, self._window)
            self._turns.append(reader.session)

    def _new_notices(self) -> Iterator[Notice]:
        for identifier in self._notices.names():
            if identifier not in self._notices_sent and len(self._notices_sent) < WINDOW_MESSAGES:
                self._notices_sent.add(identifier)
                yield self._notices.load(identifier)

    def _acknowledged(self, session: str, next_sequence: int) -> None:
        journey = self._journeys.get(session)
        if journey is None:
            return
        try:
            journey.acknowledge(next_sequence)
        except MissingFramesError as error:
            self._give_up(session, NoticeKind.RECORD_GAP, str(error))

    def _refused(self, session: str, reason: str) -> None:
        self._around.log(f"the collector refuses the record of session {session}: {reason!r}")
        if session in self._journeys:
            self._set_apart(session, reason)

    def _kill(self, session: str, reason: str) -> None:
        """Leave the order where the session's process looks for it."""
        if session in self._journeys:
            self._around.log(f"session {session} is to be ended: {reason!r}")
            order_kill(self._journeys[session].reader.directory, reason)

    def _give_up(self, session: str, kind: NoticeKind, reason: str) -> None:
        now = self._around.unix_ns()
        identifier = fresh_id(now, self._around.randomness)
        self._notices.add(Notice(identifier, now, kind, session=session, reason=reason))
        self._around.log(reason)
        self._set_apart(session, reason)

    def _set_apart(self, session: str, reason: str) -> None:
        directory = self._journeys[session].reader.directory
        self._drop(session)
        quarantine(directory, reason)

    def _drop(self, session: str) -> None:
        self._journeys.pop(session).forsake()
        self._turns.remove(session)
