"""A container's own program as a state machine: masked like a session, with neither limits nor a record.

It outlives its recorder. Whatever goes wrong here, or when the recorder stops, this ends and says nothing to
the shim, which then hands the descriptors to the next recorder. What a masker holds is not shown then: it may
be half a number.
"""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Final

from sidecar.contract.events import Channel, SessionStart
from sidecar.contract.handshake import Exited, Resized, ShimMessage, finished, go, input_ended
from sidecar.recording import inputs
from sidecar.recording.commands import CloseSink, CloseSource, Command, Deliver, Finish, SetSize, Tell
from sidecar.recording.flow import Flow
from sidecar.recording.masker import Masker
from sidecar.recording.resuming import Resumed
from sidecar.recording.sources import LAST_DELIVERY, REST, Sources

_MISSING: Final = b"chaperone: output is missing here: the recorder was restarted"


class Phase(Enum):
    """Where it is in its life."""

    RUNNING = "running"
    DRAINING = "draining"
    FLUSHING = "flushing"
    OVER = "over"


class Application:
    """Decides what is delivered and waited for. One call of :meth:`handle` per input."""

    blocked: Final = False
    """It waits for no room in the spool."""

    def __init__(
        self,
        *,
        tty: bool,
        columns: int,
        resumed: bool,
        maskers: Mapping[Channel, Callable[[], Masker]],
    ) -> None:
        """Take what makes a masker for each channel; ``resumed`` says that another recorder was there."""
        self._tty = tty
        self._flows = {channel: Flow(channel, new) for channel, new in maskers.items()}
        self._outputs = [flow for flow in self._flows.values() if flow.channel is not Channel.STDIN]
        self._sources = Sources(self._flows.values())
        line = b"\r\n" if tty else b"\n"
        self._resumed = (
            {flow.channel: Resumed(line + _MISSING + line) for flow in self._outputs} if resumed else {}
        )
        for flow in self._outputs:
            flow.resize(columns)
        self._phase = Phase.RUNNING
        self._commands: list[Command] = []
        self._give_up_at: int | None = None
        self._last_word: bytes | None = None

    @property
    def over(self) -> bool:
        """Whether Finish was given."""
        return self._phase is Phase.OVER

    def wants(self, channel: Channel) -> bool:
        """Tell whether a channel's source should be read now."""
        flow = self._flows.get(channel)
        if flow is None or not flow.source_open or flow.congested or flow.resting_until:
            return False
        return self._phase is Phase.RUNNING or (
            self._phase is Phase.DRAINING and channel is not Channel.STDIN
        )

    def start(self, _start: SessionStart | None = None) -> list[Command]:
        """Let the program start, or go on."""
        return [Tell(go())]

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
        if self._give_up_at is not None:
            times.append(self._give_up_at)
        if self._phase is Phase.DRAINING:
            times += self._sources.silences()
        return min(times, default=None)

    def _take(self, happened: inputs.Input) -> None:
        match happened:
            case inputs.Received(at, channel, data):
                self._received(at, self._flows[channel], data)
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
            case inputs.Stopping(at):
                self._stop(at)
            case inputs.Failed():
                self._give_back()
            case inputs.Ticked(at):
                self._ticked(at)
            case _:
                return

    def _do(self, command: Command) -> None:
        self._commands.append(command)

    def _received(self, at: int, flow: Flow, data: bytes) -> None:
        self._sources.heard(at, flow, len(data))
        if flow.channel is Channel.STDIN:
            flow.deliver(len(data))
            self._do(Deliver(flow.channel, data))
            return
        resumed = self._resumed.get(flow.channel)
        self._show(flow, flow.mask(resumed.feed(data) if resumed else data))
        flow.take_findings()

    def _show(self, flow: Flow, masked: bytes) -> None:
        """Deliver; where nobody takes it any more, the program goes on all the same."""
        if masked and flow.sink_open:
            flow.deliver(len(masked))
            self._do(Deliver(flow.channel, masked))

    def _source_ended(self, at: int, flow: Flow) -> None:
        if self._tty and flow.channel is not Channel.STDIN and not self._sources.ended:
            flow.resting_until = at + REST
            return
        self._do(CloseSource(flow.channel))
        flow.source_open = False
        if flow.channel is not Channel.STDIN:
            self._show(flow, flow.flush()[0])
        self._close_exhausted(flow)

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
                for flow in self._outputs:
                    flow.resize(size.cols)
            case Exited() if not self._sources.ended:
                self._last_word = finished()
                self._drain(at)
            case _:
                return

    def _shim_gone(self, at: int) -> None:
        """The shim was killed, and all of the container with it."""
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
            for flow in self._flows.values():
                flow.distrust()
            self._phase = Phase.FLUSHING

    def _give_back(self) -> None:
        for flow in self._flows.values():
            flow.distrust()
        self._finish(None)

    def _ticked(self, at: int) -> None:
        self._sources.wake(at)
        if self._give_up_at is not None and at >= self._give_up_at:
            self._finish(self._last_word)

    def _advance(self, at: int) -> None:
        if self._phase is Phase.DRAINING and self._sources.drained(at):
            self._phase = Phase.FLUSHING
            for flow in self._outputs:
                self._show(flow, flow.flush()[0])
        if self._phase is Phase.FLUSHING and not any(flow.backlog for flow in self._outputs):
            self._finish(self._last_word)

    def _finish(self, packet: bytes | None) -> None:
        if not self.over:
            self._phase = Phase.OVER
            self._do(Finish(packet))
