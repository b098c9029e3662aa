"""What doors do with an action that a policy wants approved: one protocol for all of them."""

import asyncio
from collections.abc import Callable
from typing import Protocol

import msgspec

from webhook.admission.denials import refused_by_policy
from webhook.admission.review import Answer, Cause, Denial, Request
from webhook.approvals.asking import wish
from webhook.approvals.commands import approve_command, wait_command
from webhook.approvals.desk import Desk, Outcome, Standing
from webhook.approvals.lifecycle import missing
from webhook.approvals.objects import ApprovalRequest, Decided, Verdict
from webhook.approvals.subjects import Subject
from webhook.policy.decision import Decision, Question


class Allowed(msgspec.Struct, frozen=True):
    """An approval was spent: the action may happen, this once."""

    approval: str
    """Name of the approval request."""
    session: str = ""
    """Id that the session must have."""


class Approving(Protocol):
    """Asks people."""

    async def ask(
        self,
        asked: str,
        request: Request,
        question: Question,
        decision: Decision,
        subject: Subject,
        *,
        session: str | None = None,
    ) -> Allowed | Answer:
        """Spend an approval, or give the refusal that says how to get one. Raises ClusterError.

        ``session`` is the id a session would have; None for objects, which are spent at once.
        """
        ...


class DeskApproving:
    """Asks by approval requests in the cluster. ``key`` gives the server's secret for digests."""

    def __init__(self, desk: Desk, key: Callable[[], bytes]) -> None:
        self._desk = desk
        self._key = key

    async def ask(
        self,
        asked: str,
        request: Request,
        question: Question,
        decision: Decision,
        subject: Subject,
        *,
        session: str | None = None,
    ) -> Allowed | Answer:
        """Spend an approval, or give the refusal that says how to get one. Raises ClusterError."""
        wanted = wish(question, decision, subject, self._key())
        outcome = await asyncio.to_thread(
            self._desk.ask,
            wanted,
            asked,
            request=request.uid,
            session=session,
            dry_run=bool(request.dry_run),
        )
        if outcome.standing is Standing.SPENT and outcome.ticket is not None:
            return Allowed(outcome.ticket.metadata.name, outcome.session)
        answer = _refusal(asked, decision, outcome, self._desk.terms.pending_seconds)
        return msgspec.structs.replace(answer, decision=decision)


def _refusal(asked: str, decision: Decision, outcome: Outcome, seconds: int) -> Answer:
    ticket = outcome.ticket
    if ticket is None:
        return refused_by_policy(asked, decision)
    match outcome.standing:
        case Standing.DENIED:
            return _denied(asked, ticket)
        case Standing.GRANTED:
            return _granted(asked, ticket)
        case _:
            return _waiting(asked, decision, ticket, seconds)


def _waiting(asked: str, decision: Decision, ticket: ApprovalRequest, seconds: int) -> Answer:
    name = _name(ticket)
    reason = f": {decision.reason}" if decision.reason else ""
    count = missing(ticket)
    people = "somebody else" if count == 1 else f"{count} other people"
    why = (
        f"this needs a human's approval, says rule {decision.rule} of policy {decision.policy}{reason}."
        f" Approval request {name} is waiting for {people} until {ticket.spec.expires_at:%H:%M:%S} UTC"
    )
    approve, wait = approve_command(ticket), wait_command(ticket, seconds)
    remedy = f"To approve, {people} may run: {approve}\nTo wait: {wait}\nThen do exactly the same again"
    causes = (
        Cause("ApprovalNeeded", why),
        Cause("ApprovalRequest", name),
        Cause("ApproveCommand", approve),
        Cause("WaitCommand", wait),
        Cause("Remedy", remedy),
    )
    return Answer(Denial(f"{asked}: {why}.\n{remedy}.", causes))


def _denied(asked: str, ticket: ApprovalRequest) -> Answer:
    verdicts = [d for d in ticket.status.decisions if d.verdict is Verdict.DENY]
    why = f"approval request {_name(ticket)} was denied{_by(verdicts[-1]) if verdicts else ''}"
    until = f"{ticket.spec.expires_at:%H:%M:%S} UTC"
    remedy = f"Do it another way, or talk to them; it can be asked again after {until}"
    causes = (
        Cause("ApprovalDenied", why),
        Cause("ApprovalRequest", _name(ticket)),
        Cause("Remedy", remedy),
    )
    return Answer(Denial(f"{asked}: {why}. {remedy}.", causes))


def _granted(asked: str, ticket: ApprovalRequest) -> Answer:
    use = ticket.status.use
    session = use.session if use else ""
    until = f"{use.grant_expires_at:%H:%M:%S} UTC" if use and use.grant_expires_at else "a minute from now"
    why = f"approval request {_name(ticket)} was used a moment ago, for session {session}"
    remedy = f"If that session did not start, do the same again after {until}; an approval is good for one"
    causes = (
        Cause("ApprovalInUse", why),
        Cause("ApprovalRequest", _name(ticket)),
        Cause("Remedy", remedy),
    )
    return Answer(Denial(f"{asked}: {why}. {remedy}.", causes))


def _by(decided: Decided) -> str:
    reason = f": {decided.reason}" if decided.reason else ""
    return f" by {decided.by.username}{reason}"


def _name(ticket: ApprovalRequest) -> str:
    return f"{ticket.metadata.namespace}/{ticket.metadata.name}"
