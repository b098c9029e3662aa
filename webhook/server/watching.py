"""Following a list of objects: list, then watch, until the API server or :meth:`Follower.stop` ends it."""

import threading
from typing import Final, Protocol
from urllib.parse import quote, urlencode

import msgspec

from sidecar.contract.errors import ClusterError
from webhook.kube.api import KubeApi, Stream

_PAGE: Final = 250
_WATCH_SECONDS: Final = 600
_QUIET_SECONDS: Final = 90.0
"""The API server sends a bookmark every minute, so a longer silence is a dead connection."""


class Sink(Protocol):
    """Takes what is told. Called from the follower's thread."""

    def listed(self, objects: list[msgspec.Raw]) -> None:
        """Take all objects there are."""
        ...

    def changed(self, obj: msgspec.Raw) -> None:
        """Take one that was added or changed."""
        ...

    def deleted(self, obj: msgspec.Raw) -> None:
        """Take the last state of one that is gone."""
        ...


class _ListMetadata(msgspec.Struct, frozen=True, rename="camel"):
    resource_version: str = ""
    continue_: str = msgspec.field(name="continue", default="")


class _List(msgspec.Struct, frozen=True):
    metadata: _ListMetadata
    items: tuple[msgspec.Raw, ...] | None = ()


class _Event(msgspec.Struct, frozen=True):
    type: str
    object: msgspec.Raw


_events = msgspec.json.Decoder(_Event)


class Follower:
    """Tells a sink of the objects at a path of the API."""

    def __init__(self, api: KubeApi, path: str, sink: Sink) -> None:
        self._api = api
        self._path = path
        self._sink = sink
        self._stream: Stream | None = None
        self._stopped = threading.Event()

    def follow(self) -> None:
        """List and watch. Blocks. Raises ClusterError; a path that the API does not have has no objects."""
        try:
            version = self._list()
            if version is not None:
                self._watch(version)
        except ClusterError:
            if not self._stopped.is_set():
                raise
        finally:
            self._stream = None

    def stop(self) -> None:
        """End :meth:`follow` soon, from any thread."""
        self._stopped.set()
        stream = self._stream
        if stream is not None:
            stream.stop()

    def _list(self) -> str | None:
        found: list[msgspec.Raw] = []
        following = ""
        while True:
            query = f"limit={_PAGE}" + (f"&continue={quote(following, safe='')}" if following else "")
            page = self._api.get(f"{self._path}?{query}", _List, seconds=30)
            if page is None:
                self._sink.listed([])
                return None
            found += page.items or ()
            following = page.metadata.continue_
            if not following:
                self._sink.listed(found)
                return page.metadata.resource_version

    def _watch(self, version: str) -> None:
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(_WATCH_SECONDS),
        }
        self._stream = self._api.stream(f"{self._path}?{urlencode(query)}", quiet_seconds=_QUIET_SECONDS)
        if self._stopped.is_set():
            self._stream.stop()
        for line in self._stream:
            self._take(line)

    def _take(self, line: bytes) -> None:
        try:
            event = _events.decode(line)
        except msgspec.MsgspecError as error:
            raise ClusterError(f"an event of the watch of {self._path} cannot be read: {error}") from None
        match event.type:
            case "BOOKMARK":
                return
            case "ADDED" | "MODIFIED":
                self._sink.changed(event.object)
            case "DELETED":
                self._sink.deleted(event.object)
            case _:
                raise ClusterError(f"the API server ended the watch of {self._path}")
