"""Guarded pods, kept up to date by a watch: finding one costs no request.

An exec's set-up waits for the lookup, and a GET takes several times as long as everything else the door
does. The cache only ever answers what the API server told it; what it does not know is asked for.
"""

import threading
from typing import Final
from urllib.parse import quote, urlencode

import msgspec

from sidecar.contract.errors import ClusterError
from sidecar.contract.names import INJECTED_LABEL
from webhook.admission.lookup import PodLookup
from webhook.admission.pods import Pod
from webhook.kube.api import KubeApi, Stream

_PATH: Final = "/api/v1/pods"
_PAGE: Final = 250
_WATCH_SECONDS: Final = 600
_QUIET_SECONDS: Final = 90.0
"""The API server sends a bookmark every minute, so a longer silence is a dead connection."""


class _ListMetadata(msgspec.Struct, frozen=True, rename="camel"):
    resource_version: str = ""
    continue_: str = msgspec.field(name="continue", default="")


class _PodList(msgspec.Struct, frozen=True):
    metadata: _ListMetadata
    items: tuple[Pod, ...] = ()


class _Event(msgspec.Struct, frozen=True):
    type: str
    object: msgspec.Raw


_events = msgspec.json.Decoder(_Event)
_pods = msgspec.json.Decoder(Pod)


class PodCache:
    """Finds pods among those a watch has told of, and asks ``fallback`` for all others."""

    def __init__(self, api: KubeApi, fallback: PodLookup) -> None:
        self._api = api
        self._fallback = fallback
        self._pods: dict[tuple[str, str], Pod] = {}
        self._stream: Stream | None = None
        self._stopped = threading.Event()

    async def find(self, namespace: str, name: str) -> Pod | None:
        """Give the pod, or None when there is none. Raises ClusterError.

        A recorder that did not run a moment ago may run now, so of such a pod the API server is asked.
        """
        known = self._pods.get((namespace, name))
        if known is None or known.recorder_trouble:
            return await self._fallback.find(namespace, name)
        return known

    def follow(self) -> None:
        """List, then watch until the API server or :meth:`stop` ends it. Blocks. Raises ClusterError.

        Afterwards nothing is known, and everything is asked for.
        """
        try:
            self._watch(self._list())
        except ClusterError:
            if not self._stopped.is_set():
                raise
        finally:
            self._stream = None
            self._pods = {}

    def stop(self) -> None:
        """End :meth:`follow` soon, from any thread."""
        self._stopped.set()
        stream = self._stream
        if stream is not None:
            stream.stop()

    def _list(self) -> str:
        found: dict[tuple[str, str], Pod] = {}
        following = ""
        while True:
            page = self._api.get(_path(limit=_PAGE, following=following), _PodList, seconds=30)
            if page is None:
                raise ClusterError("the API server lists no pods")
            found.update({_key(pod): pod for pod in page.items})
            following = page.metadata.continue_
            if not following:
                self._pods = found
                return page.metadata.resource_version

    def _watch(self, version: str) -> None:
        self._stream = self._open(version)
        if self._stopped.is_set():
            self._stream.stop()
        for line in self._stream:
            self._take(line)

    def _open(self, version: str) -> Stream:
        query = {
            "labelSelector": INJECTED_LABEL,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(_WATCH_SECONDS),
        }
        return self._api.stream(f"{_PATH}?{urlencode(query)}", quiet_seconds=_QUIET_SECONDS)

    def _take(self, line: bytes) -> None:
        try:
            event = _events.decode(line)
            if event.type == "BOOKMARK":
                return
            if event.type not in {"ADDED", "MODIFIED", "DELETED"}:
                raise ClusterError("the API server ended the watch of pods")
            pod = _pods.decode(event.object)
        except msgspec.MsgspecError as error:
            raise ClusterError(f"an event of the watch of pods cannot be read: {error}") from None
        if event.type == "DELETED":
            self._pods.pop(_key(pod), None)
        else:
            self._pods[_key(pod)] = pod


def _key(pod: Pod) -> tuple[str, str]:
    return pod.metadata.namespace, pod.metadata.name


def _path(*, limit: int, following: str) -> str:
    path = f"{_PATH}?labelSelector={quote(INJECTED_LABEL, safe='')}&limit={limit}"
    return f"{path}&continue={quote(following, safe='')}" if following else path
