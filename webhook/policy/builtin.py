"""The policy that is always there: every session may happen and every session is recorded."""

from typing import Final

import msgspec

from sidecar.contract.grants import Limits
from webhook.policy.decision import Action, Decision, Door, Question

NAME = "builtin"
RULE = "record-everything"
UNRECORDED_DOORS: Final = frozenset({Door.ATTACH, Door.EPHEMERAL_CONTAINER})
"""Ways into containers that are not always recorded."""


class RecordEverything:
    """Allow and record, with one masking profile and one set of limits for all sessions."""

    def __init__(self, *, profile: str, limits: Limits) -> None:
        self.decision = Decision(action=Action.AUDIT, policy=NAME, rule=RULE, profile=profile, limits=limits)

    def decide(self, question: Question) -> Decision:  # noqa: ARG002  the answer is the same for all
        """Give the same decision on every question."""
        return self.decision


def not_recorded(question: Question, decision: Decision) -> Decision | None:
    """Give the denial of what nothing would record though it has to be; None where that is not so.

    What shows a masked log and nothing else is let through: readers of logs are not asked about.
    """
    door = question.door
    may = decision.unrecorded or question.shows_log or question.is_recorded
    if door not in UNRECORDED_DOORS or may or decision.action is Action.DENY:
        return None
    what = (
        "Chaperone does not record this debug container"
        if door is Door.EPHEMERAL_CONTAINER
        else "Chaperone does not record an attach to a program that is not under the shim with stdin: true"
    )
    reason = f"{what}, and no rule about it says that it may go unrecorded"
    return msgspec.structs.replace(
        decision, action=Action.DENY, policy=NAME, rule=RULE, reason=reason, approval=None, glass=None
    )
