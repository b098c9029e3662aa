"""Approval requests for tests: kept in memory with versions as the API server keeps them, and people."""

import datetime as dt
import threading
from collections.abc import Iterable

from msgspec.structs import replace

from sidecar.contract.sealing import Identity
from sidecar.masking import Engine, Profile
from webhook.admission.approving import DeskApproving
from webhook.approvals.asking import Terms, wish
from webhook.approvals.asking import ticket as make
from webhook.approvals.desk import Desk
from webhook.approvals.objects import ApprovalRequest, Asked, Person, Status, Verdict
from webhook.approvals.redaction import Redaction
from webhook.approvals.subjects import exec_subject
from webhook.policy.decision import Action, Approval, Decision, Question

NOW = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
KEY = bytes(32)
TERMS = Terms(pending_seconds=3600, usable_seconds=900)
APPROVE = Asked(verdict=Verdict.APPROVE)
DENY = Asked(verdict=Verdict.DENY, reason="not today")
BOB = Person(username="bob", groups=("approvers",))
CAROL = Person(username="carol", groups=("approvers", "security"))


def after(seconds: float) -> dt.datetime:
    return NOW + dt.timedelta(seconds=seconds)


class MemoryTickets:
    """Keeps requests; a status is taken only with the version it was made from."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], ApprovalRequest] = {}
        self._lock = threading.Lock()
        self._version = 0

    def find(self, namespace: str, base: str) -> Iterable[ApprovalRequest]:
        with self._lock:
            return [
                ticket
                for (place, name), ticket in self.kept.items()
                if place == namespace and name.rpartition("-")[0] == base
            ]

    def create(self, ticket: ApprovalRequest) -> bool:
        with self._lock:
            key = (ticket.metadata.namespace, ticket.metadata.name)
            if key in self.kept:
                return False
            self._keep(ticket)
            return True

    def update(self, ticket: ApprovalRequest, status: Status) -> bool:
        with self._lock:
            key = (ticket.metadata.namespace, ticket.metadata.name)
            found = self.kept.get(key)
            if found is None or found.metadata.resource_version != ticket.metadata.resource_version:
                return False
            self._keep(replace(found, status=status))
            return True

    def _keep(self, ticket: ApprovalRequest) -> None:
        self._version += 1
        metadata = replace(ticket.metadata, resource_version=str(self._version))
        self.kept[ticket.metadata.namespace, ticket.metadata.name] = replace(ticket, metadata=metadata)


class Rights:
    """Lets the named people approve."""

    def __init__(self, *allowed: str) -> None:
        self._allowed = allowed

    def may_approve(self, identity: Identity, namespace: str, name: str) -> bool:
        return identity.username in self._allowed


def redaction() -> Redaction:
    engine = Engine.load(Profile.STRICT)
    return Redaction(lambda: engine)


def desk(tickets: MemoryTickets, now: dt.datetime = NOW) -> Desk:
    return Desk(tickets, redaction(), TERMS, clock=lambda: int(now.timestamp()))


def approving(tickets: MemoryTickets | None = None, now: dt.datetime = NOW) -> DeskApproving:
    return DeskApproving(desk(tickets or MemoryTickets(), now), lambda: KEY)


def pending(question: Question, decision: Decision, now: dt.datetime = NOW) -> ApprovalRequest:
    """Give the first request for an exec."""
    wanted = wish(question, decision, exec_subject(question, "pod-uid-1"), KEY)
    return make(wanted, 1, asked="exec", argv=question.argv, shown="", terms=TERMS, now=now)


def needed(decision: Decision, **approval: object) -> Decision:
    """Give a decision that asks for an approval."""
    return replace(decision, action=Action.APPROVE, policy="p", rule="r", approval=Approval(**approval))  # pyright: ignore[reportArgumentType]
