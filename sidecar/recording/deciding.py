"""What rules, and people, decide inside a session: about programs, and lines typed at its terminal. Pure.

Methods give what is to be done; with ``wait`` nothing can be recorded just now, and nothing is decided.
"""

from typing import TYPE_CHECKING

from sidecar.contract.events import Ending
from sidecar.contract.handshake import Executed, Untraced
from sidecar.recording.commands import Command
from sidecar.recording.flow import Flow
from sidecar.recording.inputs import Decided, Received
from sidecar.recording.lines import Lines
from sidecar.recording.programs import Programs
from sidecar.recording.streams import Streams

if TYPE_CHECKING:
    from sidecar.recording.entering import Entering


class Deciding:
    """Programs, and typing where rules are about that."""

    def __init__(self, programs: Programs, streams: Streams, lines: Lines | None) -> None:
        """``lines`` judges what is typed at a terminal, where rules are about that."""
        self.programs = programs
        self._streams = streams
        self._lines = lines
        self._entering: Entering | None = None

    def begin_typing(self, *, rows: int, cols: int) -> None:
        """The session has a terminal of this size in cells."""
        if self._lines is not None:
            from sidecar.recording.entering import Entering  # noqa: PLC0415  few want a terminal emulator

            self._entering = Entering(self._lines, self._streams, rows=rows, cols=cols)

    def end_typing(self) -> None:
        """Nothing more is entered; what waits is dropped."""
        self._entering = None

    @property
    def asks_about_lines(self) -> bool:
        """Whether lines are judged at a terminal."""
        return self._entering is not None

    @property
    def holds_input(self) -> bool:
        """Whether no input is taken, because some of it waits."""
        return self._entering is not None and self._entering.waits

    def shown(self, at: int, data: bytes) -> None:
        """Take what the terminal shows, as it came."""
        if self._entering:
            self._entering.shown(at, data)

    def typed(self, at: int, flow: Flow, received: Received) -> list[Command]:
        """Take input."""
        if self._entering:
            return self._entering.typed(at, received.data, unseen=received.unseen, erase=received.erase)
        return self._streams.typed(at, flow, received.data, unseen=received.unseen)

    def resize(self, rows: int, cols: int) -> None:
        """The terminal has another size."""
        if self._entering:
            self._entering.resize(rows, cols)

    @property
    def end(self) -> tuple[Ending, str] | None:
        """How the session must end; None while it may go on."""
        return self.programs.end or (self._entering.end if self._entering else None)

    @property
    def waits_for_people(self) -> bool:
        """Whether somebody has to decide about something."""
        lines_wait = self._entering is not None and self._entering.waits_for_people
        return lines_wait or self.programs.deadline is not None

    def deadlines(self, *, wait: bool) -> list[int]:
        """Give when to look again at the latest."""
        entering = self._entering.deadline if self._entering else None
        return [] if wait else [when for when in (self.programs.deadline, entering) if when is not None]

    def take_notice(self) -> str:
        """Give the line for whoever runs the session, once; nothing where there is none."""
        return self.programs.take_notice() or (self._entering.take_notice() if self._entering else "")

    def asked(self, at: int, message: Executed | Untraced, *, wait: bool) -> list[Command]:
        """Answer the shim. Raises HandshakeError."""
        return self.programs.asked(at, message, wait=wait)

    def decided(self, at: int, decided: Decided, *, wait: bool) -> list[Command]:
        """Go on with what somebody has decided about."""
        commands = self.programs.decided(at, decided, wait=wait)
        return commands + (self._entering.decided(at, decided) if self._entering else [])

    def expire(self, at: int, *, wait: bool) -> list[Command]:
        """Give up on what waited long enough, and look at lines that are shown by now."""
        commands = self.programs.expire(at, wait=wait)
        return commands + (self._entering.expire(at) if self._entering and not wait else [])

    def go_on(self, at: int) -> list[Command]:
        """Go on where something had to wait: the spool has room."""
        return self.programs.go_on(at) + (self._entering.expire(at) if self._entering else [])
