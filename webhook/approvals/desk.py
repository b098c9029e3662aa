"""Where actions that need an approval go: finds or makes the request, and spends what was approved."""

import datetime as dt
from collections.abc import Callable, Iterable
from enum import Enum, auto
from typing import Final

import msgspec
from msgspec.structs import replace

from sidecar.contract.errors import ClusterError
from sidecar.contract.grants import LIFETIME_SECONDS
from sidecar.contract.sealing import Identity
from webhook.approvals import lifecycle, telling
from webhook.approvals.approvers import is_same
from webhook.approvals.asking import Terms, Wish, asks_for
from webhook.approvals.asking import ticket as make
from webhook.approvals.objects import (
    ABOUT_LABEL,
    ApprovalRequest,
    Asked,
    Person,
    Phase,
    Status,
    Verdict,
    generation_of,
)
from webhook.approvals.redaction import Redaction
from webhook.approvals.standing import StandingApproval, covering
from webhook.approvals.telling import Source
from webhook.approvals.tickets import Standings, Tickets
from webhook.approvals.verdicts import decide
from webhook.journal.journal import Journal, JournalFullError

_TRIES: Final = 8
_AT_ONCE: Final = Asked(verdict=Verdict.BREAK_GLASS)


class Standing(Enum):
    """How an action stands."""

    SPENT = auto()
    """It may happen, this once: the approval is spent on it, or a standing approval covers it."""
    WAITING = auto()
    DENIED = auto()
    GRANTED = auto()
    """It was let happen a moment ago, and may have happened."""
    NOT_ASKED = auto()
    """Nobody has asked yet, and a dry run does not ask."""
    TOO_MANY = auto()
    """Nobody has asked yet, and too many requests of the same person wait."""


class Outcome(msgspec.Struct, frozen=True):
    """What came of an action."""

    standing: Standing
    ticket: ApprovalRequest | None = None
    session: str = ""
    """Id that the session must have."""
    by: StandingApproval | None = None
    """The standing approval that covers it."""
    other: ApprovalRequest | None = None
    """While it waits: what was approved of the same target, but is not what is asked now."""
    waiting: int = 0
    """Where too many requests of the same person wait: how many."""


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """One review of an action."""

    uid: str
    session: str | None
    """Id a session would have, None for objects."""
    asked: str
    """What is asked, in one line."""
    dry_run: bool


