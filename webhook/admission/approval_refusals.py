"""Refusals of actions that need an approval: what was asked, which request, and exactly what to do next.

Whoever reads one, an agent too, can go on from the text alone; programs find the same in the causes.
"""

import datetime as dt

from webhook.admission.denials import deny, refused_by_policy
from webhook.admission.review import Answer, Cause, Denial
from webhook.approvals.approvers import missing, missing_groups
from webhook.approvals.commands import approve_command, break_glass_command, wait_command
from webhook.approvals.desk import Outcome, Standing
from webhook.approvals.objects import ApprovalRequest, Decided, Verdict
from webhook.policy.decision import Decision


def refusal(
    asked: str, decision: Decision, outcome: Outcome, now: dt.datetime, pending_seconds: int
) -> Answer:
    """Give the refusal for how an action stands."""
    ticket = outcome.ticket
    if outcome.standing is Standing.TOO_MANY:
        return _too_many(asked, decision, outcome.waiting, pending_seconds)
    if ticket is None:
        return refused_by_policy(asked, decision)
    match outcome.standing:
        case Standing.DENIED:
            return _denied(asked, ticket, now)
        case Standing.GRANTED:
            return _granted(asked, ticket)
        case _:
            left = max(1, int((ticket.spec.expires_at - now).total_seconds()))
            until = _moment(ticket.spec.expires_at, now)
            wait = wait_command(ticket, min(left, pending_seconds))
            return _waiting(asked, decision, ticket, outcome.other, until=until, wait=wait)


def _too_many(asked: str, decision: Decision, waiting: int, pending_seconds: int) -> Answer:
    reason = f": {decision.reason}" if decision.reason else ""
    why = (
        f"this needs a human's approval, says rule {decision.rule} of policy {decision.policy}{reason}."
        f" Nobody was asked: {waiting} of your approval requests wait already, and no more may"
    )
    remedy = (
        "have some of them decided (chaperone approvals list -A shows them), or wait until they expire,"
        f" {pending_seconds} seconds after they were made; then do the same again"
    )
    return deny(asked, why=why, remedy=remedy, rule="TooManyOpen")


def _waiting(
    asked: str,
    decision: Decision,
    ticket: ApprovalRequest,
    other: ApprovalRequest | None,
    *,
    until: str,
    wait: str,
) -> Answer:
    name = _name(ticket)
    reason = f": {decision.reason}" if decision.reason else ""
    people = _people(ticket)
    why = (
        f"this needs a human's approval, says rule {decision.rule} of policy {decision.policy}{reason}."
        f" Approval request {name} is waiting for {people} until {until}"
    )
    if other is not None:
        why += (
            f". {other.metadata.name} was approved, but an approval is for exactly what was asked then:"
            f" {_since(ticket, other)}"
        )
    approve = approve_command(ticket)
    lines = [f"To approve, {people} may run: {approve}", f"To wait: {wait}"]
    causes = [
        Cause("ApprovalNeeded", why),
        Cause("ApprovalRequest", name),
        Cause("ApproveCommand", approve),
        Cause("WaitCommand", wait),
    ]
    if ticket.spec.break_glass is not None:
        glass = break_glass_command(ticket)
        lines.append(f"In an emergency, to go on without waiting, say why: {glass}")
        lines.append("That is told to others at once, and somebody else reviews it.")
        causes.append(Cause("BreakGlassCommand", glass))
    last = "Then do exactly the same again: once approved it goes through once, and if denied it says so"
    remedy = "\n".join((*lines, last))
    return Answer(Denial(f"{asked}: {why}.\n{remedy}.", (*causes, Cause("Remedy", remedy))))


def _since(ticket: ApprovalRequest, other: ApprovalRequest) -> str:
    """Give why an approval of the same person for the same target is none of what is asked now."""
    now, then = ticket.spec.target, other.spec.target
    called = f"{now.resource} {now.name}"
    if now.uid != then.uid:
        return f"{called} has been made anew since"
    if now.state != then.state:
        versions = f"resourceVersion {then.resource_version} then, {now.resource_version} now"
        return f"{called} has changed since ({versions})"
    return "this is something else"


def _people(ticket: ApprovalRequest) -> str:
    approval, decisions = ticket.spec.approval, ticket.status.decisions
    count = missing(approval, decisions)
    people = "somebody else" if count == 1 else f"{count} other people"
    groups = missing_groups(approval, decisions)
    return f"{people}, with one of each of {', '.join(groups)} among them" if groups else people


def _denied(asked: str, ticket: ApprovalRequest, now: dt.datetime) -> Answer:
    verdicts = [d for d in ticket.status.decisions if d.verdict is Verdict.DENY]
    why = f"approval request {_name(ticket)} was denied{_by(verdicts[-1]) if verdicts else ''}"
    until = _moment(ticket.spec.expires_at, now)
    remedy = f"Do it another way, or talk to them; it can be asked again after {until}"
    causes = (
        Cause("ApprovalDenied", why),
        Cause("ApprovalRequest", _name(ticket)),
        Cause("Remedy", remedy),
    )
    return Answer(Denial(f"{asked}: {why}. {remedy}.", causes))


def _granted(asked: str, ticket: ApprovalRequest) -> Answer:
    use = ticket.status.use
    user = f"session {use.session}" if use and use.session else "another request for the same"
    until = f"{use.grant_expires_at:%H:%M:%S} UTC" if use and use.grant_expires_at else "a minute from now"
    why = f"approval request {_name(ticket)} was used a moment ago, for {user}"
    remedy = f"If nothing came of that, do the same again after {until}; an approval is good for one"
    causes = (
        Cause("ApprovalInUse", why),
        Cause("ApprovalRequest", _name(ticket)),
        Cause("Remedy", remedy),
    )
    return Answer(Denial(f"{asked}: {why}. {remedy}.", causes))


def _moment(at: dt.datetime, now: dt.datetime) -> str:
    """Give a time of day, with the date where that is another day."""
    return f"{at:%H:%M:%S} UTC" if at.date() == now.date() else f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _by(decided: Decided) -> str:
    reason = f": {decided.reason}" if decided.reason else ""
    return f" by {decided.by.username}{reason}"


def _name(ticket: ApprovalRequest) -> str:
    return f"{ticket.metadata.namespace}/{ticket.metadata.name}"
