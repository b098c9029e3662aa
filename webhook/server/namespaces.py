"""Labels of namespaces, kept up to date by a watch."""

import asyncio
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

import msgspec

from sidecar.contract.errors import ClusterError
from webhook.kube.api import KubeApi

PATH: Final = "/api/v1/namespaces"


class _Metadata(msgspec.Struct, frozen=True):
    name: str
    labels: dict[str, str] | None = None


class _Namespace(msgspec.Struct, frozen=True):
    metadata: _Metadata


class NamespaceLabels:
    """Knows the labels of namespaces a watch has told of; of others it asks the API server.

    While there is no watch, what was told last stays: labels change seldom, and a rule that needs them would
    otherwise refuse everything.
    """

    def __init__(self, api: KubeApi, *, seconds: float) -> None:
        self._api = api
        self._seconds = seconds
        self._labels: dict[str, Mapping[str, str]] = {}

    async def labels(self, namespace: str) -> Mapping[str, str]:
        """Give a namespace's labels; none where there is no such namespace. Raises ClusterError."""
        known = self._labels.get(namespace)
        return await asyncio.to_thread(self._ask, namespace) if known is None else known

    def _ask(self, namespace: str) -> Mapping[str, str]:
        found = self._api.get(f"{PATH}/{quote(namespace, safe='')}", _Namespace, seconds=self._seconds)
        return (found.metadata.labels or {}) if found else {}

    def listed(self, objects: list[msgspec.Raw]) -> None:
        """Take all namespaces there are."""
        self._labels = dict(_labels(obj) for obj in objects)

    def changed(self, obj: msgspec.Raw) -> None:
        """Take one that was added or changed."""
        name, labels = _labels(obj)
        self._labels[name] = labels

    def deleted(self, obj: msgspec.Raw) -> None:
        """Forget one."""
        self._labels.pop(_labels(obj)[0], None)


def _labels(obj: msgspec.Raw) -> tuple[str, Mapping[str, str]]:
    try:
        metadata = msgspec.json.decode(obj, type=_Namespace).metadata
    except msgspec.MsgspecError as error:
        raise ClusterError(f"a namespace cannot be read: {error}") from None
    return metadata.name, metadata.labels or {}
