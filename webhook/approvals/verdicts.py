"""Whether a verdict is taken, and what follows from it. Pure; ``now`` is always passed in."""

import datetime as dt
from dataclasses import dataclass

from msgspec.structs import replace

from webhook.approvals import lifecycle
from webhook.approvals.approvers import is_excluded, is_same, may_decide, missing, stands_for, who
from webhook.approvals.objects import (
    DIGEST_LETTERS,
    MAX_GROUPS,
    PLACEHOLDERS,
    ApprovalRequest,
    Asked,
    Decided,
    Person,
    Phase,
    Review,
    ReviewState,
    Status,
    Verdict,
)


@dataclass(frozen=True)
class Refusal:
    """Why a verdict is not taken: for machines, and in words."""

    rule: str
    why: str


def refuse(ticket: ApprovalRequest, said: Asked, approver: Person, now: dt.datetime) -> Refusal | None:
    """Give why a verdict is not taken, None when it is. Rights in the cluster are not judged here."""
    if said.digest and said.digest != ticket.spec.digest:
        begins = ticket.spec.digest[:DIGEST_LETTERS]
        why = f"{ticket.metadata.name} is not what was looked at: its digest begins with {begins}"
        return Refusal("AnotherRequest", why)
    match said.verdict:
        case Verdict.BREAK_GLASS:
            return _refuse_glass(ticket, said, approver, now)
        case Verdict.REVIEW:
            return _refuse_review(ticket, said, approver, now)
        case _:
            return _refuse_decision(ticket, said, approver, now)


def has_reason(text: str) -> bool:
    """Tell whether a reason was given; the word that stands for it in a command that was copied is none."""
    return text.strip() not in {"", *PLACEHOLDERS}


def _refuse_decision(
    ticket: ApprovalRequest, said: Asked, approver: Person, now: dt.datetime
) -> Refusal | None:
    if is_same(approver, ticket.spec.requester):
        return _own(approver)
    if lifecycle.phase_at(ticket, now) is not Phase.PENDING:
        return _late(ticket, now)
    if any(is_same(decided.by, approver) for decided in ticket.status.decisions):
        return Refusal("DecidedTwice", f"{approver.username} approved it already; others must agree, too")
    return _refuse_approver(ticket, approver, now) or (
        _without_reason("its policy asks for a reason, and none was given")
        if ticket.spec.approval.reason_required and not has_reason(said.reason)
        else None
    )


def _refuse_glass(ticket: ApprovalRequest, said: Asked, person: Person, now: dt.datetime) -> Refusal | None:
    requester = ticket.spec.requester
    if not is_same(person, requester):
        why = f"only {requester.username}, who asked, could go on without an approval"
        return Refusal("NotTheRequester", why)
    if ticket.spec.break_glass is None:
        why = f"no policy let {person.username} break the glass for this when it was asked for"
        return Refusal("GlassIsClosed", why)
    if lifecycle.phase_at(ticket, now) is not Phase.PENDING:
        return _late(ticket, now)
    if not has_reason(said.reason):
        return _without_reason("who breaks the glass says why, and no reason was given")
    return None


def _refuse_review(
    ticket: ApprovalRequest, said: Asked, approver: Person, now: dt.datetime
) -> Refusal | None:
    review = ticket.status.review
    if review is None:
        return Refusal("NothingToReview", f"the glass was not broken on {ticket.metadata.name}")
    if is_same(approver, ticket.spec.requester):
        return Refusal("OwnRequest", f"{approver.username} broke the glass, and somebody else reviews it")
    if review.state is ReviewState.DONE:
        by = review.by.username if review.by else "somebody"
        return Refusal("TooLate", f"{ticket.metadata.name} was reviewed already by {by}")
    return _refuse_approver(ticket, approver, now) or (
        _without_reason("a review says what was found, and no reason was given")
        if not has_reason(said.reason)
        else None
    )


def _refuse_approver(ticket: ApprovalRequest, approver: Person, now: dt.datetime) -> Refusal | None:
    terms = ticket.spec.approval
    if not may_decide(terms, approver, now):
        return Refusal("NotAnApprover", f"only {who(terms)} may decide on it, says its policy")
    if is_excluded(terms, approver, ticket.spec.requester):
        why = "a service account asked for it, and its policy has no service account decide on that"
        return Refusal("ServiceAccountExcluded", why)
    return None


def decide(ticket: ApprovalRequest, said: Asked, approver: Person, now: dt.datetime) -> Status:
    """Give the status after a verdict that :func:`refuse` does not refuse."""
    by = replace(approver, groups=approver.groups[:MAX_GROUPS])
    if said.verdict is Verdict.REVIEW:
        review = Review(state=ReviewState.DONE, by=by, at=now, reason=said.reason)
        return replace(ticket.status, review=review)
    stood_for = stands_for(ticket.spec.approval, approver, now)
    decided = Decided(verdict=said.verdict, by=by, at=now, reason=said.reason, stands_for=stood_for)
    status = replace(ticket.status, decisions=(*ticket.status.decisions, decided))
    until = now + dt.timedelta(seconds=ticket.spec.usable_seconds)
    match said.verdict:
        case Verdict.DENY:
            return lifecycle.concluded(status, Phase.DENIED, f"denied by {by.username}", now)
        case Verdict.BREAK_GLASS:
            message = f"{by.username} broke the glass"
            broken = lifecycle.concluded(status, Phase.APPROVED, message, now, reason="BreakGlass")
            return replace(broken, usable_until=until, review=Review(state=ReviewState.PENDING))
        case _ if missing(ticket.spec.approval, status.decisions) > 0:
            return status
        case _:
            approved = lifecycle.concluded(status, Phase.APPROVED, f"approved by {_names(status)}", now)
            return replace(approved, usable_until=until)


def _own(approver: Person) -> Refusal:
    why = f"{approver.username} asked for this, and nobody decides on their own request"
    return Refusal("OwnRequest", why)


def _late(ticket: ApprovalRequest, now: dt.datetime) -> Refusal:
    phase, conditions = lifecycle.phase_at(ticket, now), ticket.status.conditions
    told = f" ({conditions[0].message})" if conditions else ""
    return Refusal("TooLate", f"{ticket.metadata.name} is {phase.value.lower()} already{told}")


def _without_reason(why: str) -> Refusal:
    return Refusal("ReasonMissing", why)


def _names(status: Status) -> str:
    return " and ".join(decided.by.username for decided in status.decisions)
