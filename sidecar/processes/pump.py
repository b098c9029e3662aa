"""The poll loop of a session: carries out what the state machine decides, and tells it what happens.

Nothing here waits for one descriptor alone, and no frame is behind the bytes it records.
"""

import select
import socket
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import msgspec

from sidecar.contract.errors import BugError
from sidecar.contract.events import Channel, SessionStart
from sidecar.contract.handshake import (
    MAX_PACKET_BYTES,
    Executed,
    HandshakeError,
    WindowSize,
    parse_message,
)
from sidecar.processes.endpoints import Endpoints, Sink, Source
from sidecar.processes.journal import Journal
from sidecar.processes.log import log_failure
from sidecar.processes.own_journal import PatientJournal
from sidecar.recording import commands, inputs
from sidecar.recording.application import Application
from sidecar.recording.deadlines import MILLISECOND, SECOND
from sidecar.recording.session import Session
from sidecar.shipping.spool import SpoolError
from sidecar.shipping.waking import Waker

Renewed = tuple[Journal | PatientJournal, SessionStart]
"""The record of a next session, and its first event."""
_WAKE_EVERY: Final = 20 * MILLISECOND
_LOOK_FOR_ORDERS_EVERY: Final = SECOND
_LOOK_FOR_ROOM_EVERY: Final = 100 * MILLISECOND
_GONE: Final = select.POLLERR | select.POLLHUP | select.POLLNVAL


