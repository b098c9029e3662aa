"""Audit events on their way into the store, those of many callers together."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from webhook.collector.operations import Operation, Record
from webhook.collector.writer import Writer
from webhook.journal.events import AuditEvent
from webhook.store.contract import PodNotice, StoreError


@dataclass
class _Group:
    """What is written together."""

    events: list[AuditEvent] = field(default_factory=list[AuditEvent])
    error: str = "the write was given up"
    """Why it is not kept; nothing once it is."""


class Recording:
    """Keeps audit events, and notices about who sends them. Used on one event loop."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._turn = asyncio.Lock()
        self._open = _Group()

    async def keep(self, events: Sequence[AuditEvent]) -> None:
        """Return once events are durable. What comes meanwhile is written next, together.

        Raises StoreError.
        """
        group = self._open
        group.events += events
        async with self._turn:
            if group is self._open:
                self._open = _Group()
                await self._write(group)
        if group.error:
            raise StoreError(group.error)

    async def note(self, notice: PodNotice) -> None:
        """Return once a notice is durable. Raises StoreError."""
        await self._writer.note(notice)

    async def _write(self, group: _Group) -> None:
        operations: list[Operation] = [Record(tuple(group.events))]
        try:
            await self._writer.perform(operations)
        except StoreError as error:
            group.error = str(error)
        else:
            group.error = ""
