"""Where actions that need an approval go: finds or makes the request, and spends what was approved."""

import datetime as dt
from collections.abc import Callable
from enum import Enum, auto
from typing import Final

import msgspec

from sidecar.contract.errors import ClusterError
from sidecar.contract.grants import LIFETIME_SECONDS
from webhook.approvals import lifecycle
from webhook.approvals.asking import Terms, Wish
from webhook.approvals.asking import ticket as make
from webhook.approvals.objects import ApprovalRequest, Phase, Status, generation_of
from webhook.approvals.redaction import Redaction
from webhook.approvals.tickets import Tickets

_TRIES: Final = 8


class Standing(Enum):
    """How an action stands."""

    SPENT = auto()
    """It may happen, this once: the approval is spent on it."""
    WAITING = auto()
    DENIED = auto()
    GRANTED = auto()
    """It was let happen a moment ago, and may have happened."""
    NOT_ASKED = auto()
    """Nobody has asked yet, and a dry run does not ask."""


class Outcome(msgspec.Struct, frozen=True):
    """What came of an action."""

    standing: Standing
    ticket: ApprovalRequest | None = None
    session: str = ""
    """Id that the session must have."""


class Desk:
    """Takes wishes. Methods block and raise ClusterError. ``clock`` gives Unix seconds."""

    def __init__(
        self, tickets: Tickets, redaction: Redaction, terms: Terms, *, clock: Callable[[], int]
    ) -> None:
        self._tickets = tickets
        self._redaction = redaction
        self.terms = terms
        self._clock = clock

    def now(self) -> dt.datetime:
        """Give the time, in whole seconds."""
        return dt.datetime.fromtimestamp(self._clock(), dt.UTC)

    def ask(self, wish: Wish, asked: str, *, request: str, session: str | None, dry_run: bool) -> Outcome:
        """Give how an action stands, after asking for it or spending its approval where that is due.

        ``session`` is the id a session would have, None for objects; ``request`` is the review's UID.
        """
        for _ in range(_TRIES):
            found = sorted(self._tickets.find(wish.question.namespace, wish.base), key=generation_of)
            last = found[-1] if found else None
            if last is not None and lifecycle.blocks(last, self.now()):
                outcome = self._meet(last, request, session, dry_run=dry_run)
            elif dry_run:
                return Outcome(Standing.NOT_ASKED)
            else:
                outcome = self._make(wish, asked, generation_of(last) + 1 if last else 1)
            if outcome is not None:
                return outcome
        raise ClusterError("the approval request changes faster than it can be read")

    def _make(self, wish: Wish, asked: str, generation: int) -> Outcome | None:
        shown = self._redaction.show(wish.subject.argv, wish.subject.shown)
        ticket = make(
            wish,
            generation,
            asked=self._redaction.text(asked),
            argv=shown.argv,
            shown=shown.object,
            terms=self.terms,
            now=self.now(),
        )
        return Outcome(Standing.WAITING, ticket) if self._tickets.create(ticket) else None

    def _meet(
        self, ticket: ApprovalRequest, request: str, session: str | None, *, dry_run: bool
    ) -> Outcome | None:
        now = self.now()
        match lifecycle.phase_at(ticket, now):
            case Phase.PENDING:
                return Outcome(Standing.WAITING, ticket)
            case Phase.DENIED:
                return Outcome(Standing.DENIED, ticket)
            case Phase.GRANTED if lifecycle.is_granted(ticket, now):
                return Outcome(Standing.GRANTED, ticket)
            case _:
                return self._spend(ticket, request, session, now, dry_run=dry_run)

    def _spend(
        self, ticket: ApprovalRequest, request: str, session: str | None, now: dt.datetime, *, dry_run: bool
    ) -> Outcome | None:
        former = ticket.status.use
        session = former.session if former is not None and session is not None else session
        outcome = Outcome(Standing.SPENT, ticket, session or "")
        if dry_run or self._tickets.update(ticket, _spent(ticket, request, session, now)):
            return outcome
        return None


def _spent(ticket: ApprovalRequest, request: str, session: str | None, now: dt.datetime) -> Status:
    if session is None:
        return lifecycle.used_by_object(ticket, request, now)
    until = now + dt.timedelta(seconds=LIFETIME_SECONDS)
    return lifecycle.granted(ticket, session, now, until)
