"""One session's record on its way into the spool: events become frames of a hash chain."""

from pathlib import Path
from typing import Final

from sidecar.contract.events import Event, encode_event
from sidecar.contract.frames import Chain
from sidecar.contract.grants import Grant
from sidecar.contract.wire import ApprovalDecided, ApprovalWanted
from sidecar.processes.endpoints import READ_BYTES
from sidecar.recording.commands import AskPeople
from sidecar.settings import Settings
from sidecar.shipping.spool import SpoolError, SpoolWriter

ROOM_BYTES: Final = 2 * READ_BYTES
"""What must be free before a source is read: its bytes, what was held, and findings."""


class Journal:
    """Appends events. After an error it takes no more, because the chain would have a hole."""

    def __init__(self, session: str, writer: SpoolWriter) -> None:
        self._session = session
        self._chain = Chain(session)
        self._writer = writer
        self._broken = False
        self.appended = 0
        """How many events were appended."""

    @classmethod
    def begin(cls, settings: Settings, grant: Grant, token: bytes) -> "Journal":
        """Begin a session's record. Raises SpoolError."""
        spool = Path(settings.spool)
        writer = SpoolWriter.create(spool, grant.session, token.decode("ascii"), settings.spool_bytes)
        return cls(grant.session, writer)

    def has_room(self) -> bool:
        """Tell whether a source may be read."""
        return self._writer.has_room(ROOM_BYTES)

    def refused(self) -> bool:
        """Tell whether the collector will not take this record."""
        return self._writer.refused()

    def kill_order(self) -> str | None:
        """Give why the session is to be ended, None when nobody ordered that."""
        return self._writer.kill_order()

    def ask_people(self, asked: AskPeople) -> None:
        """Have the collector ask people. Raises SpoolError."""
        wanted = ApprovalWanted(
            self._session,
            asked.program,
            asked.turn,
            asked.rule,
            asked.executable,
            asked.argv,
            cwd=asked.cwd,
            uid=asked.uid,
        )
        self._writer.want_approval(wanted)

    def take_decision(self) -> ApprovalDecided | None:
        """Give what people have decided, once; None while they have not."""
        return self._writer.take_decision()

    def append(self, event: Event) -> None:
        """Append an event; afterwards it survives this process. Raises SpoolError."""
        if self._broken:
            raise SpoolError("the record broke off")
        self._broken = True
        self._writer.append(self._chain.append(encode_event(event)))
        self._broken = False
        self.appended += 1

    def hand_over(self) -> None:
        """Let go after the last event of a session that another one follows."""
        self._writer.close(ended=not self._broken)

    def close(self) -> bool:
        """Let go after the last event; False when it is not in the record, which then has to be recovered."""
        self._writer.close(ended=not self._broken)
        return not self._broken
