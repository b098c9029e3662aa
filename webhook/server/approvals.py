"""Approvals of the admission role: put together from the cluster, the clock and the masking engine."""

import asyncio
import datetime as dt
import time
from collections.abc import Callable, Iterable
from typing import Final

from sidecar.contract.sealing import Identity
from sidecar.masking import Engine, Profile
from webhook.accounts import ADMISSION
from webhook.admission.approval_requests import ApprovalRequestDoor
from webhook.admission.approving import DeskApproving
from webhook.admission.grants import Keys
from webhook.admission.lookup import PodLookup
from webhook.admission.standing_approvals import Policies, StandingApprovalDoor
from webhook.admission.targets import Targets
from webhook.approvals.desk import Desk
from webhook.approvals.objects import ApprovalRequest
from webhook.approvals.redaction import Redaction
from webhook.approvals.retelling import told_again
from webhook.approvals.rights import KubeRights
from webhook.approvals.sweeping import sweep
from webhook.approvals.tickets import EVERYWHERE, KubeTickets
from webhook.journal.events import AuditEvent
from webhook.journal.journal import Journal
from webhook.kube.api import KubeApi
from webhook.server.approval_board import ApprovalBoard
from webhook.server.object_lookup import ApiObjectLookup
from webhook.server.sources import source
from webhook.server.watching import Follower
from webhook.settings import Settings

SWEEP_SECONDS: Final = 15.0
STANDING_SECONDS: Final = 3600.0
"""Between two looks for standing approvals that are to be removed."""
RETOLD: Final = dt.timedelta(minutes=15)
"""What has happened to requests within so long before a start is told again: who knew of it may be gone."""
_REQUEST_SECONDS: Final = 3.0
"""Of one request; a review makes at most a few."""


class Approvals:
    """What doors ask, what judges verdicts, and what notes that a request's time has passed."""

    def __init__(
        self,
        api: KubeApi,
        settings: Settings,
        journal: Journal,
        *,
        observe: Callable[[Iterable[ApprovalRequest]], None] = lambda _: None,
        retell: Callable[[Iterable[AuditEvent]], None] = lambda _: None,
    ) -> None:
        """``observe`` is told of all requests now and again; ``retell`` notes what may be on record."""
        self._observe = observe
        self._retell: Callable[[Iterable[AuditEvent]], None] | None = retell
        self.board = ApprovalBoard(most_waiting=settings.approvals.most_held)
        self._tickets = KubeTickets(api, seconds=_REQUEST_SECONDS, known=self.board.generation)
        self._rights = KubeRights(api, seconds=_REQUEST_SECONDS)
        self.objects = ApiObjectLookup(api, seconds=_REQUEST_SECONDS)
        self._terms = settings.approvals
        self._retention = dt.timedelta(seconds=settings.approvals.retention_seconds)
        self._home = settings.namespace
        self._journal = journal
        self._writers = settings.own_users
        self._source = source(settings, ADMISSION)
        self._engine: Engine | None = None
        self._redaction = Redaction(self._loaded)
        self.follower = Follower(api, EVERYWHERE, self.board)

    def prepare(self) -> None:
        """Load the masking engine; takes a moment."""
        self._engine = Engine.load(Profile.STRICT)

    def approving(self, keys: Callable[[], Keys]) -> DeskApproving:
        """Give what doors ask."""
        desk = Desk(
            self._tickets,
            self._tickets,
            self._redaction,
            self._terms,
            journal=self._journal,
            source=self._source,
            clock=lambda: int(time.time()),
            known=self.board.tickets,
        )
        holding = self.board if self._terms.hold_seconds else None
        return DeskApproving(desk, lambda: keys().seal_key, home=self._home, holding=holding)

    def engine(self) -> Engine:
        """Give the masking engine."""
        return self._loaded()

    def shown(self, identity: Identity) -> Identity:
        """Give who somebody is without card data."""
        return self._redaction.identity(identity)

    def door(self, pods: PodLookup, keys: Callable[[], Keys]) -> ApprovalRequestDoor:
        """Give what judges writes of approval requests."""
        targets = Targets(pods, self.objects, lambda: keys().seal_key)
        return ApprovalRequestDoor(
            self._rights,
            writers=self._writers,
            targets=targets.change,
            masked=self._redaction.text,
            shown=self._redaction.identity,
            journal=self._journal,
            source=self._source,
            clock=_now,
        )

    def standing_door(self, policies: Policies) -> StandingApprovalDoor:
        """Give what judges writes of standing approvals."""
        return StandingApprovalDoor(
            self._rights,
            policies,
            masked=self._redaction.text,
            shown=self._redaction.identity,
            journal=self._journal,
            source=self._source,
            clock=_now,
        )

    async def sweep(self) -> None:
        """Write into requests that their time has passed, and remove old ones. Raises ClusterError."""
        await asyncio.to_thread(self._sweep)

    async def sweep_standing(self) -> None:
        """Remove standing approvals that ended long ago. Raises ClusterError."""
        await asyncio.to_thread(self._sweep_standing)

    def _sweep(self) -> None:
        tickets = tuple(self.board.tickets())
        self._observe(tickets)
        if self._retell is not None and self.board.is_known:
            self._retell(told_again(tickets, self._source, _now() - RETOLD))
            self._retell = None
        sweep(
            tickets,
            self._tickets,
            now=_now(),
            retention=self._retention,
            journal=self._journal,
            source=self._source,
        )

    def _sweep_standing(self) -> None:
        for given in self._tickets.given(""):
            if given.status is None or _now() >= given.status.until + self._retention:
                self._tickets.end(given)

    def _loaded(self) -> Engine:
        if self._engine is None:
            self.prepare()
        assert self._engine is not None  # noqa: S101  prepare has set it
        return self._engine


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(microsecond=0)
