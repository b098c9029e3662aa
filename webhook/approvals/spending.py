"""Noting in an approval request that its session has started."""

from typing import Final

from sidecar.contract.errors import ClusterError
from webhook.approvals import lifecycle
from webhook.approvals.tickets import KubeTickets

_TRIES: Final = 5


def spend(tickets: KubeTickets, namespace: str, name: str, session: str) -> None:
    """Use up an approval for good. Blocks; raises ClusterError. One that is gone, or used, is left alone."""
    for _ in range(_TRIES):
        ticket = tickets.get(namespace, name)
        status = None if ticket is None else lifecycle.used_by_session(ticket, session)
        if ticket is None or status is None or tickets.update(ticket, status):
            return
    raise ClusterError("the approval request changes faster than it can be written")
