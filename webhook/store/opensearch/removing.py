"""Removing what is too old, and storing what is old for rare use. Needs rights that writing does not need.

Documents are deleted by what they belong to, so that what is held stays; an index that is empty then goes
whole. A session's record goes last: while it is there, its removal can be done again.
"""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from webhook.store.contract import StoreError
from webhook.store.opensearch.client import Client
from webhook.store.opensearch.names import Names
from webhook.store.opensearch.queries import Json, of_sessions

_NOT_FOUND: Final = 404
_BAD_REQUEST: Final = 400
_POLL_SECONDS: Final = 0.2
_POLLS: Final = 18_000
_ROLLOVER: Final[Json] = {"conditions": {"max_age": "30d", "max_size": "30gb"}}
LENIENT: Final[dict[str, Any]] = {"ignore_unavailable": "true", "allow_no_indices": "true"}


class _Started(msgspec.Struct):
    task: str


class _Task(msgspec.Struct):
    failures: list[msgspec.Raw] = []


class _Progress(msgspec.Struct):
    completed: bool = False
    response: _Task = msgspec.field(default_factory=_Task)
    error: msgspec.Raw | None = None


class _Index(msgspec.Struct, rename={"count": "docs.count"}):
    index: str
    count: str | None = None


class _Backing(msgspec.Struct):
    index_name: str


class _Stream(msgspec.Struct):
    indices: list[_Backing] = []


class _Streams(msgspec.Struct):
    data_streams: list[_Stream] = []


class Remover:
    """Removes from one OpenSearch. Safe for threads."""

    def __init__(
        self, client: Client, names: Names, *, lifecycle: bool, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """``lifecycle`` tells that a lifecycle policy of the cluster rolls data streams over."""
        self._client = client
        self._names = names
        self._lifecycle = lifecycle
        self._sleep = sleep

    def sessions(self, sessions: Sequence[str]) -> None:
        """Remove sessions with frames and passages."""
        if not sessions:
            return
        names = self._names
        for indices in (names.events, names.all_passages, names.all_sessions):
            self._delete(indices, of_sessions(sessions))

    def audit_events(self, ids: Sequence[str]) -> None:
        """Remove audit events."""
        if ids:
            self._delete(self._names.audit, {"terms": {"event.id": ids}})

    def notices(self, *, before: int) -> None:
        """Remove old notices."""
        self._delete(self._names.notices, {"range": {"chaperone.received_at": {"lt": before}}})

    def tidy(self, *, hot_before: int) -> None:
        """Begin new backing indices when it is time, merge old indices, and remove empty ones."""
        names = self._names
        for stream in (names.events, names.audit):
            if not self._lifecycle:
                path = f"/{stream}/_rollover"
                self._client.ask(msgspec.Raw, "POST", path, _ROLLOVER, accept=[_BAD_REQUEST])
            self._drop_empty(self._backing(stream))
        moment = datetime.fromtimestamp(hot_before // 1_000_000_000, UTC)
        for prefix in (names.all_sessions, names.all_passages):
            cold = [index for index in self._indices(prefix) if index[-7:] < f"{moment:%Y.%m}"]
            left = set(cold) - set(self._drop_empty(cold))
            for index in sorted(left):
                options: dict[str, Any] = {"max_num_segments": 1, "wait_for_completion": "false"}
                self._client.ask(msgspec.Raw, "POST", f"/{index}/_forcemerge", **options)

    def _delete(self, indices: str, query: Json) -> None:
        """Delete documents, visible or not yet, and wait until it is done."""
        self._client.ask(msgspec.Raw, "POST", f"/{indices}/_refresh", **LENIENT)
        path = f"/{indices}/_delete_by_query"
        options: dict[str, Any] = {
            "wait_for_completion": "false",
            "conflicts": "proceed",
            "refresh": "true",
            **LENIENT,
        }
        started = self._client.ask(_Started, "POST", path, {"query": query}, **options)
        progress = _Progress()
        for _ in range(_POLLS):
            progress = self._client.ask(_Progress, "GET", f"/_tasks/{started.task}", accept=[_NOT_FOUND])
            if progress.completed:
                break
            self._sleep(_POLL_SECONDS)
        if not progress.completed or progress.error is not None or progress.response.failures:
            raise StoreError(f"OpenSearch did not delete all that was to go from {indices}")

    def _indices(self, pattern: str) -> list[str]:
        found = self._client.ask(
            list[_Index], "GET", f"/_cat/indices/{pattern}", format="json", h="index,docs.count"
        )
        return sorted(index.index for index in found)

    def _backing(self, stream: str) -> list[str]:
        """Give the backing indices that nothing is written to any more."""
        found = self._client.ask(_Streams, "GET", f"/_data_stream/{stream}").data_streams
        return [backing.index_name for stream in found for backing in stream.indices[:-1]]

    def _drop_empty(self, indices: Sequence[str]) -> list[str]:
        if not indices:
            return []
        path = f"/_cat/indices/{','.join(indices)}"
        found = self._client.ask(list[_Index], "GET", path, format="json", h="index,docs.count")
        empty = [index.index for index in found if index.count == "0"]
        for index in empty:
            self._client.ask(msgspec.Raw, "DELETE", f"/{index}", accept=[_NOT_FOUND])
        return empty
