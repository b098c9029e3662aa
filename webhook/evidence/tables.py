"""What the entries of a bundle or report say, as tables: of events, policies and people. Pure.

Those of sessions are in ``session_tables``, those of approvals in ``approval_tables``.
"""

import shlex
from collections.abc import Iterable

import msgspec

from webhook.audit_api.objects import rfc3339
from webhook.evidence.selection import started
from webhook.journal.events import AuditEvent, Kind
from webhook.ledger.census import CONTROLS
from webhook.ledger.manifest import Manifest


class EventRow(msgspec.Struct, frozen=True, kw_only=True):
    """One audit event."""

    id: str
    entry: int
    at: str
    kind: str
    outcome: str
    actor: str
    namespace: str
    about: str
    door: str
    asked: str
    action: str
    policy: str
    rule: str
    would: str
    reason: str
    approval: str
    requester: str
    session: str
    origin: str
    details: dict[str, str]


class PolicyRow(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a policy, and since when it decides."""

    policy: str
    generation: str
    digest: str
    """SHA-256 of its specification; empty where the event is from before this was noted."""
    since: str
    entry: int
    origin: str
    what: str


class PersonRow(msgspec.Struct, frozen=True, kw_only=True):
    """What one user did: what an access review (PCI DSS 7.2.4, 7.2.5.1) looks at."""

    user: str
    sessions: int = 0
    refused: int = 0
    changes: int = 0
    """Changes of objects and connections that were let through and noted."""
    asked: int = 0
    used: int = 0
    """Approvals used."""
    approved_by: tuple[str, ...] = ()
    verdicts: int = 0
    """Verdicts on approvals of others."""
    glass: int = 0
    reads: int = 0
    """Reads of the record."""
    namespaces: tuple[str, ...] = ()
    first: str = ""
    last: str = ""


def event_row(entry: int, event: AuditEvent) -> EventRow:
    """Give an event's row."""
    where = event.where
    return EventRow(
        id=event.id,
        entry=entry,
        at=rfc3339(event.at),
        kind=event.kind.value,
        outcome=event.outcome.value,
        actor=event.actor.username,
        namespace=where.namespace,
        about=" ".join(part for part in (where.resource, where.name, where.container) if part),
        door=event.door,
        asked=asked_of(event),
        action=event.action,
        policy=event.policy,
        rule=event.rule,
        would=event.would,
        reason=event.reason,
        approval=event.approval,
        requester=event.requester,
        session=event.session,
        origin=event.origin,
        details=event.details,
    )


def asked_of(event: AuditEvent) -> str:
    """Give what was asked, and the command line where there is one, in one line."""
    return ": ".join(part for part in (event.asked, shlex.join(event.argv)) if part)


def policy_rows(events: Iterable[tuple[int, AuditEvent]]) -> list[PolicyRow]:
    """Give the versions of policies that events tell of, in order."""
    rows: list[PolicyRow] = []
    for entry, event in events:
        if event.kind not in {Kind.POLICY_CHANGED, Kind.POLICY_REFUSED}:
            continue
        versions = event.details.get("in-force", "").splitlines()
        told = [line.split(" ", 2) for line in versions] if versions else [[event.where.name, "", ""]]
        for policy, generation, digest in told:
            rows.append(
                PolicyRow(
                    policy=policy or f"all {event.details.get('policies', '')}",
                    generation=generation or event.details.get("generation", ""),
                    digest=digest or event.details.get("digest", "") or event.details.get("versions", ""),
                    since=rfc3339(event.at),
                    entry=entry,
                    origin=event.origin,
                    what=event.reason,
                )
            )
    return rows


def person_rows(manifests: Iterable[Manifest], events: Iterable[AuditEvent]) -> list[PersonRow]:
    """Give what each user did, by name; Chaperone itself is none."""
    people: dict[str, _Person] = {}
    for manifest in manifests:
        person = people.setdefault(manifest.user, _Person())
        person.sessions += 1
        person.was_there(started(manifest), manifest.namespace)
    for event in events:
        if event.kind not in CONTROLS:
            _note(people, event)
    return [person.row(user) for user, person in sorted(people.items())]


class _Person:
    """What is known of one user so far."""

    def __init__(self) -> None:
        self.sessions = self.refused = self.changes = self.asked = self.used = 0
        self.verdicts = self.glass = self.reads = 0
        self.approved_by: set[str] = set()
        self.namespaces: set[str] = set()
        self.moments: list[int] = []

    def was_there(self, at: int, namespace: str) -> None:
        self.moments = [min([*self.moments[:1], at]), max([*self.moments[-1:], at])]
        self.namespaces |= {namespace} - {""}

    def row(self, user: str) -> PersonRow:
        return PersonRow(
            user=user,
            sessions=self.sessions,
            refused=self.refused,
            changes=self.changes,
            asked=self.asked,
            used=self.used,
            approved_by=tuple(sorted(self.approved_by)),
            verdicts=self.verdicts,
            glass=self.glass,
            reads=self.reads,
            namespaces=tuple(sorted(self.namespaces)),
            first=rfc3339(self.moments[0]) if self.moments else "",
            last=rfc3339(self.moments[-1]) if self.moments else "",
        )


def _note(people: dict[str, _Person], event: AuditEvent) -> None:
    if event.kind is Kind.APPROVAL_EXPIRED:
        return
    person = people.setdefault(event.actor.username, _Person())
    person.was_there(event.at, event.where.namespace)
    refused = event.outcome.value == "failure"
    match event.kind:
        case Kind.DECISION:
            person.refused += refused
            person.changes += not refused and not event.session
        case Kind.APPROVAL_ASKED:
            person.asked += 1
        case Kind.APPROVAL_USED:
            person.used += 1
        case Kind.APPROVAL_DECIDED | Kind.APPROVAL_REFUSED:
            person.verdicts += 1
            if event.details.get("verdict") in {"approve", "standing"} and not refused and event.requester:
                people.setdefault(event.requester, _Person()).approved_by.add(event.actor.username)
        case Kind.BREAK_GLASS:
            person.glass += 1
        case Kind.RECORD_READ:
            person.reads += 1
        case _:
            pass