class Desk:
    """Takes wishes. Methods block and raise ClusterError. ``clock`` gives Unix seconds."""

    def __init__(
        self,
        tickets: Tickets,
        standings: Standings,
        redaction: Redaction,
        terms: Terms,
        *,
        journal: Journal,
        source: Source,
        clock: Callable[[], int],
        known: Callable[[], Iterable[ApprovalRequest]] = tuple,
    ) -> None:
        """``known`` gives all requests as they were a moment ago."""
        self._tickets = tickets
        self._standings = standings
        self._redaction = redaction
        self.terms = terms
        self._journal = journal
        self._source = source
        self._clock = clock
        self._known = known

    def now(self) -> dt.datetime:
        """Give the time, in whole seconds."""
        return dt.datetime.fromtimestamp(self._clock(), dt.UTC)

    def known_as(self, identity: Identity) -> Identity:
        """Give who somebody is as requests have it: without card data."""
        return self._redaction.identity(identity)

    def shown(self, text: str) -> str:
        """Give a text as requests have it: without card data."""
        return self._redaction.text(text)

    def ask(self, wish: Wish, review: Review) -> Outcome:
        """Give how an action stands, after asking for it or spending its approval where that is due."""
        for _ in range(_TRIES):
            outcome = self._try(self._tickets.last(wish.namespace, wish.base, self.now()), wish, review)
            if outcome is not None:
                return outcome
        raise ClusterError("the approval request changes faster than it can be read")

    def _try(self, last: ApprovalRequest | None, wish: Wish, review: Review) -> Outcome | None:
        """Give how an action stands by the last request for it; None to look again.

        Raises ClusterError where what has its name was not made for it.
        """
        if last is not None and not asks_for(last, wish):
            raise ClusterError(
                f"approval request {last.metadata.name} asks for something else than its name says, so"
                " Chaperone has not made it; an administrator should find out who did, and remove it"
            )
        open_ = last if last is not None and lifecycle.blocks(last, self.now()) else None
        outcome = self._meet(open_, wish, review) if open_ is not None else None
        if outcome is None:
            outcome = self._pass_by(wish, review)
        if outcome is None:
            outcome = self._wait(wish, review, open_, generation_of(last) + 1 if last else 1)
        return outcome

    def _meet(self, ticket: ApprovalRequest, wish: Wish, review: Review) -> Outcome | None:
        """Give what a request that is there says; None while it waits, is in use, or changes."""
        now = self.now()
        match lifecycle.phase_at(ticket, now):
            case Phase.DENIED:
                return Outcome(Standing.DENIED, ticket)
            case Phase.APPROVED:
                return self._spend(ticket, wish, review, now)
            case Phase.GRANTED if lifecycle.is_taken_by(ticket, review.uid):
                return self._use(ticket, review)
            case Phase.GRANTED if not lifecycle.is_granted(ticket, now):
                return self._spend(ticket, wish, review, now)
            case _:
                return None

    def _spend(self, ticket: ApprovalRequest, wish: Wish, review: Review, now: dt.datetime) -> Outcome | None:
        """Spend an approval on a session, or take it for an object; None to look again."""
        former = ticket.status.use
        session = former.session if former is not None and review.session is not None else review.session
        outcome = Outcome(Standing.SPENT, ticket, session or "")
        if review.dry_run:
            return outcome
        if lifecycle.broke_unasked(ticket):
            event = telling.decided(self._source, ticket, wish.question.identity, review.uid)
            self._journal.note(event)
        is_ours = self._tickets.update(ticket, _spent(ticket, review, session, now))
        return outcome if is_ours and session is not None else None

    def _use(self, ticket: ApprovalRequest, review: Review) -> Outcome | None:
        """Use up what this review has taken: its event is kept first, or the approval is given back.

        Told twice it is the same event, and nobody else can use it meanwhile.
        """
        used = lifecycle.used_by_object(ticket)
        try:
            self._journal.note(telling.used(self._source, ticket, "", review.uid))
        except JournalFullError:
            self._tickets.update(ticket, lifecycle.given_back(ticket))
            raise
        return Outcome(Standing.SPENT, ticket) if self._tickets.update(ticket, used) else None

    def _pass_by(self, wish: Wish, review: Review) -> Outcome | None:
        """Give the outcome where no request is needed: a standing approval covers the action."""
        approval = wish.decision.approval
        if approval is None or approval.standing is None:
            return None
        now = self.now()
        given = covering(
            self._standings.given(wish.namespace),
            wish.question,
            wish.decision,
            now,
            resource=wish.subject.target.resource,
        )
        if given is None:
            return None
        if not review.dry_run:
            event = telling.standing_used(
                self._source,
                given,
                wish.question,
                asked=self._redaction.text(review.asked),
                argv=self._redaction.show(wish.subject.argv, "").argv,
                session=review.session or "",
                at=now,
                request=review.uid,
            )
            self._journal.note(event)
        return Outcome(Standing.SPENT, session=review.session or "", by=given)

    def _wait(
        self, wish: Wish, review: Review, open_: ApprovalRequest | None, generation: int
    ) -> Outcome | None:
        """Give the outcome of a request that waits, made where there is none; None to look again."""
        glass = wish.decision.glass
        if glass is not None and not glass.reason_required:
            return self._break_glass(wish, review, open_, generation)
        if open_ is not None:
            phase = lifecycle.phase_at(open_, self.now())
            if phase is Phase.PENDING:
                return Outcome(Standing.WAITING, open_, other=self._other(wish))
            return Outcome(Standing.GRANTED, open_) if phase is Phase.GRANTED else None
        if review.dry_run:
            return Outcome(Standing.NOT_ASKED)
        waiting = self._waiting_of(wish.question.identity)
        if waiting >= self.terms.most_open_per_requester:
            return Outcome(Standing.TOO_MANY, waiting=waiting)
        return self._make(wish, review, generation)

    def _make(self, wish: Wish, review: Review, generation: int) -> Outcome | None:
        """Make a request and tell of it; None to look again, as there is one by now."""
        made = self._tickets.create(self._ticket(wish, review, generation))
        if made is None:
            return None
        try:
            self._journal.note(telling.asked(self._source, made, wish.question.identity, review.uid))
        except JournalFullError:
            self._tickets.remove(made)
            raise
        return Outcome(Standing.WAITING, made, other=self._other(wish))

    def _break_glass(
        self, wish: Wish, review: Review, open_: ApprovalRequest | None, generation: int
    ) -> Outcome | None:
        """Break the glass at once: make a request that has its verdict already, to be met and spent next.

        That it was broken is told before it is spent, or when it expires unspent.
        """
        if review.dry_run:
            return Outcome(Standing.SPENT, session=review.session or "")
        now = self.now()
        waiting = open_ if open_ is not None and open_.status.phase is Phase.PENDING else None
        ticket = waiting or self._ticket(wish, review, generation)
        broken = replace(ticket, status=decide(ticket, _AT_ONCE, ticket.spec.requester, now))
        if waiting is None:
            self._tickets.create(broken)
        else:
            self._tickets.update(waiting, broken.status)
        return None

    def _ticket(self, wish: Wish, review: Review, generation: int) -> ApprovalRequest:
        shown = self._redaction.show(wish.subject.argv, wish.subject.shown)
        return make(
            wish,
            generation,
            asked=self._redaction.text(review.asked),
            argv=shown.argv,
            shown=shown.object,
            terms=self.terms,
            now=self.now(),
        )

    def _waiting_of(self, identity: Identity) -> int:
        """Give how many requests of one person waited a moment ago, in all namespaces."""
        now, requester = self.now(), Person(username=identity.username, uid=identity.uid)
        return sum(
            is_same(one.spec.requester, requester) and lifecycle.phase_at(one, now) is Phase.PENDING
            for one in self._known()
        )

    def _other(self, wish: Wish) -> ApprovalRequest | None:
        """Give an approval that whoever asks may think of, though it is for something else."""
        now, place = self.now(), wish.namespace
        return next((one for one in self._known() if _is_other(one, place, wish.about, now)), None)


def _is_other(ticket: ApprovalRequest, namespace: str, about: str, now: dt.datetime) -> bool:
    metadata = ticket.metadata
    is_about = metadata.namespace == namespace and metadata.labels.get(ABOUT_LABEL) == about
    return is_about and lifecycle.phase_at(ticket, now) is Phase.APPROVED


def _spent(ticket: ApprovalRequest, review: Review, session: str | None, now: dt.datetime) -> Status:
    until = now + dt.timedelta(seconds=LIFETIME_SECONDS)
    if session is None:
        return lifecycle.taken(ticket, review.uid, now, until)
    return lifecycle.granted(ticket, session, now, until)
