"""The policy that is always there."""

import pytest

from sidecar.contract.grants import Limits
from sidecar.contract.sealing import Identity
from webhook.policy.builtin import RecordEverything
from webhook.policy.decision import Action, Door, Operation, Question


@pytest.mark.parametrize("door", [Door.EXEC, Door.POD])
@pytest.mark.parametrize("username", ["alice", "system:admin", ""])
def test_everything_happens_and_is_recorded(door: Door, username: str) -> None:
    policy = RecordEverything(profile="modern", limits=Limits(idle_seconds=5))
    operation = Operation.CONNECT if door is Door.EXEC else Operation.CREATE
    question = Question(
        door=door, operation=operation, at=0, identity=Identity(username), namespace="payments", name="web"
    )
    decision = policy.decide(question)
    assert decision.action is Action.AUDIT
    assert (decision.policy, decision.rule) == ("builtin", "record-everything")
    assert (decision.profile, decision.limits.idle_seconds) == ("modern", 5)
