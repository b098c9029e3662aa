"""The door of GuardPolicy objects."""

import json

import pytest
from policy_samples import policy, rule
from reviews import body

from webhook.admission.guard_policy import GuardPolicyDoor
from webhook.admission.review import Answer, decode_review

pytestmark = pytest.mark.anyio


async def asked(*doors: str) -> Answer:
    written = json.loads(json.dumps(policy(rule(match={"doors": list(doors)}))))
    sent = body(written, operation="CREATE", kind={"kind": "GuardPolicy"}, name="test")
    return await GuardPolicyDoor().review(decode_review(sent))


async def test_a_rule_on_a_door_that_is_never_asked_is_taken_with_a_warning() -> None:
    answer = await asked("webhook-configuration", "exec")
    assert answer.allowed
    [warning] = answer.warnings
    assert warning.startswith("rule rule is never asked at webhook-configuration")
    assert len(warning) < 256
    assert (await asked("exec")).warnings == ()


async def test_one_that_does_not_compile_is_refused() -> None:
    answer = await asked("no-door")
    assert answer.denial is not None
    assert answer.denial.causes[0].reason == "BrokenPolicy"
