"""What happens to approvals, as audit events. Pure.

An event's id is made from what it is about and when that was, so that telling the same again is the same
event.
"""

import datetime as dt
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

from sidecar.contract.identifiers import RANDOM_BYTES, session_id
from sidecar.contract.sealing import Identity
from webhook.approvals.approvers import missing
from webhook.approvals.lifecycle import broke_glass
from webhook.approvals.objects import ApprovalRequest, Asked, Decided, Person, Verdict
from webhook.approvals.standing import PREFIX, StandingApproval
from webhook.journal.events import AuditEvent, Kind, Outcome, Where
from webhook.policy.decision import Action, Question


@dataclass(frozen=True, kw_only=True)
class Source:
    """Who tells, and by which clock."""

    origin: str
    """The pod's name."""
    itself: Identity
    """Chaperone, for what it does by itself."""
    clock: Callable[[], int]
    """Gives Unix nanoseconds."""


def asked(source: Source, ticket: ApprovalRequest, identity: Identity, request: str) -> AuditEvent:
    """Tell that an approval was asked for; ``request`` is the review's UID."""
    at = ticket.metadata.creation_timestamp or ticket.spec.expires_at
    event = _event(source, ticket, Kind.APPROVAL_ASKED, at, identity, "asked")
    terms, more = ticket.spec.approval, {"expires": ticket.spec.expires_at.isoformat()}
    if terms.reason_required:
        more["reason-required"] = "true"
    if terms.count > 1:
        more["people"] = str(terms.count)
    return replace(event, request=request, details={**event.details, **more})


def decided(source: Source, ticket: ApprovalRequest, identity: Identity, request: str) -> AuditEvent:
    """Tell of the last verdict on a request, which was taken: ``ticket`` is as after it."""
    status, verdict = ticket.status, _last(ticket)
    kind = Kind.BREAK_GLASS if verdict.verdict is Verdict.BREAK_GLASS else Kind.APPROVAL_DECIDED
    event = _event(source, ticket, kind, verdict.at, identity, "decided", str(len(status.decisions)))
    more = {"verdict": verdict.verdict.value, "phase": status.phase.value}
    asked_at = ticket.metadata.creation_timestamp
    if asked_at is not None:
        more["waited"] = str(max(0, int((verdict.at - asked_at).total_seconds())))
    still = missing(ticket.spec.approval, status.decisions)
    if verdict.verdict is Verdict.APPROVE and still:
        more["missing"] = str(still)
    if verdict.stands_for:
        more["stands-for"] = ",".join(verdict.stands_for)
    if broke_glass(ticket) and ticket.spec.break_glass is not None:
        glass = ticket.spec.break_glass
        more |= {"review": "pending", "glass": f"{glass.policy}/{glass.rule}"}
    return replace(event, reason=verdict.reason, request=request, details={**event.details, **more})


def reviewed(source: Source, ticket: ApprovalRequest, identity: Identity, request: str) -> AuditEvent:
    """Tell that somebody reviewed how the glass was broken: ``ticket`` is as after it."""
    review = ticket.status.review
    at = review.at if review is not None and review.at is not None else ticket.spec.expires_at
    event = _event(source, ticket, Kind.APPROVAL_DECIDED, at, identity, "reviewed")
    reason = review.reason if review is not None else ""
    more = {"verdict": Verdict.REVIEW.value, "review": "done"}
    return replace(event, reason=reason, request=request, details={**event.details, **more})


def refused(
    source: Source,
    ticket: ApprovalRequest,
    said: Asked,
    identity: Identity,
    *,
    why: str,
    rule: str,
    at: dt.datetime,
    request: str,
) -> AuditEvent:
    """Tell that a verdict was not taken."""
    event = _event(source, ticket, Kind.APPROVAL_REFUSED, at, identity, "refused", request, rule)
    more = {"verdict": said.verdict.value, "refusal": rule}
    details = {**event.details, **more}
    return replace(event, outcome=Outcome.FAILURE, reason=why, request=request, details=details)


def used(source: Source, ticket: ApprovalRequest, session: str, request: str) -> AuditEvent:
    """Tell that an approval was used: by a session that started, or by an object that was let pass."""
    use = ticket.status.use
    at = use.at if use is not None else ticket.spec.expires_at
    event = _event(source, ticket, Kind.APPROVAL_USED, at, _requester(ticket), "used", session, request)
    return replace(event, session=session, request=request)


def expired(source: Source, ticket: ApprovalRequest, at: dt.datetime) -> AuditEvent:
    """Tell that nobody decided, or nobody used it, within its time."""
    event = _event(source, ticket, Kind.APPROVAL_EXPIRED, at, source.itself, "expired")
    more = {"phase": ticket.status.phase.value}
    return replace(event, details={**event.details, **more})


