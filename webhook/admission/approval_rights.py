"""What both doors of approvals ask of the cluster."""

from typing import Protocol

from sidecar.contract.sealing import Identity


class Rights(Protocol):
    """Knows what the cluster's RBAC lets people do."""

    def may_approve(self, identity: Identity, resource: str, namespace: str, name: str) -> bool:
        """Tell whether somebody has the verb ``approve`` on an object. Blocks; raises ClusterError."""
        ...
