"""A container's own program as a state machine: masked and recorded like a session, without limits.

It outlives its recorder. Whatever goes wrong here, or when the recorder stops, this ends and says nothing to
the shim, which then hands the descriptors to the next recorder. What a masker holds is not shown then: it may
be half a number.

What can be typed to, or is to be recorded in full, is recorded with content, and waits while the spool has no
room. Of other programs the record says that they ran and what was found in their output, and nothing of that
ever holds them up.
"""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Final

from sidecar.contract.events import Channel, Ending, Event, Exit, Gap, Resize, SessionStart
from sidecar.contract.handshake import (
    Exited,
    Resized,
    ShimMessage,
    WindowSize,
    finished,
    go,
    input_ended,
)
from sidecar.recording import inputs
from sidecar.recording.accounts import Accounts
from sidecar.recording.commands import (
    CloseSink,
    CloseSource,
    Command,
    Deliver,
    Finish,
    Record,
    Renew,
    SetSize,
    Tell,
)
from sidecar.recording.flow import Flow
from sidecar.recording.masker import Finding, Masker
from sidecar.recording.resuming import Resumed
from sidecar.recording.sources import LAST_DELIVERY, REST, Sources
from sidecar.recording.typed import Typed

SESSION_HOLDS: Final = 64 * 1024 * 1024
"""A program that runs on gets another session after so many bytes of content."""
CONTINUED: Final = "the program runs on, and the next session goes on with it"
_MISSING: Final = b"chaperone: output is missing here: the recorder was restarted"


class Phase(Enum):
    """Where it is in its life."""

    RUNNING = "running"
    DRAINING = "draining"
    FLUSHING = "flushing"
    OVER = "over"


