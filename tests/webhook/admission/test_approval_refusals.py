"""Refusals of what needs an approval, in words."""

import pytest
from approvals import APPROVE, DENY, NOW, after, decided, needed, pending
from msgspec.structs import replace
from policy_samples import BUILTIN, question

from webhook.admission.approval_refusals import refusal
from webhook.approvals.desk import Outcome, Standing
from webhook.approvals.objects import ApprovalRequest, Person

BOB = Person(username="bob")


def waiting_until(seconds: float) -> ApprovalRequest:
    found = pending(question(), needed(BUILTIN, count=2))
    return replace(found, spec=replace(found.spec, expires_at=after(seconds)))


def message(outcome: Outcome) -> str:
    answer = refusal("exec", needed(BUILTIN), outcome, NOW, 86400 * 3)
    assert answer.denial is not None
    return answer.denial.message


@pytest.mark.parametrize(
    ("seconds", "said"), [(3600, "until 13:00:00 UTC"), (13 * 3600, "until 2026-03-03 01:00:00 UTC")]
)
def test_another_day_is_named(seconds: float, said: str) -> None:
    assert said in message(Outcome(Standing.WAITING, waiting_until(seconds)))
    denied = decided(waiting_until(seconds), BOB, DENY)
    assert said.removeprefix("until ") in message(Outcome(Standing.DENIED, denied))


def test_how_many_must_still_agree_is_told() -> None:
    found = waiting_until(3600)
    assert "waiting for 2 other people until" in message(Outcome(Standing.WAITING, found))
    half = decided(found, BOB, APPROVE)
    told = message(Outcome(Standing.WAITING, half))
    assert "waiting for somebody else until" in told
    assert "To wait: kubectl wait approvalrequests/" in told
    assert "--timeout=3610s" in told
