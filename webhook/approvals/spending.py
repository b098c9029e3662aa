"""Noting in an approval request that its session has started."""

from typing import Final

from msgspec.structs import replace

from sidecar.contract.errors import ClusterError
from webhook.approvals import lifecycle, telling
from webhook.approvals.standing import PREFIX
from webhook.approvals.telling import Source
from webhook.approvals.tickets import KubeTickets
from webhook.journal.journal import Journal

_TRIES: Final = 5


class Spender:
    """Uses up approvals for good, and tells so."""

    def __init__(self, tickets: KubeTickets, journal: Journal, source: Source) -> None:
        self._tickets = tickets
        self._journal = journal
        self._source = source

    def spend(self, namespace: str, name: str, session: str) -> None:
        """Use up an approval. Blocks; raises ClusterError. One that is gone, or used, is left alone.

        It is told before it is written, so that neither can be lost; told twice it is the same event.
        A standing approval is not used up, and its use was told when the grant was given out.
        """
        if name.startswith(PREFIX):
            return
        for _ in range(_TRIES):
            ticket = self._tickets.get(namespace, name)
            status = None if ticket is None else lifecycle.used_by_session(ticket, session)
            if ticket is None or status is None:
                return
            used = replace(ticket, status=status)
            self._journal.note(telling.used(self._source, used, session, ""))
            if self._tickets.update(ticket, status):
                return
        raise ClusterError("the approval request changes faster than it can be written")
