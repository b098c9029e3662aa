"""Where audit events are put."""

from typing import Protocol

from sidecar.contract.errors import ClusterError
from webhook.journal.events import AuditEvent


class JournalFullError(ClusterError):
    """An audit event cannot be kept now, so what it is about must not happen."""


class Journal(Protocol):
    """Keeps audit events until they are stored. Called from any thread; quick, and does not wait."""

    def note(self, event: AuditEvent) -> None:
        """Take one. It is safe from the end of this process once this returns. Raises JournalFullError."""
        ...
