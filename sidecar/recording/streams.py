"""The channels of one session: what comes in is masked, recorded and delivered, in this order. Pure.

Each method gives what is to be done.
"""

from collections import Counter
from collections.abc import Callable, Mapping

from sidecar.contract.events import MAX_FOUND_EVENTS, Channel, Redacted
from sidecar.recording.commands import CloseSink, Command, Deliver, Record
from sidecar.recording.flow import Flow
from sidecar.recording.masker import Finding, Masker
from sidecar.recording.sources import Sources


class Streams:
    """All channels of a session, by name."""

    def __init__(
        self, maskers: Mapping[Channel, Callable[[], Masker]], *, tty: bool, output_bytes: int
    ) -> None:
        """Take what makes a masker for each channel there is; zero ``output_bytes`` is no limit."""
        self._tty = tty
        self._output_bytes = output_bytes
        self._flows = {channel: Flow(channel, new) for channel, new in maskers.items()}
        self.outputs = [flow for flow in self._flows.values() if flow.channel is not Channel.STDIN]
        self.sources = Sources(self._flows.values())
        self.findings: Counter[str] = Counter()
        """How often something was masked, by ``rule/brand``."""
        self.output_cut = False
        """Whether output was left out because of the limit."""
        self._redacting = False

    def __getitem__(self, channel: Channel) -> Flow:
        return self._flows[channel]

    def get(self, channel: Channel) -> Flow | None:
        """Give one that may not be there."""
        return self._flows.get(channel)

    @property
    def totals(self) -> dict[Channel, int]:
        """How many bytes each has carried."""
        return {channel: flow.total for channel, flow in self._flows.items()}

    def shown(self, at: int, flow: Flow, data: bytes) -> list[Command]:
        """Take a program's output."""
        commands = self._deliver(at, flow, flow.mask(data))
        return commands + self._found(at, flow, flow.take_findings())

    def typed(self, at: int, flow: Flow, data: bytes, *, unseen: bool) -> list[Command]:
        """Take input; what is typed unseen is not recorded."""
        if unseen:
            return self._redact(at, flow, data)
        self._redacting = False
        commands: list[Command] = [Record(event) for event in flow.data_events(at, flow.mask(data))]
        flow.deliver(len(data))
        commands.append(Deliver(flow.channel, data))
        return commands + self._found(at, flow, flow.take_findings())

    def flush(self, at: int, flow: Flow) -> list[Command]:
        """Take what a masker held: nothing follows."""
        held, findings = flow.flush()
        if flow.channel is Channel.STDIN:
            commands: list[Command] = [Record(event) for event in flow.data_events(at, held)]
        else:
            commands = self._deliver(at, flow, held)
        return commands + self._found(at, flow, findings)

    def delivered(self, at: int, flow: Flow, count: int) -> list[Command]:
        """A sink took so many bytes."""
        flow.delivered(at, count)
        return self.close_exhausted(flow)

    def close_exhausted(self, flow: Flow) -> list[Command]:
        """Let go of a sink that gets nothing more."""
        if flow.sink_open and not flow.source_open and not flow.backlog and not self._tty:
            flow.sink_open = False
            return [CloseSink(flow.channel)]
        return []

    def distrust(self) -> None:
        """Never call a masker again."""
        for flow in self._flows.values():
            flow.distrust()

    def resize(self, columns: int) -> None:
        """The terminal is this wide from now on."""
        for flow in self._flows.values():
            flow.resize(columns)

    def begin_silence(self, at: int) -> None:
        """Count the silence of all from now on."""
        for flow in self._flows.values():
            flow.quiet_since = at

    def _redact(self, at: int, flow: Flow, data: bytes) -> list[Command]:
        """Let a secret pass, and say once for each line that there was one."""
        commands: list[Command] = [] if self._redacting else [Record(Redacted(at))]
        self._redacting = not data.endswith((b"\r", b"\n"))
        flow.backlog += len(data)
        return [*commands, Deliver(flow.channel, data)]

    def _deliver(self, at: int, flow: Flow, masked: bytes) -> list[Command]:
        room = self._output_left()
        shown = masked if room is None else masked[:room]
        self.output_cut |= len(shown) < len(masked)
        if not shown or not flow.sink_open:
            return []
        flow_events: list[Command] = [Record(event) for event in flow.data_events(at, shown)]
        flow.deliver(len(shown))
        return [*flow_events, Deliver(flow.channel, shown)]

    def _output_left(self) -> int | None:
        if not self._output_bytes:
            return None
        return max(0, self._output_bytes - sum(flow.total for flow in self.outputs))

    def _found(self, at: int, flow: Flow, findings: list[Finding]) -> list[Command]:
        commands: list[Command] = []
        for finding in findings:
            if self.findings.total() < MAX_FOUND_EVENTS:
                commands.append(Record(flow.found_event(at, finding)))
            self.findings[f"{finding.rule}/{finding.brand}"] += 1
        return commands
