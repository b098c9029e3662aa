"""What the entries of a bundle or report say, as tables. Pure."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from webhook.audit_api.objects import duration, rfc3339
from webhook.evidence.recordings import Outline
from webhook.evidence.selection import CONTROLS, started
from webhook.evidence.source import Asked
from webhook.journal.events import AuditEvent, Kind
from webhook.ledger.manifest import Manifest
from webhook.replay.safety import printable


class SessionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One session that ended."""

    session: str
    entry: int
    """Number of its manifest in the ledger."""
    user: str
    groups: tuple[str, ...]
    namespace: str
    pod: str
    container: str
    node: str
    command: str
    tty: bool
    started: str
    ended: str
    duration: str
    exit_code: int | None
    phase: str
    how: str
    reason: str
    action: str
    policy: str
    rule: str
    approval: str
    masked: int
    masked_by: dict[str, int]
    gaps: int
    stdin_bytes: int
    stdout_bytes: int
    stderr_bytes: int
    clock_skew: str
    masking: str
    profile: str
    programs: int
    denied: int
    untraced: str
    played: bool
    kept: bool
    """Whether its recording is there."""


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


class VerdictRow(msgspec.Struct, frozen=True, kw_only=True):
    """What one person said on an approval."""

    at: str
    by: str
    verdict: str
    taken: bool
    reason: str


class ApprovalRow(msgspec.Struct, frozen=True, kw_only=True):
    """One approval, from what happened to it in this time."""

    name: str
    namespace: str
    requester: str
    asked: str
    asked_at: str
    policy: str
    rule: str
    about: str
    state: str
    verdicts: tuple[VerdictRow, ...]
    uses: tuple[str, ...]
    """Ids of sessions, or of requests for objects, with their times."""
    broken_glass: bool
    reviewed: bool


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


class OpenRow(msgspec.Struct, frozen=True, kw_only=True):
    """A session that was let start and is not sealed: it never began, or had not ended."""

    session: str
    entry: int
    at: str
    user: str
    namespace: str
    asked: str


_VERDICTS: Final = frozenset({Kind.APPROVAL_DECIDED, Kind.APPROVAL_REFUSED, Kind.BREAK_GLASS})
_ENDS: Final = {
    Kind.APPROVAL_EXPIRED: "expired",
    Kind.APPROVAL_REMOVED: "removed",
    Kind.APPROVAL_USED: "used",
}


def session_row(entry: int, manifest: Manifest, asked: Asked | None, outline: Outline | None) -> SessionRow:
    """Give a session's row; ``asked`` and ``outline`` are missing where the recording is."""
    seen = outline or Outline()
    ended = manifest.ended_at
    return SessionRow(
        session=manifest.session,
        entry=entry,
        user=manifest.user,
        groups=asked.identity.groups if asked else (),
        namespace=manifest.namespace,
        pod=manifest.pod,
        container=manifest.container,
        node=manifest.node,
        command=printable(shlex.join(asked.command)) if asked else "",
        tty=manifest.tty,
        started=rfc3339(started(manifest)),
        ended="" if ended is None else rfc3339(ended - manifest.clock_skew),
        duration="" if ended is None else duration(max(0, ended - manifest.started_at)),
        exit_code=manifest.exit_code,
        phase=manifest.phase,
        how=manifest.how,
        reason=manifest.reason,
        action=manifest.action,
        policy=manifest.policy,
        rule=manifest.rule,
        approval=manifest.approval,
        masked=sum(manifest.findings.values()),
        masked_by=manifest.findings,
        gaps=len(manifest.gaps),
        stdin_bytes=manifest.stdin_bytes,
        stdout_bytes=manifest.stdout_bytes,
        stderr_bytes=manifest.stderr_bytes,
        clock_skew=duration(manifest.clock_skew),
        masking=manifest.masking,
        profile=manifest.profile,
        programs=seen.programs,
        denied=seen.denied,
        untraced=seen.untraced,
        played=seen.played,
        kept=outline is not None,
    )


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


def approval_rows(events: Iterable[AuditEvent]) -> list[ApprovalRow]:
    """Give approvals by what happened to them, those of the first event first."""
    found: dict[tuple[str, str], list[AuditEvent]] = {}
    for event in sorted(events, key=lambda one: (one.at, one.id)):
        if event.approval and event.kind is not Kind.DECISION:
            found.setdefault((event.where.namespace, event.approval), []).append(event)
    return [_approval(name, told) for (_, name), told in found.items()]


def open_rows(events: Iterable[tuple[int, AuditEvent]], sealed: set[str]) -> list[OpenRow]:
    """Give the sessions that were let start and have no manifest."""
    rows: dict[str, OpenRow] = {}
    for entry, event in events:
        if event.kind is Kind.DECISION and event.session and event.session not in sealed:
            rows[event.session] = OpenRow(
                session=event.session,
                entry=entry,
                at=rfc3339(event.at),
                user=event.actor.username,
                namespace=event.where.namespace,
                asked=asked_of(event),
            )
    return [rows[session] for session in sorted(rows)]


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


def _approval(name: str, events: Sequence[AuditEvent]) -> ApprovalRow:
    first = events[0]
    asked = next((event for event in events if event.kind is Kind.APPROVAL_ASKED), None)
    verdicts = [event for event in events if event.kind in _VERDICTS]
    return ApprovalRow(
        name=name,
        namespace=first.where.namespace,
        requester=first.requester,
        asked=next(map(asked_of, events), ""),
        asked_at=rfc3339(asked.at) if asked else "",
        policy=first.policy,
        rule=first.rule,
        about=" ".join(part for part in (first.where.resource, first.where.name) if part),
        state=_state(events),
        verdicts=tuple(map(_verdict, verdicts)),
        uses=tuple(_use(event) for event in events if event.kind is Kind.APPROVAL_USED),
        broken_glass=any(event.kind is Kind.BREAK_GLASS for event in events),
        reviewed=any(event.details.get("review") == "done" for event in events),
    )


def _state(events: Sequence[AuditEvent]) -> str:
    state = "waits"
    for event in events:
        verdict = event.details.get("verdict", "")
        if event.kind in _ENDS:
            state = "revoked" if verdict == "revoke" else _ENDS[event.kind]
        elif event.kind is Kind.BREAK_GLASS:
            state = "broken glass"
        elif event.kind is Kind.APPROVAL_DECIDED and verdict != "review":
            state = _decided(verdict, event.details)
    return state


def _decided(verdict: str, details: Mapping[str, str]) -> str:
    if verdict == "approve" and details.get("missing"):
        return "waits"
    return {"approve": "approved", "deny": "denied", "standing": "standing"}.get(verdict, verdict)


def _verdict(event: AuditEvent) -> VerdictRow:
    return VerdictRow(
        at=rfc3339(event.at),
        by=event.actor.username,
        verdict=event.details.get("verdict", "") or event.kind.value,
        taken=event.kind is not Kind.APPROVAL_REFUSED,
        reason=event.reason,
    )


def _use(event: AuditEvent) -> str:
    return f"{rfc3339(event.at)} {event.session or event.request}"
