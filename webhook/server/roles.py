"""Roles, found through the API server when somebody binds to one."""

import asyncio
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

import msgspec

from webhook.kube.api import KubeApi
from webhook.policy.rights import Right

_PATH: Final = "/apis/rbac.authorization.k8s.io/v1"


class _Role(msgspec.Struct, frozen=True):
    rules: tuple[Right, ...] | None = None


class ApiRoleLookup:
    """Finds roles by GET."""

    def __init__(self, api: KubeApi, *, seconds: float) -> None:
        """``seconds`` is how long one request may take."""
        self._api = api
        self._seconds = seconds

    async def rights(self, kind: str, namespace: str, name: str) -> Sequence[Right] | None:
        """Give the rules of a ``Role`` or ``ClusterRole``, None when there is none. Raises ClusterError."""
        if not name or kind not in {"Role", "ClusterRole"}:
            return None
        place = f"namespaces/{quote(namespace, safe='')}/roles" if kind == "Role" else "clusterroles"
        path = f"{_PATH}/{place}/{quote(name, safe='')}"
        found = await asyncio.to_thread(self._api.get, path, _Role, seconds=self._seconds)
        return None if found is None else found.rules or ()
