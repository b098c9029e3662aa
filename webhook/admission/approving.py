"""What doors do with an action that a policy wants approved: one protocol for all of them."""

import asyncio
import datetime as dt
from collections.abc import Callable
from typing import Protocol

import msgspec

from webhook.admission.approval_refusals import refusal
from webhook.admission.review import Answer, Noted, Request
from webhook.approvals.asking import wish
from webhook.approvals.desk import Desk, Outcome, Review, Standing
from webhook.approvals.lifecycle import broke_glass
from webhook.approvals.objects import ApprovalRequest
from webhook.approvals.standing import PREFIX
from webhook.approvals.subjects import Subject
from webhook.policy.decision import Action, Decision, Question


class Allowed(msgspec.Struct, frozen=True):
    """The action may happen, this once."""

    approval: str
    """Name of the approval request that was spent; that of a standing approval after ``standing/``."""
    decision: Decision
    """What counts as decided from here on: the glass was broken, where that is so."""
    session: str = ""
    """Id that the session must have."""


def answered(passed: Allowed | Answer) -> Answer:
    """Give the answer at a door without sessions: passed by that approval, or the refusal."""
    if isinstance(passed, Answer):
        return passed
    return Answer(decision=passed.decision, noted=Noted(approval=passed.approval))


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


class Holding(Protocol):
    """Waits for decisions."""

    async def wait(self, ticket: ApprovalRequest, seconds: float) -> bool:
        """Wait until a request is decided, at most so long; False when it is not, or nobody can wait."""
        ...


class DeskApproving:
    """Asks by approval requests in the cluster. ``key`` gives the server's secret for digests."""

    def __init__(
        self, desk: Desk, key: Callable[[], bytes], *, home: str, holding: Holding | None = None
    ) -> None:
        """``home`` is Chaperone's own namespace. Without ``holding`` no request is held back."""
        self._desk = desk
        self._key = key
        self._home = home
        self._holding = holding

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
        wanted = wish(
            msgspec.structs.replace(question, identity=self._desk.known_as(question.identity)),
            decision,
            self._without_card_data(subject),
            self._key(),
            home=self._home,
        )
        review = Review(uid=request.uid, session=session, asked=asked, dry_run=bool(request.dry_run))
        outcome = await asyncio.to_thread(self._desk.ask, wanted, review)
        if await self._held(outcome, review):
            outcome = await asyncio.to_thread(self._desk.ask, wanted, review)
        if outcome.standing is Standing.SPENT:
            return _allowed(outcome, decision)
        answer = refusal(asked, decision, outcome, self._desk.now(), self._desk.terms.pending_seconds)
        return msgspec.structs.replace(answer, decision=decision)

    def _without_card_data(self, subject: Subject) -> Subject:
        """Give a subject whose target's name is masked: requests and their digests have it in them.

        What exactly it is, is bound by what is digested under the server's key.
        """
        target = msgspec.structs.replace(subject.target, name=self._desk.shown(subject.target.name))
        return msgspec.structs.replace(subject, target=target)

    async def _held(self, outcome: Outcome, review: Review) -> bool:
        """Hold a request back until it is decided; tell whether it was.

        The time runs from when it was first asked: kubectl sends an exec that was refused once more, and that
        is refused at once.
        """
        ticket = outcome.ticket
        if self._holding is None or ticket is None or review.dry_run:
            return False
        if outcome.standing is not Standing.WAITING:
            return False
        now = self._desk.now()
        until = (ticket.metadata.creation_timestamp or now) + dt.timedelta(
            seconds=self._desk.terms.hold_seconds
        )
        left = (until - now).total_seconds()
        return left > 0 and await self._holding.wait(ticket, left)


def _allowed(outcome: Outcome, decision: Decision) -> Allowed:
    if outcome.by is not None:
        return Allowed(PREFIX + outcome.by.metadata.name, decision, outcome.session)
    ticket = outcome.ticket
    if ticket is None:
        return Allowed("", decision, outcome.session)
    decided = _by_glass(ticket, decision) if broke_glass(ticket) else decision
    return Allowed(ticket.metadata.name, decided, outcome.session)


def _by_glass(ticket: ApprovalRequest, decision: Decision) -> Decision:
    glass = ticket.spec.break_glass
    if glass is None:
        return decision
    return msgspec.structs.replace(
        decision, action=Action.AUDIT, policy=glass.policy, rule=glass.rule, glass=None, break_glass=True
    )
