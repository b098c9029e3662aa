"""Tells the API server, in a thread of its own: best effort, bounded, and never in anybody's way."""

import contextlib
import datetime as dt
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable
from typing import Final, Protocol
from urllib.parse import quote

import msgspec

from sidecar.contract.errors import ClusterError
from webhook.cluster_events.remarks import Reference, is_told, remark
from webhook.cluster_events.series import Make, Series
from webhook.journal.events import AuditEvent
from webhook.journal.glass import as_glass
from webhook.journal.masked import Mask, masked
from webhook.kube.api import MERGE_PATCH, Reply

_log = logging.getLogger(__name__)
_API: Final = "events.k8s.io/v1"
_CONTROLLER: Final = "chaperone.dev/chaperone"
_MOST_WAITING: Final = 1000
_PER_SECOND: Final = 10.0
_LOOK_SECONDS: Final = 10.0
_REQUEST_SECONDS: Final = 5.0
_STOP_SECONDS: Final = 5.0


class Api(Protocol):
    """What is used of the API server."""

    def request(
        self,
        method: str,
        path: str,
        *,
        body: object | None = None,
        content_type: str = ...,
        seconds: float = ...,
    ) -> Reply:
        """Give the reply. Raises ClusterError when there is none."""
        ...


class Counts(Protocol):
    """Counts what became of cluster events."""

    def written(self) -> None:
        """Count one that was written."""
        ...

    def lost(self) -> None:
        """Count one that was not."""
        ...


class _Metadata(msgspec.Struct, frozen=True):
    name: str
    namespace: str


class _Series(msgspec.Struct, frozen=True, rename="camel"):
    count: int
    last_observed_time: str


class _Event(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """``events.k8s.io/v1.Event``."""

    metadata: _Metadata
    event_time: str
    reporting_instance: str
    action: str
    reason: str
    regarding: Reference
    related: Reference | None = None
    note: str
    type: str
    reporting_controller: str
    api_version: str
    kind: str


class _Repeated(msgspec.Struct, frozen=True):
    series: _Series


class Teller:
    """A listener to audit events that tells of them on their objects. ``clock`` gives Unix seconds."""

    def __init__(
        self,
        api: Api,
        *,
        instance: str,
        mask: Callable[[], Mask],
        counts: Counts,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``instance`` is the name of this pod; ``mask`` gives a masking function for one thread."""
        self._api = api
        self._instance = instance
        self._make_mask = mask
        self._counts = counts
        self._clock = clock
        self._mask: Mask | None = None
        self._series = Series()
        self._waiting: queue.Queue[AuditEvent | None] = queue.Queue(_MOST_WAITING)
        self._trouble = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cluster-events", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def offer(self, events: Iterable[AuditEvent]) -> None:
        """Take note of some. Never waits; what does not fit is lost and counted."""
        for event in map(as_glass, events):
            if is_told(event):
                try:
                    self._waiting.put_nowait(event)
                except queue.Full:
                    self._counts.lost()

    def stop(self) -> None:
        """Write what is left, for a moment."""
        self._stopping.set()
        with contextlib.suppress(queue.Full):  # then the thread is awake
            self._waiting.put_nowait(None)
        self._thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        while not (self._stopping.is_set() and (self._waiting.empty() or self._trouble)):
            try:
                event = self._waiting.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                event = None
            if event is not None:
                self._take(event)
            self._write_due()
        self._write_due(everything=True)

    def _take(self, event: AuditEvent) -> None:
        try:
            self._mask = self._mask or self._make_mask()
            found = remark(masked(event, self._mask)[0])
        except Exception as error:  # noqa: BLE001  one event that nobody can tell must not silence the rest
            _log.error("cluster events: a bug (%s)", type(error).__name__)
            self._counts.lost()
            return
        made = self._series.take(found, self._clock()) if found is not None else None
        if made is not None:
            self._write("POST", _path(made.remark.regarding.namespace), self._event(made))

    def _write_due(self, *, everything: bool = False) -> None:
        for repeat in self._series.due(self._clock(), everything=everything):
            body = _Repeated(_Series(repeat.count, _moment(repeat.at)))
            if self._write("PATCH", _path(repeat.namespace, repeat.name), body) == 404:
                self._series.forget(repeat.name)

    def _write(self, method: str, path: str, body: object) -> int:
        """Give the answer's status, 0 when there is none."""
        content_type = MERGE_PATCH if method == "PATCH" else "application/json"
        try:
            status = self._api.request(
                method, path, body=body, content_type=content_type, seconds=_REQUEST_SECONDS
            ).status
            trouble = "" if 200 <= status < 300 else f"the API server answered {status}"
        except ClusterError as error:
            status, trouble = 0, str(error)
        (self._counts.lost if trouble else self._counts.written)()
        if trouble and trouble != self._trouble:
            _log.warning("cluster events: %s", trouble)
        self._trouble = trouble
        self._stopping.wait(1 / _PER_SECOND)
        return status

    def _event(self, made: Make) -> _Event:
        told = made.remark
        return _Event(
            metadata=_Metadata(made.name, told.regarding.namespace),
            event_time=_moment(made.at),
            reporting_controller=_CONTROLLER,
            reporting_instance=self._instance,
            action=told.action,
            reason=told.reason,
            regarding=told.regarding,
            related=told.related,
            note=told.text,
            type="Warning" if told.warns else "Normal",
            api_version=_API,
            kind="Event",
        )


def _moment(at: float) -> str:
    """Give a ``metav1.MicroTime``."""
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _path(namespace: str, name: str = "") -> str:
    path = f"/apis/{_API}/namespaces/{quote(namespace, safe='')}/events"
    return f"{path}/{quote(name, safe='')}" if name else path
