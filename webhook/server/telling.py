"""Audit events that the collector itself makes, durable before what they tell of goes on."""

from collections.abc import Callable

from webhook.audit_api.access import Read, log_read, read_event
from webhook.collector.recording import Recording
from webhook.journal.events import AuditEvent
from webhook.journal.making import Maker, Stamp


class Telling:
    """Keeps events; every method returns once they are durable, and raises StoreError."""

    def __init__(self, recording: Recording, maker: Maker, shown: Callable[[AuditEvent], AuditEvent]) -> None:
        """``shown`` gives an event as it may be kept: masked."""
        self._recording = recording
        self._maker = maker
        self._shown = shown

    async def keep(self, event: AuditEvent) -> None:
        """Keep an event."""
        await self._recording.keep([self._shown(event)])

    async def tell(self, make: Callable[[Stamp], AuditEvent]) -> None:
        """Keep an event that is made with a stamp of now."""
        await self.keep(make(self._maker.stamp()))

    async def read(self, read: Read) -> None:
        """Keep that somebody reads the record."""
        await log_read(read)
        await self.tell(lambda stamp: read_event(stamp, read))