class Pump:
    """Runs one session until it is over."""

    def __init__(
        self,
        session: Session | Application,
        endpoints: Endpoints,
        journal: Journal | PatientJournal,
        connection: socket.socket,
        *,
        lifeline: int,
        waker: Waker,
        started: int,
        renew: Callable[[WindowSize], Renewed] | None = None,
    ) -> None:
        """``started`` is when the session started on the monotonic clock, in nanoseconds.

        ``renew`` opens the record of an own program's next session. It may raise SpoolError.
        """
        self._renew = renew
        self._session = session
        self._endpoints = endpoints
        self._journal = journal
        self._connection = connection
        self._control: int | None = connection.fileno()
        self._lifeline: int | None = lifeline
        self._waker = waker
        self._woken_at = 0
        self._woken_for = 0
        self._started = started
        self._looked_at = 0
        self._poll = select.poll()
        self._watched: dict[int, int] = {}
        self._pending: deque[inputs.Input] = deque()
        self.complete = False
        """Whether the record was closed with its last event in it."""
        connection.setblocking(False)

    def start(self, start: SessionStart) -> None:
        """Begin the record and let the program start. Raises SpoolError."""
        for command in self._session.start(start):
            self._obey(command)

    def run(self) -> None:
        """Pump until the session is over."""
        while not self._session.over:
            self._watch()
            for number, mask in self._poll.poll(self._timeout()):
                self._ready(number, mask)
            self._end_round()
        self._waker.wake()

    def _at(self) -> int:
        return time.monotonic_ns() - self._started

    def _watch(self) -> None:
        wanted = self._interest()
        for number in self._watched.keys() - wanted.keys():
            self._poll.unregister(number)
        for number, mask in wanted.items():
            if self._watched.get(number) != mask:
                self._poll.register(number, mask)
        self._watched = wanted

    def _interest(self) -> dict[int, int]:
        """Give what to poll for. A client's descriptor is always there: poll tells when nobody reads it."""
        wanted: dict[int, int] = {}
        for number in (self._control, self._lifeline):
            if number is not None:
                wanted[number] = select.POLLIN
        for channel, sink in self._endpoints.sinks.items():
            if sink.number is not None and (sink.waiting or channel is not Channel.STDIN):
                wanted[sink.number] = select.POLLOUT if sink.waiting else 0
        for channel, source in self._endpoints.sources.items():
            if source.number is not None and self._session.wants(channel):
                wanted[source.number] = wanted.get(source.number, 0) | select.POLLIN
        return wanted

    def _timeout(self) -> int:
        """Give how long to wait at most, in milliseconds."""
        now = self._at()
        times = [self._looked_at + _LOOK_FOR_ORDERS_EVERY, self._session.deadline, self._wake_due()]
        if self._session.blocked:
            times.append(now + _LOOK_FOR_ROOM_EVERY)
        due = min(when for when in times if when is not None)
        return max(0, -((now - due) // MILLISECOND))

    def _wake_due(self) -> int | None:
        return self._woken_at + _WAKE_EVERY if self._journal.appended > self._woken_for else None

    def _end_round(self) -> None:
        at = self._at()
        wake_due = self._wake_due()
        if wake_due is not None and at >= wake_due:
            self._woken_at, self._woken_for = at, self._journal.appended
            self._waker.wake()
        if at >= self._looked_at + _LOOK_FOR_ORDERS_EVERY:
            self._looked_at = at
            self._look_for_orders(at)
        if self._session.blocked and self._journal.has_room():
            self._happened(inputs.SpoolFreed(at))
        deadline, at = self._session.deadline, self._at()  # another session may have begun
        if deadline is not None and at >= deadline:
            self._happened(inputs.Ticked(at))

    def _look_for_orders(self, at: int) -> None:
        """See what the collector has said, which the shipper leaves in the spool."""
        if self._journal.refused():
            self._happened(inputs.RecordRefused(at))
        elif (reason := self._journal.kill_order()) is not None:
            self._happened(inputs.Killed(at, reason))
        elif self._session.waits_for_people and (decided := self._journal.take_decision()) is not None:
            self._happened(inputs.Decided(at, decided.approval, decided.approved, decided.reason))

    def _ready(self, number: int, mask: int) -> None:
        if number == self._control:
            self._hear_shim()
        elif number == self._lifeline:
            self._lifeline = None
            self._happened(inputs.Stopping(self._at()))
        for channel, sink in self._endpoints.sinks.items():
            if sink.number == number:
                self._sink_ready(channel, sink, mask)
        for channel, source in self._endpoints.sources.items():
            if source.number == number and mask & (select.POLLIN | _GONE):
                self._source_ready(channel, source)

    def _sink_ready(self, channel: Channel, sink: Sink, mask: int) -> None:
        if sink.waiting:
            self._write(channel, sink)
            self._work_off()
        elif mask & _GONE and channel is not Channel.STDIN:
            self._happened(inputs.SinkBroken(self._at(), channel))

    def _source_ready(self, channel: Channel, source: Source) -> None:
        if not self._session.wants(channel):
            return
        if not self._journal.has_room():
            self._happened(inputs.SpoolFull(self._at()))
            return
        data = source.read()
        if data:
            if channel is Channel.STDIN:
                unseen, erase = self._endpoints.typing()
                self._happened(inputs.Received(self._at(), channel, data, unseen, erase))
            else:
                self._happened(inputs.Received(self._at(), channel, data))
        elif data is not None:
            self._happened(inputs.SourceEnded(self._at(), channel))

    def _hear_shim(self) -> None:
        try:
            packet = self._connection.recv(MAX_PACKET_BYTES)
            message = parse_message(packet) if packet else None
        except BlockingIOError:
            return
        except (HandshakeError, ConnectionResetError):
            message = None
        if message is None:
            self._control = None
            self._happened(inputs.ShimGone(self._at()))
        else:
            if isinstance(message, Executed) and not self._journal.has_room():
                self._happened(inputs.SpoolFull(self._at()))
            self._happened(inputs.ShimSaid(self._at(), message))

    def _happened(self, happened: inputs.Input) -> None:
        self._pending.append(happened)
        self._work_off()

    def _work_off(self) -> None:
        while self._pending:
            happened = self._pending.popleft()
            try:
                for command in self._session.handle(happened):
                    self._obey(command)
            except Exception as error:  # noqa: BLE001  whatever it was, nothing more may pass
                self._fail(error)

    def _fail(self, error: Exception) -> None:
        log_failure("a session was ended because the recorder failed", error)
        self._pending.clear()
        for command in self._session.handle(inputs.Failed(self._at())):
            with suppress(SpoolError):  # the record broke off and is recovered
                self._obey(command)

    def _obey(self, command: commands.Command) -> None:
        match command:
            case commands.Record(event):
                self._journal.append(event)
            case commands.Deliver(channel, data):
                sink = self._endpoints.sinks[channel]
                sink.add(data)
                self._write(channel, sink)
            case commands.CloseSource(channel):
                self._endpoints.sources[channel].close()
            case commands.CloseSink(channel):
                self._endpoints.sinks[channel].close()
            case commands.SetSize(size):
                self._endpoints.set_size(size)
            case commands.AskPeople():
                self._journal.ask_people(command)
                self._waker.wake()
            case commands.Tell(packet):
                self._tell(packet)
            case commands.Finish(packet):
                self._finish(packet)
            case commands.Renew():
                self._begin_again(command)

    def _begin_again(self, order: commands.Renew) -> None:
        """Go on with another record. Where that cannot be opened, the old one is still there to be ended."""
        if self._renew is None:
            raise BugError("a session that is none of an own program is to begin again")
        journal, start = self._renew(order.size)
        self._journal.append(order.end)
        self._journal.hand_over()
        self._journal = journal
        self._started = time.monotonic_ns()
        self._woken_at = self._woken_for = self._looked_at = 0
        self._pending = deque(msgspec.structs.replace(waiting, at=0) for waiting in self._pending)
        self._journal.append(start)
        self._waker.wake()

    def _write(self, channel: Channel, sink: Sink) -> None:
        taken = sink.write()
        if taken is None:
            self._pending.append(inputs.SinkBroken(self._at(), channel))
        elif taken:
            self._pending.append(inputs.Delivered(self._at(), channel, taken))

    def _tell(self, packet: bytes) -> None:
        with suppress(BrokenPipeError, ConnectionResetError, BlockingIOError):  # its end is heard by poll
            self._connection.send(packet)

    def _finish(self, packet: bytes | None) -> None:
        self.complete = self._journal.close()
        self._endpoints.close()
        if packet is not None:
            self._tell(packet)
        self._connection.close()
