"""The store contract over a SQLite file."""

from collections.abc import Sequence
from pathlib import Path

from sidecar.contract.frames import Frame
from webhook.journal.events import AuditEvent
from webhook.store.audit import AuditQuery, KeptEvent
from webhook.store.checks import advances, check_new, fresh_frames
from webhook.store.contract import Hit, Passage, PodNotice, Query, SessionRecord, StoreError
from webhook.store.filling import Whole
from webhook.store.sqlite import audit, reading, removing, searching, writing
from webhook.store.sqlite.connections import Connections
from webhook.store.sqlite.ledger import Ledger


class SqliteStore(Ledger):
    """Keeps everything in one file in WAL mode; what a method acknowledged survives a power cut."""

    def __init__(self, path: Path) -> None:
        super().__init__(Connections(path))

    def prepare(self) -> None:
        """Create the file or migrate it."""
        self._connections.prepare()

    def create(self, record: SessionRecord) -> SessionRecord:
        """Keep a new session."""
        check_new(record)
        with self._connections.writing() as connection:
            kept = writing.kept_session(connection, record.session)
            if kept is not None:
                return kept[1]
            writing.insert_session(connection, record)
        return record

    def append(self, record: SessionRecord, frames: Sequence[Frame], passages: Sequence[Passage]) -> None:
        """Keep frames, passages and the session's new state in one transaction."""
        with self._connections.writing() as connection:
            known = writing.kept_session(connection, record.session)
            if known is None:
                raise StoreError(f"session {record.session} is not known to the store")
            number, kept = known
            writing.insert_frames(connection, number, fresh_frames(kept, record, frames, passages))
            writing.insert_passages(connection, number, passages, next_sequence=kept.next_sequence)
            if advances(kept, record):
                writing.update_session(connection, number, record)

    def fill(self, sessions: Sequence[Whole]) -> None:
        """Keep whole sessions in one transaction."""
        with self._connections.writing() as connection:
            for whole in sessions:
                writing.insert_session(connection, whole.began)
                known = writing.kept_session(connection, whole.began.session)
                if known is None:
                    raise StoreError(f"session {whole.began.session} is not kept")
                number, _ = known
                writing.insert_frames(connection, number, whole.frames)
                writing.insert_passages(connection, number, whole.passages, next_sequence=0)
                writing.update_session(connection, number, whole.ended)

    def note(self, notice: PodNotice) -> None:
        """Keep a notice."""
        with self._connections.writing() as connection:
            writing.insert_notice(connection, notice)

    def session(self, session: str) -> SessionRecord | None:
        """Give one session."""
        with self._connections.reading() as connection:
            kept = writing.kept_session(connection, session)
        return None if kept is None else kept[1]

    def sessions(self, query: Query) -> list[SessionRecord]:
        """Give sessions, newest first."""
        with self._connections.reading() as connection:
            return reading.select_sessions(connection, query)

    def changed(self, *, after: int, namespace: str | None, limit: int) -> list[SessionRecord]:
        """Give changed sessions, oldest change first."""
        with self._connections.reading() as connection:
            return reading.select_changed(connection, after=after, namespace=namespace, limit=limit)

    def frames(self, session: str, *, start: int, limit: int) -> list[Frame]:
        """Give frames from number ``start``."""
        with self._connections.reading() as connection:
            return reading.select_frames(connection, session, start=start, limit=limit)

    def notices(self, *, namespace: str | None, since: int | None, limit: int) -> list[PodNotice]:
        """Give notices, newest first."""
        with self._connections.reading() as connection:
            return reading.select_notices(connection, namespace=namespace, since=since, limit=limit)

    def search(self, query: Query) -> list[Hit]:
        """Give where the text is found."""
        with self._connections.reading() as connection:
            return searching.select_hits(connection, query)

    def record(self, events: Sequence[AuditEvent], *, received_at: int) -> list[AuditEvent]:
        """Keep audit events in one transaction."""
        with self._connections.writing() as connection:
            return audit.insert_audit_events(connection, events, received_at=received_at)

    def audit_events(self, query: AuditQuery) -> list[KeptEvent]:
        """Give audit events, newest first."""
        with self._connections.reading() as connection:
            return audit.select_audit_events(connection, query)

    def audit_events_since(self, *, after: int, namespace: str | None, limit: int) -> list[KeptEvent]:
        """Give audit events in the order they were received."""
        with self._connections.reading() as connection:
            return audit.select_audit_events_since(connection, after=after, namespace=namespace, limit=limit)

    def remove_sessions(self, sessions: Sequence[str]) -> None:
        """Remove sessions, one a transaction."""
        for session in sessions:
            with self._connections.writing() as connection:
                removing.delete_session(connection, session)

    def remove_audit_events(self, ids: Sequence[str]) -> None:
        """Remove audit events in one transaction."""
        with self._connections.writing() as connection:
            removing.delete_audit_events(connection, ids)

    def remove_notices(self, *, before: int) -> None:
        """Remove old notices."""
        with self._connections.writing() as connection:
            connection.execute("DELETE FROM notices WHERE received_at < ?", (before,))

    def tidy(self, *, hot_before: int) -> None:  # noqa: ARG002  nothing here is stored for rare use
        """Give back the space of what was removed; the rest is all equally at hand."""
        self._connections.give_back_space()

    def close(self) -> None:
        """Close the file."""
        self._connections.close()
