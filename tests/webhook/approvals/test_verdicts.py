"""Which verdicts are taken, from whom, and what follows from them."""

import datetime as dt
from typing import Any

import pytest
from approvals import ALICE, APPROVE, BOB, BREAK, CAROL, DENY, NOW, REVIEW, after, decided, needed, pending
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from policy_samples import BUILTIN, question

from webhook.approvals import lifecycle
from webhook.approvals.objects import ApprovalRequest, Asked, Person, Phase, ReviewState, Verdict
from webhook.approvals.verdicts import refuse
from webhook.policy.decision import Glass

BOT = "system:serviceaccount:ci:bot"
OTHER_BOT = Person(username="system:serviceaccount:ci:other", groups=("system:serviceaccounts",))
SILENT = Asked(verdict=Verdict.APPROVE, reason=" ")


def ticket(*, user: str = "alice", glass: bool = False, **approval: Any) -> ApprovalRequest:
    decision = needed(BUILTIN, **approval)
    if glass:
        decision = replace(decision, glass=Glass(policy="p", rule="emergency"))
    return pending(question(user=user), decision)


BROKEN = decided(ticket(glass=True), ALICE, BREAK)
REFUSED: list[tuple[ApprovalRequest, Person, Asked, dt.datetime, str]] = [
    (ticket(), ALICE, APPROVE, NOW, "OwnRequest"),
    (ticket(), ALICE, DENY, NOW, "OwnRequest"),
    (ticket(), Person(username="renamed", uid="u-1"), APPROVE, NOW, "OwnRequest"),
    (ticket(), BOB, APPROVE, after(3600), "TooLate"),
    (decided(ticket(), BOB), CAROL, APPROVE, NOW, "TooLate"),
    (decided(ticket(), BOB, DENY), CAROL, APPROVE, NOW, "TooLate"),
    (decided(ticket(count=2), BOB), BOB, APPROVE, NOW, "DecidedTwice"),
    (ticket(), BOB, replace(APPROVE, digest="0" * 64), NOW, "AnotherRequest"),
    (ticket(), BOB, replace(DENY, digest=ticket().spec.digest[:8]), NOW, "AnotherRequest"),
    (ticket(users=("carol",)), BOB, APPROVE, NOW, "NotAnApprover"),
    (ticket(groups=("security",)), BOB, DENY, NOW, "NotAnApprover"),
    (ticket(reason_required=True), BOB, SILENT, NOW, "ReasonMissing"),
    (ticket(reason_required=True), BOB, replace(SILENT, reason="WHY"), NOW, "ReasonMissing"),
    (ticket(user=BOT, exclude_service_accounts=True), OTHER_BOT, APPROVE, NOW, "ServiceAccountExcluded"),
    (ticket(), ALICE, BREAK, NOW, "GlassIsClosed"),
    (ticket(glass=True), BOB, BREAK, NOW, "NotTheRequester"),
    (ticket(glass=True), ALICE, Asked(verdict=Verdict.BREAK_GLASS), NOW, "ReasonMissing"),
    (ticket(glass=True), ALICE, Asked(verdict=Verdict.BREAK_GLASS, reason=" WHY "), NOW, "ReasonMissing"),
    (ticket(glass=True), ALICE, BREAK, after(3600), "TooLate"),
    (decided(ticket(glass=True), BOB, DENY), ALICE, BREAK, NOW, "TooLate"),
    (BROKEN, ALICE, BREAK, NOW, "TooLate"),
    (BROKEN, BOB, APPROVE, NOW, "TooLate"),
    (BROKEN, ALICE, REVIEW, NOW, "OwnRequest"),
    (BROKEN, BOB, Asked(verdict=Verdict.REVIEW), NOW, "ReasonMissing"),
    (decided(BROKEN, BOB, REVIEW), CAROL, REVIEW, NOW, "TooLate"),
    (ticket(glass=True), BOB, REVIEW, NOW, "NothingToReview"),
]


@pytest.mark.parametrize(("found", "who", "said", "at", "rule"), REFUSED)
def test_a_verdict_that_is_not_taken(
    found: ApprovalRequest, who: Person, said: Asked, at: dt.datetime, rule: str
) -> None:
    refusal = refuse(found, said, who, at)
    assert refusal is not None
    assert refusal.rule == rule
    assert refusal.why


@pytest.mark.parametrize("terms", [{"users": ("carol",)}, {"groups": ("security",)}])
def test_who_the_policy_names_may_decide(terms: dict[str, Any]) -> None:
    assert decided(ticket(**terms), CAROL).status.phase is Phase.APPROVED


@pytest.mark.parametrize("said", [APPROVE, DENY])
def test_a_verdict_on_what_was_looked_at_is_taken(said: Asked) -> None:
    assert refuse(ticket(), replace(said, digest=ticket().spec.digest), BOB, NOW) is None


def test_service_accounts_are_excluded_for_each_other_alone() -> None:
    assert decided(ticket(exclude_service_accounts=True), OTHER_BOT).status.phase is Phase.APPROVED
    assert decided(ticket(user=BOT, exclude_service_accounts=True), BOB).status.phase is Phase.APPROVED
    assert decided(ticket(user=BOT), OTHER_BOT).status.phase is Phase.APPROVED


def test_breaking_the_glass_goes_on_at_once_and_is_to_be_reviewed() -> None:
    status = BROKEN.status
    assert status.phase is Phase.APPROVED
    assert status.usable_until == after(900)
    assert [condition.reason for condition in status.conditions] == ["BreakGlass"]
    assert status.review is not None
    assert status.review.state is ReviewState.PENDING
    reviewed = decided(BROKEN, BOB, REVIEW, after(60)).status
    assert reviewed.review is not None
    assert (reviewed.review.state, reviewed.review.by, reviewed.review.reason) == (
        ReviewState.DONE,
        BOB,
        "it was needed",
    )
    assert reviewed.decisions == status.decisions


def test_one_with_more_groups_than_are_kept_decides_by_any_of_them() -> None:
    crowd = Person(username="bob", groups=(*(f"g{number}" for number in range(100)), "security"))
    [kept] = decided(ticket(groups=("security",)), crowd).status.decisions
    assert len(kept.by.groups) == 64
    assert kept.stands_for == ("security",)


PEOPLE = st.sampled_from([ALICE, BOB, CAROL, Person(username="dave")])
SAID = st.sampled_from([APPROVE, DENY, BREAK, REVIEW])
STEPS = st.lists(st.tuples(PEOPLE, SAID, st.integers(0, 2000)), max_size=8)


@given(STEPS, st.integers(1, 3), st.booleans())
def test_whatever_is_said_only_enough_different_others_approve(
    steps: list[tuple[Person, Asked, int]], count: int, glass: bool
) -> None:
    found, seconds = ticket(count=count, glass=glass), 0
    for who, said, pause in steps:
        seconds += pause
        if refuse(found, said, who, after(seconds)) is None:
            found = decided(found, who, said, after(seconds))
    decisions = found.status.decisions
    by = {d.by.username for d in decisions if d.verdict is Verdict.APPROVE}
    broken = [d.by.username for d in decisions if d.verdict is Verdict.BREAK_GLASS]
    assert "alice" not in by
    assert broken in ([], ["alice"] if glass else [])
    if found.status.phase is Phase.APPROVED and not broken:
        assert len(by) == len(decisions) == count
    assert lifecycle.broke_glass(found) == bool(broken)
