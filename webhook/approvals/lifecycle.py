"""What can become of an approval request, and when. Pure; ``now`` is always passed in."""

import datetime as dt
from typing import Final

from msgspec.structs import replace

from webhook.approvals.objects import (
    ApprovalRequest,
    Condition,
    Phase,
    ReviewState,
    Status,
    Use,
    Verdict,
)

DECIDED: Final = "Decided"
"""Type of the condition that ends a wait: approved, denied or expired."""


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


def broke_glass(ticket: ApprovalRequest) -> bool:
    """Tell whether the requester went on without an approval."""
    return ticket.status.review is not None


def broke_unasked(ticket: ApprovalRequest) -> bool:
    """Tell whether Chaperone broke the glass itself, because the policy asks for no reason, and it is unused.

    Who breaks it by hand always gives a reason.
    """
    decisions = ticket.status.decisions
    last = decisions[-1] if decisions else None
    at_once = last is not None and last.verdict is Verdict.BREAK_GLASS and not last.reason
    return at_once and ticket.status.phase is Phase.APPROVED


def awaits_review(ticket: ApprovalRequest) -> bool:
    """Tell whether the glass was broken and nobody else has looked at that yet."""
    review = ticket.status.review
    return review is not None and review.state is ReviewState.PENDING


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


def taken(ticket: ApprovalRequest, request: str, now: dt.datetime, until: dt.datetime) -> Status:
    """Give the status while one review is about to let an object pass, and no other may."""
    use = Use(at=now, request=request, grant_expires_at=until)
    return replace(ticket.status, phase=Phase.GRANTED, use=use)


def is_taken_by(ticket: ApprovalRequest, request: str) -> bool:
    """Tell whether this review has taken the request to let an object pass, and nothing came of it yet."""
    use = ticket.status.use
    taken_by = use.request if use is not None and not use.session else ""
    return ticket.status.phase is Phase.GRANTED and taken_by != "" and taken_by == request


def given_back(ticket: ApprovalRequest) -> Status:
    """Give the status once the object was not let pass after all."""
    return replace(ticket.status, phase=Phase.APPROVED)


def used_by_object(ticket: ApprovalRequest) -> Status:
    """Give the status once the object that it was taken for is let pass."""
    return replace(ticket.status, phase=Phase.USED)


def expired(ticket: ApprovalRequest, now: dt.datetime) -> Status | None:
    """Give the status of a request whose time has passed, None while that has not happened or is known."""
    if ticket.status.phase is Phase.EXPIRED or phase_at(ticket, now) is not Phase.EXPIRED:
        return None
    return concluded(ticket.status, Phase.EXPIRED, "its time has passed", now)


def removable(ticket: ApprovalRequest, now: dt.datetime, retention: dt.timedelta) -> bool:
    """Tell whether it was over so long ago that it is removed; not before a broken glass was reviewed."""
    status = ticket.status
    if phase_at(ticket, now).is_open or blocks(ticket, now) or awaits_review(ticket):
        return False
    moments = [ticket.spec.expires_at, *(decided.at for decided in status.decisions)]
    moments += [status.use.at] if status.use is not None else []
    moments += [status.review.at] if status.review is not None and status.review.at is not None else []
    return now >= max(moments) + retention


def concluded(status: Status, phase: Phase, message: str, now: dt.datetime, *, reason: str = "") -> Status:
    """Give the status with the condition that ends waits; its reason is the phase unless given."""
    told = Condition(
        type=DECIDED, status="True", reason=reason or phase.value, message=message, last_transition_time=now
    )
    return replace(status, phase=phase, conditions=(told,))
