"""Objects of the release namespace as the source of truth: read, created once, replaced if unchanged."""

from collections.abc import Callable
from typing import Final

import msgspec

from sidecar.contract.errors import ClusterError
from webhook.kube.api import KubeApi, Reply

Data = dict[str, bytes]
LABELS: Final = {"app.kubernetes.io/part-of": "chaperone", "app.kubernetes.io/managed-by": "chaperone"}
_TRIES: Final = 5


class _Metadata(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    name: str
    namespace: str
    resource_version: str = ""
    labels: dict[str, str] = {}


class _Secret(msgspec.Struct, frozen=True, rename="camel"):
    """A Secret; ``data`` is base64 in JSON and bytes here."""

    metadata: _Metadata
    data: Data = {}
    type: str = "Opaque"
    api_version: str = "v1"
    kind: str = "Secret"

    def __repr__(self) -> str:
        return f"Secret({self.metadata.name})"


class _ConfigMap(msgspec.Struct, frozen=True, rename="camel"):
    metadata: _Metadata
    data: dict[str, str] = {}
    api_version: str = "v1"
    kind: str = "ConfigMap"


class Vault:
    """The Secrets and ConfigMaps of one namespace. Methods block and raise ClusterError."""

    def __init__(self, api: KubeApi, namespace: str) -> None:
        self._api = api
        self._namespace = namespace

    def secret(self, name: str) -> Data | None:
        """Give a Secret's data, or None when there is none."""
        found = self._api.get(self._path("secrets", name), _Secret)
        return None if found is None else found.data

    def config(self, name: str) -> dict[str, str] | None:
        """Give a ConfigMap's data, or None when there is none."""
        found = self._api.get(self._path("configmaps", name), _ConfigMap)
        return None if found is None else found.data

    def ensure_secret(
        self,
        name: str,
        *,
        make: Callable[[Data], Data],
        due: Callable[[Data], bool],
        kind: str = "Opaque",
    ) -> Data:
        """Give a Secret's data, after making or renewing it where that is due.

        ``make`` is given the data there is. When another replica was quicker, its data is given instead.
        """
        for _ in range(_TRIES):
            found = self._api.get(self._path("secrets", name), _Secret)
            if found is not None and not due(found.data):
                return found.data
            kept = {} if found is None else found.data
            version = "" if found is None else found.metadata.resource_version
            metadata = _Metadata(name, self._namespace, version, LABELS)
            made = _Secret(metadata, make(kept), kind if found is None else found.type)
            if self._write("secrets", name, made, exists=found is not None):
                return made.data
        raise ClusterError(f"Secret {name} changes faster than it can be written")

    def ensure_config(self, name: str, data: dict[str, str]) -> None:
        """Make a ConfigMap hold exactly this data."""
        self.change_config(name, lambda _: data)

    def change_config(self, name: str, change: Callable[[dict[str, str]], dict[str, str]]) -> None:
        """Make a ConfigMap hold what ``change`` makes of its data, and make it where there is none."""
        for _ in range(_TRIES):
            found = self._api.get(self._path("configmaps", name), _ConfigMap)
            data = change({} if found is None else found.data)
            if found is not None and found.data == data:
                return
            version = "" if found is None else found.metadata.resource_version
            made = _ConfigMap(_Metadata(name, self._namespace, version, LABELS), data)
            if self._write("configmaps", name, made, exists=found is not None):
                return
        raise ClusterError(f"ConfigMap {name} changes faster than it can be written")

    def _write(self, plural: str, name: str, made: _Secret | _ConfigMap, *, exists: bool) -> bool:
        """Create, or replace what has not changed since it was read; False when another was quicker."""
        path = self._path(plural, name if exists else "")
        reply: Reply = self._api.request("PUT" if exists else "POST", path, body=made)
        if reply.status in {404, 409}:
            return False
        if not 200 <= reply.status < 300:
            raise ClusterError(
                f"{made.kind} {name} cannot be written: the API server answered {reply.status}"
            )
        return True

    def _path(self, plural: str, name: str) -> str:
        return f"/api/v1/namespaces/{self._namespace}/{plural}/{name}".rstrip("/")
