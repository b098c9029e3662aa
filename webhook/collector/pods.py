"""Whether a pod still exists, from the API server."""

from typing import Final
from urllib.parse import quote

import msgspec

from webhook.kube.api import KubeApi

_SECONDS: Final = 5.0


class _Meta(msgspec.Struct, frozen=True):
    uid: str = ""


class _Pod(msgspec.Struct, frozen=True):
    metadata: _Meta = _Meta()


class KubePods:
    """Finds pods by GET."""

    def __init__(self, api: KubeApi) -> None:
        self._api = api

    def exists(self, namespace: str, name: str, uid: str) -> bool:
        """Tell whether this very pod is there: another of its name has another uid. Raises ClusterError."""
        path = f"/api/v1/namespaces/{quote(namespace, safe='')}/pods/{quote(name, safe='')}"
        found = self._api.get(path, _Pod, seconds=_SECONDS)
        return found is not None and found.metadata.uid == uid
