"""Approval requests for tests: kept in memory with versions as the API server keeps them, and people."""

import datetime as dt
import threading
from collections.abc import Iterable

from msgspec.structs import replace

from sidecar.contract.sealing import Identity
from sidecar.masking import Engine, Profile
from webhook.admission.approval_requests import ApprovalRequestDoor
from webhook.admission.approving import DeskApproving, Holding
from webhook.admission.lookup import NotPermittedError
from webhook.approvals.asking import Terms, wish
from webhook.approvals.asking import ticket as make
from webhook.approvals.desk import Desk
from webhook.approvals.objects import ApprovalRequest, Asked, Person, Status, Verdict, generation_of
from webhook.approvals.redaction import Redaction
from webhook.approvals.standing import StandingApproval
from webhook.approvals.subjects import exec_subject
from webhook.approvals.telling import Source
from webhook.approvals.verdicts import decide, refuse
from webhook.journal.events import AuditEvent, Kind
from webhook.journal.journal import Journal, JournalFullError
from webhook.policy.decision import Action, Approval, Decision, Question

NOW = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
KEY = bytes(32)
TERMS = Terms(pending_seconds=3600, usable_seconds=900)
APPROVE = Asked(verdict=Verdict.APPROVE)
BREAK = Asked(verdict=Verdict.BREAK_GLASS, reason="the shop is down")
REVIEW = Asked(verdict=Verdict.REVIEW, reason="it was needed")
DENY = Asked(verdict=Verdict.DENY, reason="not today")
HOME = "chaperone-system"
ADMISSION = f"system:serviceaccount:{HOME}:chaperone-admission"
SOURCE = Source(
    origin="chaperone-admission-1",
    itself=Identity(ADMISSION),
    clock=lambda: int(NOW.timestamp()) * 10**9,
)
ALICE = Person(username="alice", uid="u-1", groups=("agents",))
BOB = Person(username="bob", groups=("approvers",))
CAROL = Person(username="carol", groups=("approvers", "security"))


def after(seconds: float) -> dt.datetime:
    return NOW + dt.timedelta(seconds=seconds)


class MemoryJournal:
    """Keeps audit events. ``full_at`` are the counts of events tried at which it is full."""

    def __init__(self, *full_at: int) -> None:
        self.events: list[AuditEvent] = []
        self._full_at = full_at
        self._tried = 0

    def note(self, event: AuditEvent) -> None:
        self._tried += 1
        if self._tried in self._full_at:
            raise JournalFullError("full")
        self.events.append(event)

    def of(self, kind: Kind) -> list[AuditEvent]:
        return [event for event in self.events if event.kind is kind]

    @property
    def kinds(self) -> list[str]:
        return [event.kind.value for event in self.events]


class MemoryTickets:
    """Keeps requests; a status is taken only with the version it was made from."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], ApprovalRequest] = {}
        self.standing: list[StandingApproval] = []
        self._lock = threading.Lock()
        self._version = 0

    def last(self, namespace: str, base: str, now: dt.datetime) -> ApprovalRequest | None:
        with self._lock:
            found = [
                ticket
                for (place, name), ticket in self.kept.items()
                if place == namespace and name.rpartition("-")[0] == base
            ]
        return max(found, key=generation_of, default=None)

    def given(self, namespace: str) -> Iterable[StandingApproval]:
        return [given for given in self.standing if given.metadata.namespace == namespace]

    def get(self, namespace: str, name: str) -> ApprovalRequest | None:
        with self._lock:
            return self.kept.get((namespace, name))

    def create(self, ticket: ApprovalRequest) -> ApprovalRequest | None:
        with self._lock:
            key = (ticket.metadata.namespace, ticket.metadata.name)
            return None if key in self.kept else self._keep(ticket)

    def update(self, ticket: ApprovalRequest, status: Status) -> bool:
        with self._lock:
            key = (ticket.metadata.namespace, ticket.metadata.name)
            found = self.kept.get(key)
            if found is None or found.metadata.resource_version != ticket.metadata.resource_version:
                return False
            self._keep(replace(found, status=status))
            return True

    def remove(self, ticket: ApprovalRequest) -> bool:
        with self._lock:
            return self.kept.pop((ticket.metadata.namespace, ticket.metadata.name), None) is not None

    def _keep(self, ticket: ApprovalRequest) -> ApprovalRequest:
        self._version += 1
        found = ticket.metadata
        metadata = replace(
            found,
            resource_version=str(self._version),
            uid=found.uid or f"uid-{self._version}",
            creation_timestamp=found.creation_timestamp or NOW,
        )
        kept = replace(ticket, metadata=metadata)
        self.kept[ticket.metadata.namespace, ticket.metadata.name] = kept
        return kept


class Rights:
    """Lets the named people approve."""

    def __init__(self, *allowed: str) -> None:
        self._allowed = allowed

    def may_approve(self, identity: Identity, resource: str, namespace: str, name: str) -> bool:
        return identity.username in self._allowed


def redaction() -> Redaction:
    engine = Engine.load(Profile.STRICT)
    return Redaction(lambda: engine)


def desk(
    tickets: MemoryTickets,
    now: dt.datetime = NOW,
    *,
    journal: Journal | None = None,
    terms: Terms = TERMS,
) -> Desk:
    return Desk(
        tickets,
        tickets,
        redaction(),
        terms,
        journal=journal or MemoryJournal(),
        source=SOURCE,
        clock=lambda: int(now.timestamp()),
        known=lambda: list(tickets.kept.values()),
    )


def approving(
    tickets: MemoryTickets | None = None,
    now: dt.datetime = NOW,
    *,
    journal: Journal | None = None,
    terms: Terms = TERMS,
    holding: Holding | None = None,
) -> DeskApproving:
    at = desk(tickets or MemoryTickets(), now, journal=journal, terms=terms)
    return DeskApproving(at, lambda: KEY, home=HOME, holding=holding)


def request_door(
    *may: str,
    now: dt.datetime = NOW,
    journal: MemoryJournal | None = None,
    gone: str = "",
    blind: bool = False,
) -> ApprovalRequestDoor:
    """Give the door of approval requests where the named people may approve.

    ``gone`` is why an approval could not be used; ``blind`` that Chaperone may not look.
    """

    async def targets(ticket: ApprovalRequest) -> str:
        if blind:
            raise NotPermittedError("Chaperone may not read secrets in namespace payments")
        return gone

    return ApprovalRequestDoor(
        Rights(*may),
        writers=frozenset({ADMISSION}),
        targets=targets,
        masked=redaction().text,
        shown=redaction().identity,
        journal=journal or MemoryJournal(),
        source=SOURCE,
        clock=lambda: now,
    )


def pending(question: Question, decision: Decision, now: dt.datetime = NOW) -> ApprovalRequest:
    """Give the first request for an exec."""
    wanted = wish(question, decision, exec_subject(question, "pod-uid-1"), KEY, home=HOME)
    return make(wanted, 1, asked="exec", argv=question.argv, shown="", terms=TERMS, now=now)


def needed(decision: Decision, **approval: object) -> Decision:
    """Give a decision that asks for an approval."""
    return replace(decision, action=Action.APPROVE, policy="p", rule="r", approval=Approval(**approval))  # pyright: ignore[reportArgumentType]


def decided(
    found: ApprovalRequest, who: Person, said: Asked = APPROVE, at: dt.datetime = NOW
) -> ApprovalRequest:
    """Give a request after a verdict, which must be taken."""
    refusal = refuse(found, said, who, at)
    assert refusal is None, refusal
    return replace(found, status=decide(found, said, who, at))
