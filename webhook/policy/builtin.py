"""The policy that is always there: every session may happen and every session is recorded."""

from sidecar.contract.grants import Limits
from webhook.policy.decision import Action, Decision, Question

NAME = "builtin"
RULE = "record-everything"


class RecordEverything:
    """Allow and record, with one masking profile and one set of limits for all sessions."""

    def __init__(self, *, profile: str, limits: Limits) -> None:
        self.decision = Decision(action=Action.AUDIT, policy=NAME, rule=RULE, profile=profile, limits=limits)

    def decide(self, question: Question) -> Decision:  # noqa: ARG002  the answer is the same for all
        """Give the same decision on every question."""
        return self.decision
