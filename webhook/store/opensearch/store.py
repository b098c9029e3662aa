"""The store contract over OpenSearch."""

from collections.abc import Sequence

import msgspec

from sidecar.contract.frames import Frame
from webhook.journal.events import AuditEvent
from webhook.store.audit import AuditQuery, KeptEvent
from webhook.store.contract import Hit, Passage, PodNotice, Query, SessionRecord, StoreError
from webhook.store.filling import Whole
from webhook.store.opensearch.audit import AuditReader
from webhook.store.opensearch.bulk import CONFLICT
from webhook.store.opensearch.client import Client
from webhook.store.opensearch.ledger import Ledger
from webhook.store.opensearch.lifecycle import POLICIES, lifecycle_policies
from webhook.store.opensearch.names import Names
from webhook.store.opensearch.reading import Reader
from webhook.store.opensearch.removing import Remover
from webhook.store.opensearch.searching import Searcher
from webhook.store.opensearch.templates import mappings, templates
from webhook.store.opensearch.writing import Writer
from webhook.store.settings import OpenSearchSettings

BAD_REQUEST = 400
FORBIDDEN = 403
NOT_FOUND = 404


class OpenSearchStore(Ledger):
    """Keeps everything in indices and data streams whose names start with the prefix of the settings."""

    def __init__(self, settings: OpenSearchSettings) -> None:
        self._replicas = settings.replicas
        self._client = Client(settings)
        self._names = Names(settings.prefix)
        super().__init__(self._client, self._names)
        self._reader = Reader(self._client, self._names)
        self._searcher = Searcher(self._client, self._names, self._reader)
        self._writer = Writer(self._client, self._names, self._reader, self._ensure)
        self._audit = AuditReader(self._client, self._names)
        self._removing = Client(settings.for_removing()) if settings.removing_username else self._client
        self._hot_months = settings.hot_months
        self._lifecycle = False
        self._present: set[str] = set()

    def prepare(self) -> None:
        """Put the index templates, bring existing mappings up to date, and create data streams and index."""
        self._lifecycle = self._put_lifecycle()
        for name, template in templates(self._names, replicas=self._replicas).items():
            self._client.ask(msgspec.Raw, "PUT", f"/_index_template/{name}", template)
        for stream in (self._names.events, self._names.audit):
            self._create(f"/_data_stream/{stream}")
        self._ensure([self._names.notices, self._names.ledger])
        for pattern, mapping in mappings(self._names).items():
            self._client.ask(msgspec.Raw, "PUT", f"/{pattern}/_mapping", mapping, allow_no_indices="true")

    def create(self, record: SessionRecord) -> SessionRecord:
        """Keep a new session."""
        return self._writer.create(record)

    def append(self, record: SessionRecord, frames: Sequence[Frame], passages: Sequence[Passage]) -> None:
        """Keep frames, passages and the session's new state."""
        self._writer.append(record, frames, passages)

    def fill(self, sessions: Sequence[Whole]) -> None:
        """Keep whole sessions."""
        self._writer.fill(sessions)

    def note(self, notice: PodNotice) -> None:
        """Keep a notice."""
        self._writer.note(notice)

    def session(self, session: str) -> SessionRecord | None:
        """Give one session."""
        kept = self._reader.record(session)
        return None if kept is None else kept.record

    def sessions(self, query: Query) -> list[SessionRecord]:
        """Give sessions, newest first."""
        return self._reader.sessions(query)

    def changed(self, *, after: int, namespace: str | None, limit: int) -> list[SessionRecord]:
        """Give changed sessions, oldest change first."""
        return self._reader.changed(after=after, namespace=namespace, limit=limit)

    def frames(self, session: str, *, start: int, limit: int) -> list[Frame]:
        """Give frames from number ``start``."""
        return self._reader.frames(session, start=start, limit=limit)

    def notices(self, *, namespace: str | None, since: int | None, limit: int) -> list[PodNotice]:
        """Give notices, newest first."""
        return self._reader.notices(namespace=namespace, since=since, limit=limit)

    def search(self, query: Query) -> list[Hit]:
        """Give where the text is found."""
        return self._searcher.search(query)

    def record(self, events: Sequence[AuditEvent], *, received_at: int) -> list[AuditEvent]:
        """Keep audit events."""
        return self._writer.record(events, received_at=received_at)

    def audit_events(self, query: AuditQuery) -> list[KeptEvent]:
        """Give audit events, newest first."""
        return self._audit.events(query)

    def audit_events_since(self, *, after: int, namespace: str | None, limit: int) -> list[KeptEvent]:
        """Give audit events in the order they were received."""
        return self._audit.since(after=after, namespace=namespace, limit=limit)

    def remove_sessions(self, sessions: Sequence[str]) -> None:
        """Remove sessions."""
        self._remover().sessions(sessions)

    def remove_audit_events(self, ids: Sequence[str]) -> None:
        """Remove audit events."""
        self._remover().audit_events(ids)

    def remove_notices(self, *, before: int) -> None:
        """Remove old notices."""
        self._remover().notices(before=before)

    def tidy(self, *, hot_before: int) -> None:
        """Remove empty indices and merge old ones; without the lifecycle plugin, roll over as it would."""
        self._remover().tidy(hot_before=hot_before)
        self._present.clear()

    def close(self) -> None:
        """Close the connections."""
        self._removing.close()
        self._client.close()

    def _remover(self) -> Remover:
        return Remover(self._removing, self._names, lifecycle=self._lifecycle)

    def _put_lifecycle(self) -> bool:
        """Put the lifecycle policies and tell whether the cluster has the plugin for them."""
        for name, policy in lifecycle_policies(self._names, hot_months=self._hot_months).items():
            path = f"{POLICIES}/{name}"
            kept = self._client.ask(_KeptPolicy, "GET", path, accept=[BAD_REQUEST, FORBIDDEN, NOT_FOUND])
            if kept.status != NOT_FOUND and not kept.version:
                return False
            if not kept.version:
                self._client.ask(msgspec.Raw, "PUT", path, policy, accept=[CONFLICT])
        return True

    def _ensure(self, indices: Sequence[str]) -> None:
        """Create indices from their templates: OpenSearch may be set up not to do so by itself."""
        for index in indices:
            if index not in self._present:
                self._create(f"/{index}")
                self._present.add(index)

    def _create(self, path: str) -> None:
        answer = self._client.ask(_Created, "PUT", path, accept=[BAD_REQUEST])
        if answer.error is not None and answer.error.type != "resource_already_exists_exception":
            raise StoreError(f"OpenSearch did not create {path}: {answer.error.type}")


class _KeptPolicy(msgspec.Struct):
    version: int = msgspec.field(name="_version", default=0)
    status: int = 0
    """Of a refusal; absent where nothing answers for policies."""


class _Cause(msgspec.Struct):
    type: str = ""


class _Created(msgspec.Struct):
    error: _Cause | None = None
