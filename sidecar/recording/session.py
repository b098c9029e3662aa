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

from collections import Counter
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Final

from sidecar.contract.events import (
    MAX_FOUND_EVENTS,
    Channel,
    End,
    Ending,
    Event,
    Exit,
    Redacted,
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
    go,
    terminate,
)
from sidecar.recording import inputs
from sidecar.recording.commands import CloseSink, CloseSource, Command, Deliver, Finish, Record, SetSize, Tell
from sidecar.recording.deadlines import SECOND, Deadlines
from sidecar.recording.endings import MUTING, RECORD_REFUSED, reason_for, signal_for
from sidecar.recording.flow import Flow
from sidecar.recording.masker import Finding, Masker
from sidecar.recording.programs import Programs
from sidecar.recording.sources import LAST_DELIVERY, REST, Sources

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
    ) -> None:
        """Take what makes a masker for each channel there is; ``spool_patience`` is in nanoseconds."""
        self._tty = tty
        self._limits = limits
        self._flows = {channel: Flow(channel, new) for channel, new in maskers.items()}
        self._outputs = [flow for flow in self._flows.values() if flow.channel is not Channel.STDIN]
        self._sources = Sources(self._flows.values())
        self._deadlines = Deadlines(limits, spool_patience)
        self._phase = Phase.RUNNING
        self._commands: list[Command] = []
        self._give_up_at: int | None = None
        self._last_word: bytes | None = None
        self._ending: tuple[Ending, str] | None = None
        self._size: WindowSize | None = None
        self._size_due = False
        self._redacting = False
        self._findings: Counter[str] = Counter()
        self._output_cut = False
        self._programs = programs

    @property
    def over(self) -> bool:
        """Whether Finish was given."""
        return self._phase is Phase.OVER

    @property
    def blocked(self) -> bool:
        """Whether the session waits for room in the spool."""
        return self._deadlines.blocked

    def wants(self, channel: Channel) -> bool:
        """Tell whether a channel's source should be read now."""
        flow = self._flows.get(channel)
        if flow is None or self.blocked or not flow.source_open or flow.congested or flow.resting_until:
            return False
        if channel is Channel.STDIN:
            return self._phase is Phase.RUNNING
        if self._phase is Phase.ENDING:
            return not self._muted
        return self._phase in {Phase.RUNNING, Phase.DRAINING}

    def start(self, start: SessionStart) -> list[Command]:
        """Begin the record, then let the program start."""
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

    def _take(self, happened: inputs.Input) -> None:
        match happened:
            case inputs.Received(at, channel, data, unseen):
                self._received(at, self._flows[channel], data, unseen=unseen)
            case inputs.Delivered(at, channel, count):
                self._delivered(at, self._flows[channel], count)
            case inputs.SourceEnded(at, channel):
                self._source_ended(at, self._flows[channel])
            case inputs.SinkBroken(at, channel):
                self._sink_broken(at, self._flows[channel])
            case inputs.ShimSaid(at, message):
                self._shim_said(at, message)
            case inputs.ShimGone(at):
                self._shim_gone(at)
            case inputs.SpoolFull(at):
                self._deadlines.spool_full(at)
            case inputs.SpoolFreed(at):
                self._spool_freed(at)
            case inputs.Decided(at):
                self._go_on_with(at, self._programs.decided(at, happened, wait=self._programs_wait))
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
        """Do what is to be done about a program, and say on the session where it has to wait."""
        self._commands += commands
        notice = self._programs.take_notice()
        if notice and self._phase is Phase.RUNNING:
            flow, ending = (Channel.STDOUT, "\r\n") if self._tty else (Channel.STDERR, "\n")
            line = f"chaperone: {notice}{ending}".encode()
            self._received(at, self._flows[flow], line, unseen=False)
        if self._programs.end and self._ending is None:
            self._end(at, *self._programs.end)

    @property
    def _programs_wait(self) -> bool:
        failed = self._ending is not None and self._ending[0] is Ending.RECORDER_FAILED
        return self.blocked or failed

    def _do(self, command: Command) -> None:
        self._commands.append(command)

    def _record(self, event: Event) -> None:
        self._commands.append(Record(event))

    def _received(self, at: int, flow: Flow, data: bytes, *, unseen: bool) -> None:
        self._sources.heard(at, flow, len(data))
        self._deadlines.active(at)
        if unseen:
            self._redact(at, flow, data)
            return
        self._redacting = False
        masked = flow.mask(data)
        if flow.channel is Channel.STDIN:
            self._record_data(at, flow, masked)
            flow.deliver(len(data))
            self._do(Deliver(flow.channel, data))
        else:
            self._deliver(at, flow, masked)
        self._record_findings(at, flow, flow.take_findings())
        self._end_at_limits(at)

    def _redact(self, at: int, flow: Flow, data: bytes) -> None:
        """Let a secret pass, and say once for each line that there was one."""
        if not self._redacting:
            self._record(Redacted(at))
        self._redacting = not data.endswith((b"\r", b"\n"))
        flow.backlog += len(data)
        self._do(Deliver(flow.channel, data))

    def _deliver(self, at: int, flow: Flow, masked: bytes) -> None:
        room = self._output_left()
        shown = masked if room is None else masked[:room]
        if shown and flow.sink_open:
            self._record_data(at, flow, shown)
            flow.deliver(len(shown))
            self._do(Deliver(flow.channel, shown))
        self._output_cut |= len(shown) < len(masked)

    def _end_at_limits(self, at: int) -> None:
        """End the session where a limit is reached, once all that led to it is recorded."""
        if self._output_cut and self._ending is None:
            self._end(at, Ending.TOO_MUCH)
        elif self._phase is Phase.RUNNING and 0 < self._limits.findings <= self._findings.total():
            self._end(at, Ending.TOO_MANY_FINDINGS)

    def _output_left(self) -> int | None:
        if not self._limits.output_bytes:
            return None
        return max(0, self._limits.output_bytes - sum(flow.total for flow in self._outputs))

    def _record_data(self, at: int, flow: Flow, masked: bytes) -> None:
        for event in flow.data_events(at, masked):
            self._record(event)

    def _record_findings(self, at: int, flow: Flow, findings: list[Finding]) -> None:
        for finding in findings:
            if self._findings.total() < MAX_FOUND_EVENTS:
                self._record(flow.found_event(at, finding))
            self._findings[f"{finding.rule}/{finding.brand}"] += 1

    def _delivered(self, at: int, flow: Flow, count: int) -> None:
        self._deadlines.active(at)
        flow.delivered(at, count)
        self._close_exhausted(flow)

    def _close_exhausted(self, flow: Flow) -> None:
        if flow.sink_open and not flow.source_open and not flow.backlog and not self._tty:
            flow.sink_open = False
            self._do(CloseSink(flow.channel))

    def _source_ended(self, at: int, flow: Flow) -> None:
        if self._tty and flow.channel is Channel.STDIN:
            self._client_gone(at)
        elif self._tty and not self._sources.ended:
            flow.resting_until = at + REST
        else:
            self._do(CloseSource(flow.channel))
            flow.source_open = False
            self._flush(at, flow)
            self._close_exhausted(flow)
            self._end_at_limits(at)

    def _flush(self, at: int, flow: Flow) -> None:
        held, findings = flow.flush()
        if flow.channel is Channel.STDIN:
            self._record_data(at, flow, held)
        else:
            self._deliver(at, flow, held)
        self._record_findings(at, flow, findings)

    def _sink_broken(self, at: int, flow: Flow) -> None:
        flow.backlog = 0
        if flow.channel is not Channel.STDIN:
            flow.sink_open = False
            self._client_gone(at)
        elif not self._tty:
            self._do(CloseSink(flow.channel))
            flow.sink_open = False
            if flow.source_open:
                self._source_ended(at, flow)

    def _client_gone(self, at: int) -> None:
        self._end(at, Ending.CLIENT_GONE)

    def _shim_said(self, at: int, message: ShimMessage) -> None:
        match message:
            case Resized(size):
                self._do(SetSize(size))
                self._resized(at, size)
            case Executed() | Untraced():
                self._go_on_with(at, self._programs.asked(at, message, wait=self._programs_wait))
            case Exited(code, signal) if not self._sources.ended:
                self._last_word = finished()
                self._record(Exit(at, code, signal))
                self._drain(at, Phase.FLUSHING if self._muted else Phase.DRAINING)
            case _:
                return

    def _resized(self, at: int, size: WindowSize) -> None:
        known = self._size
        self._size_due = known is None or (known.rows, known.cols) != (size.rows, size.cols) or self._size_due
        self._size = size
        self._tell_maskers(size.cols)
        if self._size_due and not self.blocked:
            self._record(Resize(at, size.rows, size.cols))
            self._size_due = False

    def _tell_maskers(self, columns: int) -> None:
        for flow in self._flows.values():
            flow.resize(columns)

    def _spool_freed(self, at: int) -> None:
        self._deadlines.spool_freed(at)
        for flow in self._flows.values():
            flow.quiet_since = at
        if self._size is not None:
            self._resized(at, self._size)
        if not self._programs_wait:
            self._go_on_with(at, self._programs.go_on(at))

    def _drain(self, at: int, phase: Phase) -> None:
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
        for flow in self._flows.values():
            flow.distrust()
        self._end(at, Ending.RECORDER_FAILED)

    def _end(self, at: int, how: Ending, reason: str = "") -> None:
        self._ending = self._ending or (how, reason or reason_for(how, self._limits))
        if self._phase is Phase.RUNNING:
            self._phase = Phase.ENDING
            self._give_up_at = at + OBEDIENCE
            self._do(Tell(terminate(signal_for(tty=self._tty), self._ending[1])))
        elif self._phase is not Phase.ENDING:
            self._finish(at)

    def _ticked(self, at: int) -> None:
        self._sources.wake(at)
        if self._programs.deadline is not None:
            self._deadlines.active(at)
            self._go_on_with(at, self._programs.expire(at, wait=self._programs_wait))
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
            if self._programs.deadline is not None and not self._programs_wait:
                times.append(self._programs.deadline)
        if self._phase is Phase.DRAINING:
            times += self._sources.silences(blocked=self.blocked)
        return min(times, default=None)

    def _advance(self, at: int) -> None:
        if self._phase is Phase.DRAINING and self._sources.drained(at, blocked=self.blocked):
            self._phase = Phase.FLUSHING
            for flow in self._outputs:
                self._flush(at, flow)
            self._end_at_limits(at)
        if self._phase is Phase.FLUSHING and not any(flow.backlog for flow in self._outputs):
            self._finish(at)

    def _finish(self, at: int) -> None:
        if self.over:
            return
        self._phase = Phase.OVER
        stdin = self._flows.get(Channel.STDIN)
        if stdin is not None:
            self._flush(at, stdin)
        self._record(self._end_event(at))
        self._do(Finish(self._last_word))

    def _end_event(self, at: int) -> End:
        how, reason = self._ending or (Ending.EXITED, "")
        totals = {channel: flow.total for channel, flow in self._flows.items()}
        return End(
            at,
            how,
            reason,
            stdin_bytes=totals.get(Channel.STDIN, 0),
            stdout_bytes=totals.get(Channel.STDOUT, 0),
            stderr_bytes=totals.get(Channel.STDERR, 0),
            findings=dict(self._findings),
            programs=self._programs.count,
        )
