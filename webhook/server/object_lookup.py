"""Objects of any kind that doors guard, found through the API server when somebody decides on a change."""

import asyncio
from typing import Any, Final
from urllib.parse import quote

from webhook.admission.lookup import NotPermittedError
from webhook.kube.api import KubeApi

_VERSIONS: Final = {"chaperone.dev": "v1alpha1"}
"""Of groups whose objects are not read as ``v1``."""


class ApiObjectLookup:
    """Finds objects by GET."""

    def __init__(self, api: KubeApi, *, seconds: float) -> None:
        """``seconds`` is how long one request may take."""
        self._api = api
        self._seconds = seconds

    async def find(self, resource: str, namespace: str, name: str) -> dict[str, Any] | None:
        """Give an object as it is now, None when there is none. Raises NotPermittedError and ClusterError."""
        return await asyncio.to_thread(self._find, resource, namespace, name)

    def _find(self, resource: str, namespace: str, name: str) -> dict[str, Any] | None:
        reply = self._api.request("GET", path_of(resource, namespace, name), seconds=self._seconds)
        match reply.status:
            case 404:
                return None
            case 403:
                where = f"in namespace {namespace}" if namespace else "of the cluster"
                raise NotPermittedError(f"Chaperone may not read {resource} {where}")
            case _:
                return reply.decode(dict[str, Any])


def path_of(resource: str, namespace: str, name: str) -> str:
    """Give the path of an object's latest version; ``resource`` as in ``deployments.apps/scale``."""
    full, _, sub = resource.partition("/")
    plural, _, group = full.partition(".")
    root = f"/apis/{group}/{_VERSIONS.get(group, 'v1')}" if group else "/api/v1"
    where = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
    return f"{root}{where}/{plural}/{quote(name, safe='')}" + (f"/{sub}" if sub else "")
