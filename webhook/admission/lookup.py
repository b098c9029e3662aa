"""What doors must know of the cluster."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from webhook.admission.pods import Pod
from webhook.policy.rights import Right


class PodLookup(Protocol):
    """Finds pods."""

    async def find(self, namespace: str, name: str) -> Pod | None:
        """Give the pod, or None when there is none. Raises ClusterError when that cannot be known."""
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
