"""Audit mode of the whole installation: what works on a cluster without Chaperone works, and is on record.

Policies decide nothing then (``webhook.policy.evaluation``). What a door would refuse by itself, for want of
a recorder or of an answer from the cluster, happens as it was asked for, and what would have been said is
noted. What there would not be without Chaperone stays refused: ways into the recorder, and what is its own.
"""

from typing import Final, Protocol

from msgspec.structs import replace

from sidecar.contract.errors import CallerError
from webhook.admission.denials import unreadable
from webhook.admission.review import Answer, Denial, Request
from webhook.policy.builtin import NAME as BUILTIN
from webhook.policy.decision import Action, Decision, Judgement

_STAY: Final = frozenset({"RecorderIsClosed", "ShimIsReserved", "NotFound", "FieldValueInvalid"})
"""Refusals that audit mode leaves: Chaperone's own, and those of the API server itself, in its words."""


class Door(Protocol):
    """Judges the reviews of one kind."""

    async def review(self, request: Request) -> Answer:
        """Give the answer. Raises MalformedReviewError."""
        ...


class AuditMode:
    """A door that lets happen what it would refuse.

    ``otherwise`` is what counts as decided where nothing was.
    """

    def __init__(self, door: Door, otherwise: Decision) -> None:
        self._door = door
        self._otherwise = otherwise

    async def review(self, request: Request) -> Answer:
        """Give the door's answer, or that the request goes on as it is."""
        try:
            answer = await self._door.review(request)
        except (CallerError, RecursionError) as error:
            answer = unreadable(error)
        denial = answer.denial
        if denial is None or _reason(denial) in _STAY:
            return answer
        decision = answer.decision or self._otherwise
        return Answer(decision=would_be_refused(decision, _reason(denial), _why(denial)), noted=answer.noted)


def would_be_refused(decision: Decision, rule: str, why: str) -> Decision:
    """Give a decision with the refusal that a door makes by itself, unless a policy would refuse for good."""
    if decision.would is not None and decision.would.action is Action.DENY:
        return decision
    return replace(decision, would=Judgement(action=Action.DENY, policy=BUILTIN, rule=rule, reason=why))


def _reason(denial: Denial) -> str:
    return denial.causes[0].reason if denial.causes else denial.reason


def _why(denial: Denial) -> str:
    return denial.causes[0].message if denial.causes else denial.message