class Application:
    """Decides what is delivered and waited for. One call of :meth:`handle` per input."""

    waits_for_people: Final = False
    """No rule is about it."""

    def __init__(
        self,
        *,
        tty: bool,
        resumed: bool,
        content: bool,
        session_lasts: int,
        maskers: Mapping[Channel, Callable[[], Masker]],
    ) -> None:
        """Take what makes a masker for each channel.

        ``resumed`` says that another recorder was there, ``content`` that what comes and goes is recorded.
        After ``session_lasts`` nanoseconds a program that runs on gets another session: each is sealed
        and removed like others.
        """
        self._tty = tty
        self._content = content
        self._session_lasts = session_lasts
        self._spool_full = False
        self._disbelieved = False
        self._size: WindowSize | None = None
        self._size_due = False
        self._flows = {channel: Flow(channel, new) for channel, new in maskers.items()}
        self._outputs = [flow for flow in self._flows.values() if flow.channel is not Channel.STDIN]
        self._sources = Sources(self._flows.values())
        line = b"\r\n" if tty else b"\n"
        self._resumed = (
            {flow.channel: Resumed(line + _MISSING + line) for flow in self._outputs} if resumed else {}
        )
        self._accounts = Accounts(tuple(self._flows.values()))
        self._input = Typed(self._accounts, resumed=resumed)
        self._ending = (Ending.EXITED, "")
        self._phase = Phase.RUNNING
        self._commands: list[Command] = []
        self._give_up_at: int | None = None
        self._last_word: bytes | None = None

    @property
    def over(self) -> bool:
        """Whether Finish was given."""
        return self._phase is Phase.OVER

    @property
    def blocked(self) -> bool:
        """Whether it stands still, because what would come could not be recorded."""
        return self._spool_full or self._disbelieved

    def wants(self, channel: Channel) -> bool:
        """Tell whether a channel's source should be read now."""
        flow = self._flows.get(channel)
        if flow is None or self.blocked or not flow.source_open or flow.congested or flow.resting_until:
            return False
        return self._phase is Phase.RUNNING or (
            self._phase is Phase.DRAINING and channel is not Channel.STDIN
        )

    def start(self, start: SessionStart) -> list[Command]:
        """Begin the record, then let the program start, or go on."""
        self._size = WindowSize(start.rows, start.cols)
        self._tell_maskers(start.cols)
        return [Record(start), Tell(go())]

    def handle(self, happened: inputs.Input) -> list[Command]:
        """Give what to do about something that happened. Errors of a masker are raised as they are."""
        if self.over:
            return []
        self._commands = []
        self._take(happened)
        self._advance(happened.at)
        return self._commands

    @property
    def deadline(self) -> int | None:
        """When to tick at the latest, if nothing else happens."""
        times = self._sources.waking()
        times += [when for when in (self._give_up_at, self._accounts.deadline) if when is not None]
        if self._phase is Phase.RUNNING and not self.blocked:
            times.append(self._session_lasts)
        if self._phase is Phase.DRAINING:
            times += self._sources.silences(blocked=self.blocked)
        return min(times, default=None)

    def _take(self, happened: inputs.Input) -> None:
        match happened:
            case inputs.Received(at, channel, data, unseen):
                self._received(at, self._flows[channel], data, unseen=unseen)
            case inputs.Delivered(at, channel, count):
                self._flows[channel].delivered(at, count)
                self._close_exhausted(self._flows[channel])
            case inputs.SourceEnded(at, channel):
                self._source_ended(at, self._flows[channel])
            case inputs.SinkBroken(_, channel):
                self._sink_broken(self._flows[channel])
            case inputs.ShimSaid(at, message):
                self._shim_said(at, message)
            case inputs.ShimGone(at):
                self._shim_gone(at)
            case inputs.SpoolFull():
                self._spool_full = self._content
            case inputs.SpoolFreed(at):
                self._spool_freed(at)
            case inputs.Stopping() | inputs.Failed() | inputs.RecordRefused():
                self._recorder_said(happened)
            case inputs.Ticked(at):
                self._ticked(at)
            case _:
                return

    def _do(self, command: Command) -> None:
        self._commands.append(command)

    def _recorder_said(self, happened: inputs.Stopping | inputs.Failed | inputs.RecordRefused) -> None:
        match happened:
            case inputs.Stopping(at):
                self._stop(at)
            case inputs.Failed(at):
                self._give_back(at)
            case inputs.RecordRefused():
                self._disbelieved = self._content

    def _record(self, *events: Event) -> None:
        self._commands += map(Record, events)

    def _received(self, at: int, flow: Flow, data: bytes, *, unseen: bool) -> None:
        self._sources.heard(at, flow, len(data))
        if flow.channel is Channel.STDIN:
            self._typed(at, flow, data, unseen=unseen)
            return
        resumed = self._resumed.get(flow.channel)
        if resumed is not None:
            data = self._resume(at, flow, resumed, data)
        self._show(at, flow, flow.mask(data), flow.take_findings)

    def _resume(self, at: int, flow: Flow, resumed: Resumed, data: bytes) -> bytes:
        was_left_out = resumed.leaves_out
        shown = resumed.feed(data)
        if was_left_out and not resumed.leaves_out:
            self._record(Gap(at, flow.channel, resumed.left_out))
        return shown

    def _typed(self, at: int, flow: Flow, data: bytes, *, unseen: bool) -> None:
        """Pass input on as it is, once it is recorded."""
        if self._content and unseen:
            self._record(*self._input.unseen(at, data))
            flow.backlog += len(data)
        else:
            if self._content:
                self._record(*self._input.seen(at, flow, data))
            flow.deliver(len(data))
        self._do(Deliver(flow.channel, data))

    def _show(self, at: int, flow: Flow, masked: bytes, findings: Callable[[], list[Finding]]) -> None:
        """Record and deliver; where nobody takes it any more, the program goes on all the same."""
        if masked and flow.sink_open:
            if self._content:
                self._record(*flow.data_events(at, masked))
            flow.deliver(len(masked))
            self._do(Deliver(flow.channel, masked))
        self._record(*self._accounts.found(at, flow, findings()))

    def _source_ended(self, at: int, flow: Flow) -> None:
        if self._tty and flow.channel is not Channel.STDIN and not self._sources.ended:
            flow.resting_until = at + REST
            return
        self._do(CloseSource(flow.channel))
        flow.source_open = False
        self._flush(at, flow)
        self._close_exhausted(flow)

    def _flush(self, at: int, flow: Flow) -> None:
        if flow.channel is not Channel.STDIN:
            held, findings = flow.flush()
            self._show(at, flow, held, lambda: findings)
        elif self._content:
            self._record(*self._input.rest(at, flow))

    def _close_exhausted(self, flow: Flow) -> None:
        if flow.source_open or flow.backlog or not flow.sink_open or self._tty:
            return
        flow.sink_open = False
        self._do(CloseSink(flow.channel))
        if flow.channel is Channel.STDIN:
            self._do(Tell(input_ended()))

    def _sink_broken(self, flow: Flow) -> None:
        if not flow.sink_open:
            return
        flow.backlog = 0
        flow.sink_open = False
        self._do(CloseSink(flow.channel))
        if flow.channel is Channel.STDIN and flow.source_open:
            flow.source_open = False
            self._do(CloseSource(flow.channel))
            self._do(Tell(input_ended()))

    def _shim_said(self, at: int, message: ShimMessage) -> None:
        match message:
            case Resized(size):
                self._do(SetSize(size))
                self._resized(at, size)
            case Exited(code, signal) if not self._sources.ended:
                self._last_word = finished()
                self._record(Exit(at, code, signal))
                self._drain(at)
            case _:
                return

    def _resized(self, at: int, size: WindowSize) -> None:
        """Take a size, and record it once there is room, if it is another."""
        known = self._size
        self._size_due |= known is None or (known.rows, known.cols) != (size.rows, size.cols)
        self._size = size
        self._tell_maskers(size.cols)
        if self._size_due and self._content and not self.blocked:
            self._record(Resize(at, size.rows, size.cols))
            self._size_due = False

    def _tell_maskers(self, columns: int) -> None:
        for flow in self._flows.values():
            flow.resize(columns)

    def _spool_freed(self, at: int) -> None:
        self._spool_full = False
        for flow in self._flows.values():
            flow.quiet_since = at
        if self._size is not None:
            self._resized(at, self._size)

    def _shim_gone(self, at: int) -> None:
        """The shim was killed, and all of the container with it."""
        if not self._sources.ended:
            self._ending = (Ending.CLIENT_GONE, "the shim or its container was killed")
        self._sources.shim_gone()
        self._last_word = None
        self._give_up_at = at + LAST_DELIVERY
        if not self._sources.ended:
            self._drain(at)

    def _drain(self, at: int) -> None:
        self._sources.end(at)
        self._phase = Phase.DRAINING

    def _stop(self, at: int) -> None:
        self._give_up_at = self._give_up_at or at + LAST_DELIVERY
        if self._phase is Phase.RUNNING:
            self._ending = (Ending.RECORDER_STOPPED, "the recorder stops, and the program goes on")
            for flow in self._flows.values():
                flow.distrust()
            self._phase = Phase.FLUSHING

    def _give_back(self, at: int) -> None:
        self._ending = (Ending.RECORDER_FAILED, "the recorder failed, and the program goes on with another")
        for flow in self._flows.values():
            flow.distrust()
        self._finish(at, None)

    def _ticked(self, at: int) -> None:
        self._sources.wake(at)
        self._record(*self._accounts.tally(at))
        if self._give_up_at is not None and at >= self._give_up_at:
            self._finish(at, self._last_word)

    def _advance(self, at: int) -> None:
        if self._phase is Phase.RUNNING and not self.blocked and self._is_long(at):
            self._renew(at)
            return
        if self._phase is Phase.DRAINING and self._sources.drained(at, blocked=self.blocked):
            self._phase = Phase.FLUSHING
            for flow in self._outputs:
                self._flush(at, flow)
        if self._phase is Phase.FLUSHING and not any(flow.backlog for flow in self._outputs):
            self._finish(at, self._last_word)

    def _is_long(self, at: int) -> bool:
        return at >= self._session_lasts or (self._content and self._accounts.total >= SESSION_HOLDS)

    def _renew(self, at: int) -> None:
        size = self._size or WindowSize(0, 0)
        self._do(Renew(self._accounts.end(at, Ending.CONTINUED, CONTINUED), size))
        self._accounts.begin_again()

    def _finish(self, at: int, packet: bytes | None) -> None:
        if self.over:
            return
        self._phase = Phase.OVER
        stdin = self._flows.get(Channel.STDIN)
        if stdin is not None:
            self._flush(at, stdin)
        for channel, resumed in self._resumed.items():
            if resumed.leaves_out and resumed.left_out:
                self._record(Gap(at, channel, resumed.left_out))
        self._record(self._accounts.end(at, *self._ending))
        self._do(Finish(packet))
