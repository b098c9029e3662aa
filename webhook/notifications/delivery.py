"""One receiver's thread: takes what it is to hear, tells it once, or tries again, and says what came of it.

Whoever puts something in never waits. A receiver that is slow or gone keeps its own thread busy and nobody
else's.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from sidecar.contract.errors import ChaperoneError
from webhook.journal.events import AuditEvent
from webhook.journal.masked import Mask, masked
from webhook.notifications.errors import DeliveryError
from webhook.notifications.flood import Flood
from webhook.notifications.messages import Message, message

_log = logging.getLogger(__name__)
PAUSES: Final = (2.0, 8.0, 30.0, 120.0)
"""Between tries, seconds."""
_ENDED: Final = "Chaperone ended before it was sent"
_MOST_WAITING: Final = 500


class Sender(Protocol):
    """Sends to one receiver."""

    def send(self, message: Message) -> None:
        """Send one. Blocks. Raises DeliveryError."""
        ...


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What came of telling a receiver something."""

    receiver: str
    event: AuditEvent | None
    """What it was about; None for a summary, and for what was lost."""
    why: str = ""
    """Why it failed; empty when it went out."""
    title: str = ""
    tries: int = 1
    again: bool = False
    """Whether the next process is to try."""
    count: int = 1
    """How many notifications this is about."""


class Delivery:
    """The thread of one receiver."""

    def __init__(
        self,
        name: str,
        sender: Callable[[], Sender],
        *,
        mask: Callable[[], Mask],
        flood: Flood,
        told: Callable[[Told], None],
        leaked: Callable[[AuditEvent], None],
        pauses: tuple[float, ...] = PAUSES,
    ) -> None:
        """``sender`` and ``mask`` are called in the thread, once there is something to send.

        ``told`` hears what came of each, ``leaked`` of each event in which card data had to be masked; both
        in the thread.
        """
        self.name = name
        self._make_sender = sender
        self._make_mask = mask
        self._flood = flood
        self._told = told
        self._leaked = leaked
        self._pauses = pauses
        self._waiting: queue.Queue[AuditEvent] = queue.Queue(_MOST_WAITING)
        self._sender: Sender | None = None
        self._mask: Mask | None = None
        self._lost = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._wake: Final = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"notify-{name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def put(self, event: AuditEvent) -> None:
        """Take an event to tell of. Never waits; what does not fit is counted as lost."""
        try:
            self._waiting.put_nowait(event)
        except queue.Full:
            with self._lock:
                self._lost += 1
        self._wake.set()

    def stop(self, seconds: float) -> None:
        """Try what is left once, for so long; what cannot be told then is said to have failed."""
        self._stopping.set()
        self._wake.set()
        self._thread.join(seconds)
        for event in self._rest():
            self._told(Told(receiver=self.name, event=event, why=_ENDED, again=True))

    def _rest(self) -> list[AuditEvent]:
        found: list[AuditEvent] = []
        while True:
            try:
                found.append(self._waiting.get_nowait())
            except queue.Empty:
                return found

    def _run(self) -> None:
        while True:
            event = self._next()
            is_last = event is None and self._stopping.is_set()
            for summary in self._flood.due(time.monotonic(), everything=is_last):
                self._tell(summary, None)
            if is_last:
                return
            if event is not None:
                self._take(event)

    def _take(self, event: AuditEvent) -> None:
        try:
            self._mask = self._mask or self._make_mask()
            shown, found = masked(event, self._mask)
            if found:
                self._leaked(event)
            if self._flood.passes(shown, time.monotonic()):
                self._tell(message(shown), event)
        except Exception as error:  # noqa: BLE001  one event that nobody can tell must not silence the rest
            why = f"a bug ({type(error).__name__})"
            self._told(Told(receiver=self.name, event=event, why=why))

    def _next(self) -> AuditEvent | None:
        """Give the next event, None when a summary may be due or it is time to stop."""
        self._say_lost()
        wait = self._flood.wait(time.monotonic())
        try:
            return self._waiting.get_nowait()
        except queue.Empty:
            if not self._stopping.is_set():
                self._wake.wait(wait)
                self._wake.clear()
            return None

    def _say_lost(self) -> None:
        with self._lock:
            lost, self._lost = self._lost, 0
        if lost:
            why = "more waited than fits, because this receiver takes too long"
            self._told(Told(receiver=self.name, event=None, why=why, count=lost))

    def _tell(self, what: Message, event: AuditEvent | None) -> None:
        """Send, with as many tries as there are pauses and one more."""
        why, tries, again = "", 0, False
        for pause in (*self._pauses, None):
            tries += 1
            try:
                self._sender = self._sender or self._make_sender()
                self._sender.send(what)
                why = ""
                break
            except DeliveryError as error:
                why = str(error)
                again = not error.is_final and pause is not None and self._stopping.wait(pause)
                if error.is_final or pause is None or again:
                    break
            except ChaperoneError as error:
                why = str(error)
                break
        self._told(Told(receiver=self.name, event=event, why=why, title=what.title, tries=tries, again=again))
