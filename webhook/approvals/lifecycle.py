"""What can become of an approval request, and when. Pure; ``now`` is always passed in."""

import datetime as dt
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from webhook.approvals.objects import (
    ApprovalRequest,
    Asked,
    Condition,
    Decided,
    Person,
    Phase,
    Status,
    Use,
    Verdict,
)

DECIDED: Final = "Decided"
"""Type of the condition that ends a wait: approved, denied or expired."""


@dataclass(frozen=True)
class Refusal:
    """Why a verdict is not taken: for machines, and in words."""

    rule: str
    why: str


def phase_at(ticket: ApprovalRequest, now: dt.datetime) -> Phase:
    """Give the phase at a moment; what is stored may be older."""
    status = ticket.status
    if status.phase is Phase.PENDING and now >= ticket.spec.expires_at:
        return Phase.EXPIRED
    if status.phase not in {Phase.APPROVED, Phase.GRANTED}:
        return status.phase
    over = status.usable_until is None or now >= status.usable_until
    return Phase.EXPIRED if over and not is_granted(ticket, now) else status.phase


def is_granted(ticket: ApprovalRequest, now: dt.datetime) -> bool:
    """Tell whether a grant is out that may still start its session."""
    use = ticket.status.use
    if ticket.status.phase is not Phase.GRANTED or use is None or use.grant_expires_at is None:
        return False
    return now < use.grant_expires_at


def blocks(ticket: ApprovalRequest, now: dt.datetime) -> bool:
    """Tell whether the same action meets this request; a denial stands until it would have expired."""
    phase = phase_at(ticket, now)
    return phase.is_open or (phase is Phase.DENIED and now < ticket.spec.expires_at)


def refuse(ticket: ApprovalRequest, said: Asked, approver: Person, now: dt.datetime) -> Refusal | None:
    """Give why a verdict is not taken, None when it is. Rights in the cluster are not judged here."""
    name = ticket.metadata.name
    if _same(approver, ticket.spec.requester):
        return Refusal(
            "OwnRequest", f"{approver.username} asked for this, and nobody decides on their own request"
        )
    phase = phase_at(ticket, now)
    if phase is not Phase.PENDING:
        return Refusal("TooLate", f"{name} is {phase.value.lower()} already{_by_whom(ticket)}")
    if any(_same(decided.by, approver) for decided in ticket.status.decisions):
        return Refusal("DecidedTwice", f"{approver.username} approved it already; others must agree, too")
    terms = ticket.spec.approval
    anybody = not terms.users and not terms.groups
    if not (anybody or approver.username in terms.users or set(approver.groups) & set(terms.groups)):
        return Refusal("NotAnApprover", f"{_approvers(ticket)} may decide on it, says its policy")
    if terms.reason_required and not said.reason.strip():
        return Refusal("ReasonMissing", "its policy asks for a reason, and none was given")
    return None


def decide(ticket: ApprovalRequest, said: Asked, approver: Person, now: dt.datetime) -> Status:
    """Give the status after a verdict that :func:`refuse` does not refuse."""
    decided = Decided(verdict=said.verdict, by=approver, at=now, reason=said.reason)
    status = replace(ticket.status, decisions=(*ticket.status.decisions, decided))
    if said.verdict is Verdict.DENY:
        return _concluded(status, Phase.DENIED, f"denied by {approver.username}", now)
    if missing(replace(ticket, status=status)) > 0:
        return status
    until = now + dt.timedelta(seconds=ticket.spec.usable_seconds)
    approved = _concluded(status, Phase.APPROVED, f"approved by {_names(status)}", now)
    return replace(approved, usable_until=until)


def missing(ticket: ApprovalRequest) -> int:
    """Give how many people must still agree."""
    agreed = {d.by.username for d in ticket.status.decisions if d.verdict is Verdict.APPROVE}
    return max(0, ticket.spec.approval.count - len(agreed))


def granted(ticket: ApprovalRequest, session: str, now: dt.datetime, until: dt.datetime) -> Status:
    """Give the status once a grant is issued: a session's id is the same for all grants on one approval."""
    use = Use(at=now, session=session, grant_expires_at=until)
    return replace(ticket.status, phase=Phase.GRANTED, use=use)


def used_by_session(ticket: ApprovalRequest, session: str) -> Status | None:
    """Give the status once the session has started; None when that changes nothing."""
    use = ticket.status.use
    if use is None or use.session != session or ticket.status.phase is Phase.USED:
        return None
    return replace(ticket.status, phase=Phase.USED)


def used_by_object(ticket: ApprovalRequest, request: str, now: dt.datetime) -> Status:
    """Give the status once an object is let pass."""
    return replace(ticket.status, phase=Phase.USED, use=Use(at=now, request=request))


def expired(ticket: ApprovalRequest, now: dt.datetime) -> Status | None:
    """Give the status of a request whose time has passed, None while that has not happened or is known."""
    if ticket.status.phase is Phase.EXPIRED or phase_at(ticket, now) is not Phase.EXPIRED:
        return None
    return _concluded(ticket.status, Phase.EXPIRED, "its time has passed", now)


def _concluded(status: Status, phase: Phase, message: str, now: dt.datetime) -> Status:
    told = Condition(
        type=DECIDED, status="True", reason=phase.value, message=message, last_transition_time=now
    )
    return replace(status, phase=phase, conditions=(told,))


def _same(one: Person, other: Person) -> bool:
    return one.username == other.username or bool(one.uid and one.uid == other.uid)


def _names(status: Status) -> str:
    return " and ".join(decided.by.username for decided in status.decisions)


def _by_whom(ticket: ApprovalRequest) -> str:
    status = ticket.status
    return f" ({status.conditions[0].message})" if status.conditions else ""


def _approvers(ticket: ApprovalRequest) -> str:
    terms = ticket.spec.approval
    users = [f"user {name}" for name in terms.users]
    return "only " + ", ".join([*users, *(f"members of {name}" for name in terms.groups)])
