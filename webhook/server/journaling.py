"""The journal of one role: opened, shipped, and drained at the end."""

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from sidecar.masking import Engine, Profile
from webhook.journal.events import AuditEvent, Kind, Outcome
from webhook.journal.journal import JournalFullError
from webhook.journal.making import Maker
from webhook.journal.masked import MaskedJournal
from webhook.server.disk_journal import DiskJournal
from webhook.server.journal_shipping import Delivery, JournalShipping
from webhook.server.tasks import Tasks
from webhook.settings import Settings


class Journaling:
    """Where a role's parts note audit events, and the way of these to the store."""

    def __init__(self, settings: Settings, account: str, *, drain_seconds: float = 8.0) -> None:
        """Open the journal. At the end it is shipped for at most so long. Raises ConfigurationError."""
        self._drain_seconds = drain_seconds
        self.maker = Maker(
            origin=settings.pod,
            namespace=settings.namespace,
            account=account,
            clock=time.time_ns,
            randomness=os.urandom,
        )
        self.disk: Final = DiskJournal(settings.journal, limit_bytes=settings.journal_bytes, maker=self.maker)
        self.journal: Final = MaskedJournal(self.disk, Engine.load(Profile.STRICT).masks())
        """Where everything is noted: what is on disk, and what is shipped from there, is masked."""
        self._shipping: JournalShipping | None = None

    def start(self, tasks: Tasks, delivery: Delivery, **details: str) -> None:
        """Note that the role started, and ship from now on."""
        self._shipping = JournalShipping(self.disk, delivery)
        tasks.start("journal", self._shipping.work())
        self.note_all([self.maker.started(**details)])

    def note_all(self, events: Iterable[AuditEvent]) -> None:
        """Note what has happened already; the journal counts what it has no room for, and says so later."""
        for event in events:
            with suppress(JournalFullError):
                self.journal.note(event)

    def alarm(self, reason: str) -> None:
        """Note that a control of this role does not work (PCI DSS 10.7.2)."""
        self.note_all([self.maker.failed(reason)])

    def recovered(self, reason: str) -> None:
        """Note that a control of this role works again."""
        self.note_all([self.maker.own(Kind.CONTROL_STARTED, Outcome.SUCCESS, reason)])

    async def finish(self) -> None:
        """Note that the role ends, and ship what is left; what cannot be waits for the next start."""
        self.note_all([self.maker.stopped()])
        if self._shipping is not None:
            await self._shipping.finish(self._drain_seconds)

    def close(self) -> None:
        """Let go of the journal, once nothing ships it any more."""
        self.disk.close()
