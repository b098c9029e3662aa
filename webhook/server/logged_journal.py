"""A journal that only logs: for parts that have no durable one."""

import logging

import msgspec

from webhook.journal.events import AuditEvent
from webhook.server.logs import FIELDS

_log = logging.getLogger(__name__)


class LoggedJournal:
    """Writes each audit event as a line of the log, without command lines, which logs never hold."""

    def note(self, event: AuditEvent) -> None:
        """Log one."""
        told = msgspec.structs.replace(event, argv=())
        _log.info("audit event", extra={FIELDS: {"event": msgspec.to_builtins(told)}})
