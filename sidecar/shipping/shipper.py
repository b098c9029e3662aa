"""The shipper's loop: wait for work, connect, ship; connect again when that fails; end when all is quiet."""

import select
from random import Random
from typing import Final

from sidecar.contract.errors import CallerError
from sidecar.shipping.connection import Connection, ConnectionFailedError, Limits
from sidecar.shipping.conversation import TICK_SECONDS, Conversation
from sidecar.shipping.quarantine import anything_to_ship
from sidecar.shipping.settings import Settings
from sidecar.shipping.shipment import Shipment, Surroundings
from sidecar.shipping.waking import drain

OPENING_SECONDS: Final = 10.0
"""How long connecting may take."""
STALL_SECONDS: Final = 30.0
"""How long the collector may take nothing in: its store may be slow. So late is a dead network found out."""
FIRST_PAUSE_SECONDS: Final = 0.2
LONGEST_PAUSE_SECONDS: Final = 5.0
_REPEAT_LOG_SECONDS: Final = 60.0


class Shipper:
    """Ships a spool. :meth:`run` in the main thread; :meth:`stop` may come from a signal handler."""

    def __init__(self, settings: Settings, surroundings: Surroundings) -> None:
        self._settings = settings
        self._around = surroundings
        self._jitter = Random(surroundings.randomness(8))  # noqa: S311  spreads load, keeps no secret
        self._failures = 0
        self._stop_at: float | None = None
        self._logged: tuple[str, float] = ("", 0.0)

    def stop(self) -> None:
        """Ship what there is within the time allowed, then end."""
        if self._stop_at is None:
            self._stop_at = self._around.monotonic() + self._settings.drain

    def run(self) -> int:
        """Ship until all is acknowledged and quiet: 0. Stopped before all was acknowledged: 1."""
        while self._work_comes():
            if self._too_late:
                self._around.log("stopped before everything was acknowledged")
                return 1
            try:
                if self._ship():
                    return 0
            except ConnectionFailedError as error:
                self._log_failure(str(error))
                self._pause()
                if not drain(self._settings.wake_fd):
                    self.stop()
        return 0

    @property
    def _too_late(self) -> bool:
        return self._stop_at is not None and self._around.monotonic() >= self._stop_at

    @property
    def _linger(self) -> float:
        return self._settings.linger if self._stop_at is None else 0.0

    def _work_comes(self) -> bool:
        """Wait for something to ship; False when nothing came for as long as the shipper lingers."""
        started = self._around.monotonic()
        poll = select.poll()
        poll.register(self._settings.wake_fd, select.POLLIN)
        while not anything_to_ship(self._settings.spool):
            if self._around.monotonic() - started >= self._linger:
                return False
            if poll.poll(TICK_SECONDS * 1000) and not drain(self._settings.wake_fd):
                self.stop()
        return True

    def _ship(self) -> bool:
        """Ship over one connection; True when all is quiet, False when it is too late."""
        shipment = Shipment(self._settings.spool, self._around)
        connection = self._connect()
        conversation = Conversation(connection, shipment, self._settings.wake_fd, self._around)
        try:
            conversation.greet()
            self._around.log(f"connected to {self._settings.collector}")
            return self._converse(conversation, shipment)
        except CallerError as error:
            raise ConnectionFailedError(str(error)) from None
        finally:
            if shipment.answers:
                self._failures = 0
            connection.close()

    def _converse(self, conversation: Conversation, shipment: Shipment) -> bool:
        """Send and listen until all is quiet. A living session keeps the connection: it may have to be ended.

        Whether a session lives is asked before the spool is read, and the end decided right behind it: what
        is written while this listens is read once more before it counts as quiet.
        """
        while not self._too_late:
            more_comes = self._stop_at is None and shipment.live
            conversation.send()
            if more_comes:
                conversation.stay()
            elif conversation.quiet_for(self._linger):
                return True
            conversation.listen()
            if not conversation.sessions_live:
                self.stop()
        return False

    def _connect(self) -> Connection:
        try:
            token = self._settings.token_file.read_text().strip()
        except OSError as error:
            raise ConnectionFailedError(f"no token to authenticate with: {error.strerror}") from None
        self._failures += 1
        limits = Limits(opening=OPENING_SECONDS, stall=STALL_SECONDS)
        return Connection.open(
            self._settings.collector,
            address=self._settings.collector_address,
            ca=self._settings.ca,
            token=token,
            limits=limits,
        )

    def _pause(self) -> None:
        longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(self._failures, 10))
        until = self._around.monotonic() + longest * self._jitter.uniform(0.5, 1.0)
        while not self._too_late and (left := until - self._around.monotonic()) > 0:
            self._around.sleep(min(left, TICK_SECONDS))

    def _log_failure(self, reason: str) -> None:
        """Log a reason when it is new, and otherwise once a minute."""
        now = self._around.monotonic()
        if reason != self._logged[0] or now - self._logged[1] >= _REPEAT_LOG_SECONDS:
            self._around.log(f"{reason}; trying again")
            self._logged = (reason, now)
