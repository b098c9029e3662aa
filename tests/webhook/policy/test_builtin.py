"""The policy that is always there."""

import pytest

from sidecar.contract.grants import Limits
from sidecar.contract.sealing import Identity
from webhook.policy.builtin import RecordEverything
from webhook.policy.decision import Action, Door, Question


@pytest.mark.parametrize("door", [Door.EXEC, Door.POD])
@pytest.mark.parametrize("username", ["alice", "system:admin", ""])
def test_everything_happens_and_is_recorded(door: Door, username: str) -> None:
    policy = RecordEverything(profile="modern", limits=Limits(idle_seconds=5))
    question = Question(door=door, identity=Identity(username), namespace="payments", pod="web")
    decision = policy.decide(question)
    assert decision.action is Action.AUDIT
    assert (decision.policy, decision.rule) == ("builtin", "record-everything")
    assert (decision.profile, decision.limits.idle_seconds) == ("modern", 5)
