"""StandingApproval objects: one person may do things of one kind for a while, without asking each time. Pure.

A policy says whether they count and how far (``approval.standing``). They never widen what a policy lets be
approved: the same people give them as approve requests, and one that goes further than its policy is refused
when it is made and does not count when it is used.
"""

import datetime as dt
from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec.structs import replace

from webhook.approvals.approvers import is_excluded, is_same, may_decide, who
from webhook.approvals.objects import API_VERSION, MAX_GROUPS, Person
from webhook.approvals.verdicts import Refusal, has_reason
from webhook.policy.decision import Approval, Decision, Door, Operation, Question

KIND: Final = "StandingApproval"
PLURAL: Final = "standingapprovals"
PREFIX: Final = "standing/"
"""What the names of standing approvals begin with where those of approval requests may stand as well."""
_SESSIONS: Final = frozenset({Door.EXEC, Door.ATTACH})
_NO_TARGET: Final = frozenset({Door.EXEC})
"""Doors where the beginning of the command line says enough, so that the target need not be named."""
_PODS: Final = "pods"


class _Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A part of an object."""


class StandingSpec(_Part, frozen=True, kw_only=True):
    """What may be done. Written by whoever gives it; never changed."""

    user: str
    """Whose actions it covers."""
    policy: str
    rule: str
    """The rule that would ask for an approval."""
    door: Door = Door.EXEC
    operation: Operation = Operation.CONNECT
    argv_prefix: tuple[str, ...] = ()
    """Command lines that begin with these arguments; at least one at the door exec."""
    resource: str = ""
    """What kind of object: ``deployments.apps``, as in an approval request's target; only pods at exec."""
    target: str = ""
    """Name of the pod or object; any when left out."""
    container: str = ""
    """Any when left out."""
    tty: bool = False
    stdin: bool = False
    """Whether sessions with a terminal, or with input, are covered as well."""
    seconds: int
    """How long it holds."""
    reason: str = ""


class Revoke(_Part, frozen=True, kw_only=True):
    """The ``revoke`` field as somebody writes it; taken out before the object is stored."""

    reason: str = ""


class Revoked(_Part, frozen=True, kw_only=True):
    """That it does not hold any more, and who said so."""

    by: Person
    at: dt.datetime
    reason: str = ""


class StandingStatus(_Part, frozen=True, kw_only=True):
    """Who gave it, stamped, and what became of it."""

    by: Person
    at: dt.datetime
    until: dt.datetime
    revoked: Revoked | None = None


class StandingMetadata(_Part, frozen=True, kw_only=True):
    """What is used of an object's metadata."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    creation_timestamp: dt.datetime | None = None


class StandingApproval(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A standing approval."""

    metadata: StandingMetadata
    spec: StandingSpec
    revoke: Revoke | None = None
    status: StandingStatus | None = None
    api_version: str = API_VERSION
    kind: str = KIND

    def holds(self, now: dt.datetime) -> bool:
        """Tell whether it holds at a moment, as far as it knows itself."""
        return self.status is not None and self.status.revoked is None and now < self.status.until


def covering(
    given: Iterable[StandingApproval],
    question: Question,
    decision: Decision,
    now: dt.datetime,
    *,
    resource: str = _PODS,
) -> StandingApproval | None:
    """Give the standing approval by which an action may happen, None when there is none.

    ``resource`` is that of the target.
    """
    return next((one for one in given if _covers(one, question, decision, now, resource)), None)


def _covers(
    given: StandingApproval, question: Question, decision: Decision, now: dt.datetime, resource: str
) -> bool:
    spec, status, approval = given.spec, given.status, decision.approval or Approval()
    made = given.metadata.creation_timestamp
    if status is None or made is None or approval.standing is None or not given.holds(now):
        return False
    requester = Person(username=question.identity.username, uid=question.identity.uid)
    lasts = min(spec.seconds, approval.standing.max_seconds)
    return (
        now < made + dt.timedelta(seconds=lasts)
        and (spec.user, spec.policy, spec.rule) == (requester.username, decision.policy, decision.rule)
        and (spec.door, spec.operation) == (question.door, question.operation)
        and (not spec.argv_prefix or question.argv[: len(spec.argv_prefix)] == spec.argv_prefix)
        and (spec.resource or _PODS) == resource
        and spec.target in {"", question.name}
        and spec.container in {"", question.container}
        and spec.tty >= question.tty
        and spec.stdin >= question.stdin
        and refuse_spec(spec, approval) is None
        and refuse_giver(spec, approval, requester, status.by, status.at) is None
    )


def refuse_spec(spec: StandingSpec, approval: Approval) -> Refusal | None:
    """Give why a policy does not let such a standing approval be, None when it does."""
    terms = approval.standing
    if terms is None or approval.count > 1 or approval.each_group:
        why = f"rule {spec.rule} of policy {spec.policy} lets nobody give standing approvals"
        return Refusal("NoStanding", why)
    if not 0 < spec.seconds <= terms.max_seconds:
        why = f"rule {spec.rule} of policy {spec.policy} has standing approvals last {terms.max_seconds} s"
        return Refusal("TooLong", f"{why} at most, and {spec.seconds} s were asked for")
    if spec.door not in _SESSIONS and not terms.objects:
        why = f"rule {spec.rule} of policy {spec.policy} has each change of an object be looked at"
        return Refusal("NotForObjects", why)
    missing = _missing(spec)
    return Refusal("TooWide", f"it does not say {missing}") if missing else None


def _missing(spec: StandingSpec) -> str:
    """Give what a standing approval has to say and does not."""
    if spec.door in _NO_TARGET:
        return "" if spec.argv_prefix else "how the command lines begin"
    if not spec.target:
        return "what it is about"
    return "" if spec.resource or spec.door in _SESSIONS else "what kind of object it is about"


def refuse_giver(
    spec: StandingSpec, approval: Approval, beneficiary: Person, giver: Person, now: dt.datetime
) -> Refusal | None:
    """Give why somebody may not give it, None when they may. Rights in the cluster are not judged here."""
    if is_same(giver, beneficiary):
        return Refusal("OwnRequest", f"{giver.username} would have it, and nobody gives it to themselves")
    if not may_decide(approval, giver, now):
        return Refusal("NotAnApprover", f"only {who(approval)} may give it, says policy {spec.policy}")
    if is_excluded(approval, giver, beneficiary):
        why = "it is for a service account, and its policy has no service account decide on that"
        return Refusal("ServiceAccountExcluded", why)
    if approval.reason_required and not has_reason(spec.reason):
        return Refusal("ReasonMissing", "its policy asks for a reason, and none was given")
    return None


def stamped(spec: StandingSpec, approval: Approval, giver: Person, now: dt.datetime) -> StandingStatus:
    """Give the status of one that is made now; of the giver's groups, those that count are kept first."""
    counted = {*approval.groups, *(delegate.group for delegate in approval.delegates)}
    groups = sorted(giver.groups, key=lambda group: group not in counted)[:MAX_GROUPS]
    by = replace(giver, groups=tuple(groups))
    return StandingStatus(by=by, at=now, until=now + dt.timedelta(seconds=spec.seconds))


def revoked(status: StandingStatus, who_says: Person, reason: str, now: dt.datetime) -> StandingStatus:
    """Give the status of one that is revoked now."""
    by = replace(who_says, groups=who_says.groups[:MAX_GROUPS])
    return replace(status, revoked=Revoked(by=by, at=now, reason=reason))
