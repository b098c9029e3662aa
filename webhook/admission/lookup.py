"""What doors must know of the cluster."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sidecar.contract.errors import ClusterError
from webhook.admission.pods import Pod
from webhook.policy.rights import Right
from webhook.registry.manifests import Program


class PodLookup(Protocol):
    """Finds pods."""

    async def find(self, namespace: str, name: str) -> Pod | None:
        """Give the pod, or None when there is none. Raises ClusterError when that cannot be known."""
        ...


class NotPermittedError(ClusterError):
    """The cluster does not let Chaperone look."""


class ObjectLookup(Protocol):
    """Finds objects of any kind that doors guard."""

    async def find(self, resource: str, namespace: str, name: str) -> dict[str, Any] | None:
        """Give an object as it is now, None when there is none.

        ``resource`` is ``secrets``, ``deployments.apps``, ``deployments.apps/scale``; ``namespace`` is empty
        for what is in none. Raises NotPermittedError, and ClusterError when it cannot be known.
        """
        ...


class NamespaceLookup(Protocol):
    """Knows namespaces."""

    async def labels(self, namespace: str) -> Mapping[str, str]:
        """Give a namespace's labels; none where there is no such namespace. Raises ClusterError."""
        ...


class RoleLookup(Protocol):
    """Knows roles."""

    async def rights(self, kind: str, namespace: str, name: str) -> Sequence[Right] | None:
        """Give the rules of a ``Role`` or ``ClusterRole``, None when there is none. Raises ClusterError."""
        ...


class ImageLookup(Protocol):
    """Knows images."""

    async def program(self, image: str, pod: Pod, namespace: str) -> Program:
        """Give what an image of a pod starts. Raises ImageError when that cannot be known."""
        ...
