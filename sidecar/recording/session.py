"""The life of one session.

::

    RUNNING --main program ended--> DRAINING --all output read--> FLUSHING --all delivered--> OVER
       |                                ^
       +--limit, failure, stop--> ENDING --main program ended, or it took too long

Output is read only while the client takes it and the spool has room, so memory stays bounded, and it is
recorded before it is delivered. Input goes to the program as it came and is recorded masked, but for what is
typed unseen, of which only that it was typed. Every program
that starts inside waits until it is recorded, one at a time, so that a flood of them holds itself back.
"""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Final

from sidecar.contract.events import (
    Channel,
    Ending,
    Exit,
    Resize,
    SessionStart,
)
from sidecar.contract.grants import Limits
from sidecar.contract.handshake import (
    Executed,
    Exited,
    Resized,
    ShimMessage,
    Untraced,
    WindowSize,
    finished,
    terminate,
)
from sidecar.recording import inputs
from sidecar.recording.commands import CloseSink, CloseSource, Command, Finish, Record, SetSize, Tell
from sidecar.recording.deadlines import SECOND, Deadlines
from sidecar.recording.deciding import Deciding
from sidecar.recording.endings import MUTING, RECORD_REFUSED, end_event, reason_for, signal_for
from sidecar.recording.flow import Flow
from sidecar.recording.lines import Lines
from sidecar.recording.masker import Masker
from sidecar.recording.programs import Programs
from sidecar.recording.sources import LAST_DELIVERY, REST
from sidecar.recording.streams import Streams

OBEDIENCE: Final = 5 * SECOND
"""The shim answers an order to end the session within this time: it kills after two seconds."""


class Phase(Enum):
    """Where in its life a session is."""

    RUNNING = "running"
    ENDING = "ending"
    DRAINING = "draining"
    FLUSHING = "flushing"
    OVER = "over"


