"""What the exec door must know of the cluster."""

from typing import Protocol

from webhook.admission.pods import Pod


class PodLookup(Protocol):
    """Finds pods."""

    async def find(self, namespace: str, name: str) -> Pod | None:
        """Give the pod, or None when there is none. Raises ClusterError when that cannot be known."""
        ...
