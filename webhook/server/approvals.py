"""Approvals of the admission role: put together from the cluster, the clock and the masking engine."""

import asyncio
import datetime as dt
import time
from collections.abc import Callable, Iterable
from typing import Final

from sidecar.masking import Engine, Profile
from webhook.admission.approval_requests import ApprovalRequestDoor
from webhook.admission.approving import DeskApproving
from webhook.admission.grants import Keys
from webhook.approvals import lifecycle
from webhook.approvals.desk import Desk
from webhook.approvals.objects import ApprovalRequest
from webhook.approvals.redaction import Redaction
from webhook.approvals.rights import KubeRights
from webhook.approvals.tickets import KubeTickets
from webhook.kube.api import KubeApi
from webhook.settings import Settings

EXPIRY_SECONDS: Final = 30.0
_REQUEST_SECONDS: Final = 3.0
"""Of one request; a review makes at most a few."""


class Approvals:
    """What doors ask, what judges verdicts, and what notes that a request's time has passed."""

    def __init__(
        self, api: KubeApi, settings: Settings, *, observe: Callable[[Iterable[ApprovalRequest]], None]
    ) -> None:
        """``observe`` is told of all requests now and again."""
        self._observe = observe
        self._tickets = KubeTickets(api, seconds=_REQUEST_SECONDS)
        self._rights = KubeRights(api, seconds=_REQUEST_SECONDS)
        self._engine: Engine | None = None
        self._terms = settings.approvals
        self._writers = settings.own_users

    def prepare(self) -> None:
        """Load the masking engine; takes a moment."""
        self._engine = Engine.load(Profile.STRICT)

    def approving(self, keys: Callable[[], Keys]) -> DeskApproving:
        """Give what doors ask."""
        redaction = Redaction(self._loaded)
        desk = Desk(self._tickets, redaction, self._terms, clock=lambda: int(time.time()))
        return DeskApproving(desk, lambda: keys().seal_key)

    def engine(self) -> Engine:
        """Give the masking engine."""
        return self._loaded()

    def door(self) -> ApprovalRequestDoor:
        """Give what judges writes of approval requests."""
        return ApprovalRequestDoor(self._rights, writers=self._writers, clock=_now)

    async def expire(self) -> None:
        """Write into requests that their time has passed. Raises ClusterError."""
        await asyncio.to_thread(self._expire)

    def _expire(self) -> None:
        tickets = tuple(self._tickets.everything())
        self._observe(tickets)
        for ticket in tickets:
            status = lifecycle.expired(ticket, _now())
            if status is not None:
                self._tickets.update(ticket, status)

    def _loaded(self) -> Engine:
        if self._engine is None:
            self.prepare()
        assert self._engine is not None  # noqa: S101  prepare has set it
        return self._engine


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(microsecond=0)