class Session:
    """Decides what is recorded, delivered and waited for. One call of :meth:`handle` per input."""

    def __init__(
        self,
        *,
        tty: bool,
        limits: Limits,
        maskers: Mapping[Channel, Callable[[], Masker]],
        programs: Programs,
        spool_patience: int,
        lines: Lines | None = None,
    ) -> None:
        """Take what makes a masker for each channel there is; ``spool_patience`` is in nanoseconds.

        ``lines`` judges what is typed at the terminal, where rules are about that.
        """
        self._tty = tty
        self._limits = limits
        self._streams = Streams(maskers, tty=tty, output_bytes=limits.output_bytes)
        self._sources = self._streams.sources
        self._deadlines = Deadlines(limits, spool_patience)
        self._phase = Phase.RUNNING
        self._commands: list[Command] = []
        self._give_up_at: int | None = None
        self._last_word: bytes | None = None
        self._ending: tuple[Ending, str] | None = None
        self._size: WindowSize | None = None
        self._size_due = False
        self._deciding = Deciding(programs, self._streams, lines)

    @property
    def over(self) -> bool:
        """Whether Finish was given."""
        return self._phase is Phase.OVER

    @property
    def blocked(self) -> bool:
        """Whether the session waits for room in the spool."""
        return self._deadlines.blocked

    @property
    def waits_for_people(self) -> bool:
        """Whether somebody has to decide about something in it."""
        return self._deciding.waits_for_people

    def wants(self, channel: Channel) -> bool:
        """Tell whether a channel's source should be read now."""
        flow = self._streams.get(channel)
        if flow is None or self.blocked or not flow.source_open or flow.congested or flow.resting_until:
            return False
        if channel is Channel.STDIN:
            return self._phase is Phase.RUNNING and not self._deciding.holds_input
        if self._phase is Phase.ENDING:
            return not self._muted
        return self._phase in {Phase.RUNNING, Phase.DRAINING}

    def start(self, start: SessionStart) -> list[Command]:
        """Begin the record, then let the program start."""
        self._size = WindowSize(start.rows, start.cols)
        self._streams.resize(start.cols)
        if self._tty:
            self._deciding.begin_typing(rows=start.rows, cols=start.cols)
        return [Record(start), *self._deciding.programs.begin()]

    def handle(self, happened: inputs.Input) -> list[Command]:
        """Give what to do about something that happened. Errors of a masker are raised as they are."""
        if self.over:
            return []
        self._commands = []
        self._take(happened)
        self._advance(happened.at)
        return self._commands

    def _take(self, happened: inputs.Input) -> None:
        match happened:
            case inputs.Received(at, channel):
                self._received(at, self._streams[channel], happened)
            case inputs.Delivered(at, channel, count):
                self._deadlines.active(at)
                self._commands += self._streams.delivered(at, self._streams[channel], count)
            case inputs.SourceEnded(at, channel):
                self._source_ended(at, self._streams[channel])
            case inputs.SinkBroken(at, channel):
                self._sink_broken(at, self._streams[channel])
            case inputs.ShimSaid(at, message):
                self._shim_said(at, message)
            case inputs.ShimGone(at):
                self._shim_gone(at)
            case inputs.SpoolFull(at):
                self._deadlines.spool_full(at)
            case inputs.SpoolFreed(at):
                self._spool_freed(at)
            case inputs.Decided(at):
                self._go_on_with(at, self._deciding.decided(at, happened, wait=self._must_wait))
            case inputs.Ticked(at):
                self._ticked(at)
            case _:
                self._take_order(happened)

    def _take_order(self, order: inputs.Order) -> None:
        match order:
            case inputs.Stopping(at):
                self._stopping(at)
            case inputs.RecordRefused(at):
                self._end(at, Ending.RECORDER_FAILED, RECORD_REFUSED)
            case inputs.Killed(at, reason):
                self._end(at, Ending.KILLED, reason)
            case inputs.Failed(at):
                self._failed(at)

    @property
    def _muted(self) -> bool:
        return self._ending is not None and self._ending[0] in MUTING

    def _go_on_with(self, at: int, commands: list[Command]) -> None:
        """Do what is to be done about what was decided, and say so where something does not go on."""
        self._commands += commands
        self._say(at, self._deciding.take_notice())
        if self._deciding.end and self._ending is None:
            self._end(at, *self._deciding.end)

    def _say(self, at: int, notice: str) -> None:
        if not notice or self._phase is not Phase.RUNNING:
            return
        channel, end = (Channel.STDOUT, "\r\n") if self._tty else (Channel.STDERR, "\n")
        line = f"{end if self._deciding.asks_about_lines else ''}chaperone: {notice}{end}".encode()
        self._deciding.shown(at, line)
        self._commands += self._streams.shown(at, self._streams[channel], line)
        self._end_at_limits(at)

    @property
    def _must_wait(self) -> bool:
        failed = self._ending is not None and self._ending[0] is Ending.RECORDER_FAILED
        return self.blocked or failed

    def _do(self, command: Command) -> None:
        self._commands.append(command)

    def _received(self, at: int, flow: Flow, received: inputs.Received) -> None:
        self._sources.heard(at, flow, len(received.data))
        self._deadlines.active(at)
        if flow.channel is Channel.STDIN:
            self._go_on_with(at, self._deciding.typed(at, flow, received))
        else:
            self._deciding.shown(at, received.data)
            self._commands += self._streams.shown(at, flow, received.data)
        self._end_at_limits(at)

    def _end_at_limits(self, at: int) -> None:
        """End the session where a limit is reached, once all that led to it is recorded."""
        if self._streams.output_cut and self._ending is None:
            self._end(at, Ending.TOO_MUCH)
        elif self._phase is Phase.RUNNING and 0 < self._limits.findings <= self._streams.findings.total():
            self._end(at, Ending.TOO_MANY_FINDINGS)

    def _source_ended(self, at: int, flow: Flow) -> None:
        if self._tty and flow.channel is Channel.STDIN:
            self._end(at, Ending.CLIENT_GONE)
        elif self._tty and not self._sources.ended:
            flow.resting_until = at + REST
        else:
            self._do(CloseSource(flow.channel))
            flow.source_open = False
            self._commands += self._streams.flush(at, flow)
            self._commands += self._streams.close_exhausted(flow)
            self._end_at_limits(at)

    def _sink_broken(self, at: int, flow: Flow) -> None:
        flow.backlog = 0
        if flow.channel is not Channel.STDIN:
            flow.sink_open = False
            self._end(at, Ending.CLIENT_GONE)
        elif not self._tty:
            self._do(CloseSink(flow.channel))
            flow.sink_open = False
            if flow.source_open:
                self._source_ended(at, flow)

    def _shim_said(self, at: int, message: ShimMessage) -> None:
        match message:
            case Resized(size):
                self._do(SetSize(size))
                self._resized(at, size)
            case Executed() | Untraced():
                self._go_on_with(at, self._deciding.asked(at, message, wait=self._must_wait))
            case Exited(code, signal) if not self._sources.ended:
                self._last_word = finished()
                self._do(Record(Exit(at, code, signal)))
                self._drain(at, Phase.FLUSHING if self._muted else Phase.DRAINING)
            case _:
                return

    def _resized(self, at: int, size: WindowSize) -> None:
        known = self._size
        self._size_due = known is None or (known.rows, known.cols) != (size.rows, size.cols) or self._size_due
        self._size = size
        self._streams.resize(size.cols)
        self._deciding.resize(size.rows, size.cols)
        if self._size_due and not self.blocked:
            self._do(Record(Resize(at, size.rows, size.cols)))
            self._size_due = False

    def _spool_freed(self, at: int) -> None:
        self._deadlines.spool_freed(at)
        self._streams.begin_silence(at)
        if self._size is not None:
            self._resized(at, self._size)
        if not self._must_wait:
            self._go_on_with(at, self._deciding.go_on(at))

    def _drain(self, at: int, phase: Phase) -> None:
        self._deciding.end_typing()
        self._sources.end(at)
        self._phase = phase
        self._give_up_at = at + LAST_DELIVERY if self._ending else None

    def _shim_gone(self, at: int) -> None:
        self._sources.shim_gone()
        if not self._sources.ended:
            self._ending = self._ending or (Ending.CLIENT_GONE, "the shim or its container was killed")
            self._drain(at, Phase.DRAINING)
        self._give_up_at = at + LAST_DELIVERY

    def _stopping(self, at: int) -> None:
        if self._phase is Phase.RUNNING:
            self._end(at, Ending.RECORDER_STOPPED)
        elif self._give_up_at is None:
            self._give_up_at = at + LAST_DELIVERY

    def _failed(self, at: int) -> None:
        self._streams.distrust()
        self._end(at, Ending.RECORDER_FAILED)

    def _end(self, at: int, how: Ending, reason: str = "") -> None:
        self._ending = self._ending or (how, reason or reason_for(how, self._limits))
        if self._phase is Phase.RUNNING:
            self._deciding.end_typing()
            self._phase = Phase.ENDING
            self._give_up_at = at + OBEDIENCE
            self._do(Tell(terminate(signal_for(tty=self._tty), self._ending[1])))
        elif self._phase is not Phase.ENDING:
            self._finish(at)

    def _ticked(self, at: int) -> None:
        self._sources.wake(at)
        if self.waits_for_people:
            self._deadlines.active(at)
        self._go_on_with(at, self._deciding.expire(at, wait=self._must_wait))
        expired = self._deadlines.expired(at)
        if self._give_up_at is not None and at >= self._give_up_at:
            self._finish(at)
        elif expired is not None and self._phase is not Phase.ENDING:
            self._end(at, expired)

    @property
    def deadline(self) -> int | None:
        """When to tick at the latest, if nothing else happens."""
        times = self._sources.waking()
        if self._give_up_at is not None:
            times.append(self._give_up_at)
        if self._phase is not Phase.ENDING:
            times += self._deadlines.next()
            times += self._deciding.deadlines(wait=self._must_wait)
        if self._phase is Phase.DRAINING:
            times += self._sources.silences(blocked=self.blocked)
        return min(times, default=None)

    def _advance(self, at: int) -> None:
        if self._phase is Phase.DRAINING and self._sources.drained(at, blocked=self.blocked):
            self._phase = Phase.FLUSHING
            for flow in self._streams.outputs:
                self._commands += self._streams.flush(at, flow)
            self._end_at_limits(at)
        if self._phase is Phase.FLUSHING and not any(flow.backlog for flow in self._streams.outputs):
            self._finish(at)

    def _finish(self, at: int) -> None:
        if self.over:
            return
        self._phase = Phase.OVER
        stdin = self._streams.get(Channel.STDIN)
        if stdin is not None:
            self._commands += self._streams.flush(at, stdin)
        self._do(Record(end_event(at, self._ending, self._streams, self._deciding.programs.count)))
        self._do(Finish(self._last_word))