def removed(source: Source, ticket: ApprovalRequest, by: Identity | None, at: dt.datetime) -> AuditEvent:
    """Tell that a request was removed after it was over: by somebody, or because its retention was over."""
    event = _event(source, ticket, Kind.APPROVAL_REMOVED, at, by or source.itself, "removed")
    more = {"phase": ticket.status.phase.value}
    return replace(event, details={**event.details, **more})


def standing_given(source: Source, given: StandingApproval, identity: Identity, request: str) -> AuditEvent:
    """Tell that a standing approval was given."""
    status = given.status
    at = status.at if status is not None else dt.datetime.fromtimestamp(0, dt.UTC)
    event = _standing(source, given, Kind.APPROVAL_DECIDED, at, identity, "given", request)
    until = {"until": status.until.isoformat()} if status is not None else {}
    more = {"verdict": "standing", **until}
    return replace(event, reason=given.spec.reason, request=request, details={**event.details, **more})


def standing_ended(
    source: Source, given: StandingApproval, identity: Identity, *, reason: str, at: dt.datetime, request: str
) -> AuditEvent:
    """Tell that a standing approval was revoked, or removed, which is the same."""
    event = _standing(source, given, Kind.APPROVAL_REMOVED, at, identity, "ended", request)
    return replace(event, reason=reason, request=request, details={**event.details, "verdict": "revoke"})


def standing_refused(
    source: Source,
    given: StandingApproval,
    identity: Identity,
    *,
    why: str,
    rule: str,
    at: dt.datetime,
    request: str,
) -> AuditEvent:
    """Tell that a standing approval was refused; without its command line, which nobody has checked."""
    event = _standing(source, given, Kind.APPROVAL_REFUSED, at, identity, "refused", request, rule)
    details = {**event.details, "verdict": "standing", "refusal": rule}
    told = replace(event, outcome=Outcome.FAILURE, reason=why, request=request, details=details)
    return replace(told, argv=())


def standing_used(
    source: Source,
    given: StandingApproval,
    question: Question,
    *,
    asked: str,
    argv: tuple[str, ...],
    session: str,
    at: dt.datetime,
    request: str,
) -> AuditEvent:
    """Tell that something happened by a standing approval; ``asked`` and ``argv`` are masked."""
    event = _standing(source, given, Kind.APPROVAL_USED, at, question.identity, "used", request)
    where = replace(event.where, name=question.name, container=question.container)
    return replace(event, where=where, asked=asked, argv=argv, session=session, request=request)


def _event(
    source: Source,
    ticket: ApprovalRequest,
    kind: Kind,
    at: dt.datetime,
    actor: Identity,
    *about: str,
) -> AuditEvent:
    spec, metadata = ticket.spec, ticket.metadata
    identity = metadata.uid or f"{metadata.namespace}/{metadata.name}"
    return AuditEvent(
        id=_id(at, identity, *about),
        at=source.clock(),
        kind=kind,
        outcome=Outcome.SUCCESS,
        actor=actor,
        origin=source.origin,
        where=Where(
            namespace=metadata.namespace,
            resource=spec.target.resource,
            name=spec.target.name,
            uid=spec.target.uid,
            container=spec.target.container,
        ),
        door=spec.door.value,
        operation=spec.operation.value,
        asked=spec.asked,
        argv=spec.argv,
        action=Action.APPROVE.value,
        policy=spec.policy,
        rule=spec.rule,
        approval=metadata.name,
        requester=spec.requester.username,
        details={"ticket": metadata.uid} if metadata.uid else {},
    )


def _standing(
    source: Source,
    given: StandingApproval,
    kind: Kind,
    at: dt.datetime,
    actor: Identity,
    *about: str,
) -> AuditEvent:
    spec, metadata = given.spec, given.metadata
    return AuditEvent(
        id=_id(at, metadata.uid, metadata.namespace, metadata.name, *about),
        at=source.clock(),
        kind=kind,
        outcome=Outcome.SUCCESS,
        actor=actor,
        origin=source.origin,
        where=Where(
            namespace=metadata.namespace,
            resource=spec.resource,
            name=spec.target,
            container=spec.container,
        ),
        door=spec.door.value,
        operation=spec.operation.value,
        argv=spec.argv_prefix,
        action=Action.APPROVE.value,
        policy=spec.policy,
        rule=spec.rule,
        approval=PREFIX + metadata.name,
        requester=spec.user,
        details={"ticket": metadata.uid} if metadata.uid else {},
    )


def _id(at: dt.datetime, *about: str) -> str:
    digest = hashlib.sha256(msgspec.json.encode(about)).digest()
    return session_id(int(at.timestamp()) * 1000, digest[:RANDOM_BYTES])


def _last(ticket: ApprovalRequest) -> Decided:
    return ticket.status.decisions[-1]


def _requester(ticket: ApprovalRequest) -> Identity:
    return identity_of(ticket.spec.requester)


def identity_of(person: Person) -> Identity:
    """Give the identity of a person; claims of the identity provider are not kept in requests."""
    return Identity(person.username, person.uid, person.groups, {})
