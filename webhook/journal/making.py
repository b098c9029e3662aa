"""Where ids and times of audit events come from, and the events of Chaperone's own doing. Pure."""

from collections.abc import Callable

import msgspec

from sidecar.contract.identifiers import fresh_id
from sidecar.contract.names import VERSION
from sidecar.contract.sealing import Identity
from webhook.accounts import user_of
from webhook.journal.events import AuditEvent, Kind, Outcome, Where


class Stamp(msgspec.Struct, frozen=True):
    """What only the maker of an event knows."""

    id: str
    at: int
    """Unix nanoseconds."""
    origin: str


class Maker:
    """Stamps the events of one part of Chaperone.

    ``clock`` gives Unix nanoseconds, ``randomness`` that many fresh random bytes.
    """

    def __init__(
        self,
        *,
        origin: str,
        namespace: str,
        account: str,
        clock: Callable[[], int],
        randomness: Callable[[int], bytes],
    ) -> None:
        """``origin`` is the pod, ``namespace`` the release's, and ``account`` the pod's service account."""
        self.namespace = namespace
        self._origin = origin
        self._clock = clock
        self._randomness = randomness
        self._where = Where(namespace=namespace, resource="pods", name=origin)
        self.itself = Identity(user_of(namespace, account))

    def stamp(self) -> Stamp:
        """Give a fresh id and the time."""
        now = self._clock()
        return Stamp(fresh_id(now, self._randomness), now, self._origin)

    def own(
        self,
        kind: Kind,
        outcome: Outcome,
        reason: str,
        *,
        where: Where | None = None,
        details: dict[str, str] | None = None,
    ) -> AuditEvent:
        """Give the event of something that this part did or saw by itself."""
        stamp = self.stamp()
        return AuditEvent(
            id=stamp.id,
            at=stamp.at,
            origin=stamp.origin,
            kind=kind,
            outcome=outcome,
            actor=self.itself,
            where=where or self._where,
            reason=reason,
            details=details or {},
        )

    def started(self, **details: str) -> AuditEvent:
        """Give the event of this part's start (PCI DSS 10.2.1.6)."""
        details = {"version": VERSION, **details}
        return self.own(Kind.CONTROL_STARTED, Outcome.SUCCESS, "it serves from now on", details=details)

    def stopped(self) -> AuditEvent:
        """Give the event of this part's orderly end."""
        return self.own(Kind.CONTROL_STOPPED, Outcome.SUCCESS, "it was told to end", details={})

    def failed(self, reason: str, **details: str) -> AuditEvent:
        """Give the event of a failure of this part (PCI DSS 10.7.2)."""
        return self.own(Kind.CONTROL_FAILED, Outcome.FAILURE, reason, details=details)
