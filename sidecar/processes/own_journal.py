"""The record of a container's own program on its way into the spool.

With content it is a journal as of any session. Without, it never holds the program up: what the spool has no
room for waits in memory, a few frames, and findings that it has no room for are counted alone.
"""

from collections import deque
from pathlib import Path
from typing import Final

from sidecar.contract.events import Event, Found, encode_event
from sidecar.contract.frames import Chain, Frame
from sidecar.contract.wire import ApprovalDecided
from sidecar.processes.claims import Lock
from sidecar.processes.journal import Journal
from sidecar.processes.log import log
from sidecar.recording.commands import AskPeople
from sidecar.settings import Settings
from sidecar.shipping.spool import SpoolError, SpoolWriter

_FINDING_BYTES: Final = 1024
"""More than a finding takes."""


class ContentJournal(Journal):
    """A session's journal that lets others serve the same program when it is closed."""

    def __init__(self, session: str, writer: SpoolWriter, lock: Lock) -> None:
        super().__init__(session, writer)
        self._lock = lock

    @classmethod
    def open(cls, settings: Settings, session: str, token: bytes, lock: Lock) -> "ContentJournal":
        """Begin a record. Raises SpoolError."""
        writer = SpoolWriter.create(
            Path(settings.spool), session, token.decode("ascii"), settings.spool_bytes
        )
        return cls(session, writer, lock)

    def kill_order(self) -> str | None:
        """Give why the session is to be ended: nobody can order that of a container's own program."""
        return None

    def close(self) -> bool:
        """Close the record, and let others be served before the shim hears of the end and dials again."""
        complete = super().close()
        self._lock.release()
        return complete


class PatientJournal:
    """Takes events whether or not there is room for them. Nothing here is raised."""

    def __init__(self, settings: Settings, session: str, token: bytes, lock: Lock) -> None:
        """``lock`` keeps others from being served as the same program, and is released at the end."""
        self._settings = settings
        self._session = session
        self._token = token
        self._lock = lock
        self._chain = Chain(session)
        self._writer: SpoolWriter | None = None
        self._waiting: deque[Frame] = deque()
        self.appended = 0
        """How many events are in the spool."""

    def has_room(self) -> bool:
        """Tell whether a source may be read: always."""
        return True

    def refused(self) -> bool:
        """Tell whether the program has to end, because its record is not taken: never.

        Asked once a second, which is when what found no room is tried again.
        """
        self._work_off()
        return False

    def kill_order(self) -> str | None:
        """Give why the session is to be ended: nobody can order that."""
        return None

    def ask_people(self, asked: AskPeople) -> None:
        """Ask nobody: no rule is about a container's own program."""

    def take_decision(self) -> ApprovalDecided | None:
        """Give what people have decided: nobody was asked."""
        return None

    def append(self, event: Event) -> None:
        """Take an event. A finding without room is let go: tallies and the end count it."""
        if isinstance(event, Found) and not self._has_room_for_finding():
            return
        self._waiting.append(self._chain.append(encode_event(event)))
        self._work_off()

    def close(self) -> bool:
        """Let others be served; False when the last event is not in the spool."""
        complete = self.hand_over()
        self._lock.release()
        return complete

    def hand_over(self) -> bool:
        """Let go after the last event; False when it is not in the spool."""
        self._work_off()
        complete = not self._waiting
        if not complete:
            log(f"the end of session {self._session} is not recorded: the spool has no room")
        return _close(self._writer, ended=complete) if self._writer is not None else complete

    def _has_room_for_finding(self) -> bool:
        writer = self._writer
        return writer is not None and not self._waiting and writer.has_room(_FINDING_BYTES)

    def _work_off(self) -> None:
        try:
            while self._waiting:
                writer = self._writer = self._writer or self._create()
                writer.append(self._waiting[0])
                self._waiting.popleft()
                self.appended += 1
        except SpoolError:
            return  # tried again each second

    def _create(self) -> SpoolWriter:
        settings = self._settings
        token = self._token.decode("ascii")
        writer = SpoolWriter.create(Path(settings.spool), self._session, token, settings.spool_bytes)
        writer.be_quiet()
        return writer


def _close(writer: SpoolWriter, *, ended: bool) -> bool:
    try:
        writer.close(ended=ended)
    except OSError:
        return False
    return ended
