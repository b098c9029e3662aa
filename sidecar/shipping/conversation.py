"""One connection's life: greet, then send and listen until all is quiet, a stop or a failure."""

import select
from typing import Final

from sidecar.contract.names import VERSION
from sidecar.contract.wire import Hello, Welcome, decode_from_collector, encode
from sidecar.shipping.connection import Connection, ConnectionFailedError
from sidecar.shipping.shipment import Shipment, Surroundings
from sidecar.shipping.waking import drain

ANSWER_SECONDS: Final = 60.0
"""How long a living collector may owe answers: its store may be slow, not stuck."""
COALESCE_SECONDS: Final = 0.02
"""After a wake-up more is coming: what comes within this time is sent together."""
TICK_SECONDS: Final = 0.5


class Conversation:
    """Moves a shipment over a connection. Every method may raise ConnectionFailedError or CallerError."""

    def __init__(
        self, connection: Connection, shipment: Shipment, wake_fd: int, surroundings: Surroundings
    ) -> None:
        self._connection = connection
        self._shipment = shipment
        self._wake_fd = wake_fd
        self._around = surroundings
        self._sessions_live = True
        self._owed_since = surroundings.monotonic()
        self._quiet_since: float | None = None

    @property
    def sessions_live(self) -> bool:
        """Whether somebody still holds the other end of the wake pipe."""
        return self._sessions_live

    def greet(self) -> None:
        """Say hello and wait for the welcome."""
        self._connection.send(encode(Hello(VERSION, self._around.unix_ns())))
        deadline = self._around.monotonic() + ANSWER_SECONDS
        while self._around.monotonic() < deadline:
            self._poll(with_wake=False, seconds=TICK_SECONDS)
            for data in self._connection.receive():
                if isinstance(decode_from_collector(data), Welcome):
                    return
                raise ConnectionFailedError("the collector does not say welcome")
        raise ConnectionFailedError("the collector does not answer")

    def send(self) -> None:
        """Read the spool and send what can be sent."""
        if not self._shipment.awaiting:
            self._owed_since = self._around.monotonic()
        sent = 0
        for message in self._shipment.outgoing():
            self._connection.send(encode(message))
            sent += 1
        self._shipment.sweep()
        if sent or not self._shipment.settled:
            self._quiet_since = None
        elif self._quiet_since is None:
            self._quiet_since = self._around.monotonic()

    def listen(self) -> None:
        """Wait a moment for answers or for more to send."""
        if self._poll(with_wake=not self._shipment.full, seconds=TICK_SECONDS):
            self._around.sleep(COALESCE_SECONDS)
            self._sessions_live = drain(self._wake_fd)
        for data in self._connection.receive():
            self._shipment.receive(decode_from_collector(data))
            self._owed_since = self._around.monotonic()
            self._quiet_since = None
        if self._shipment.awaiting and self._around.monotonic() - self._owed_since > ANSWER_SECONDS:
            raise ConnectionFailedError("the collector does not acknowledge")

    def quiet_for(self, seconds: float) -> bool:
        """Tell whether everything is acknowledged and nothing has come for so long."""
        return self._quiet_since is not None and self._around.monotonic() - self._quiet_since >= seconds

    def stay(self) -> None:
        """Do not count this moment as quiet: more will come."""
        self._quiet_since = None

    def _poll(self, *, with_wake: bool, seconds: float) -> bool:
        """Wait for either side; tell whether the spool's side woke."""
        poll = select.poll()
        poll.register(self._connection, select.POLLIN)
        if with_wake and self._sessions_live:
            poll.register(self._wake_fd, select.POLLIN)
        return any(descriptor == self._wake_fd for descriptor, _ in poll.poll(seconds * 1000))
