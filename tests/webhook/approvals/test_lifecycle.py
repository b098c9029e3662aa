"""What can become of an approval request."""

import datetime as dt

import pytest
from approvals import APPROVE, BOB, CAROL, DENY, NOW, after, needed, pending
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from policy_samples import BUILTIN, question

from webhook.approvals import lifecycle
from webhook.approvals.objects import ApprovalRequest, Asked, Person, Phase, Verdict

ALICE = Person(username="alice", uid="u-1")


def ticket(**approval: object) -> ApprovalRequest:
    return pending(question(), needed(BUILTIN, **approval))


def decided(
    found: ApprovalRequest, who: Person, said: Asked = APPROVE, at: dt.datetime = NOW
) -> ApprovalRequest:
    assert lifecycle.refuse(found, said, who, at) is None
    return replace(found, status=lifecycle.decide(found, said, who, at))


def test_one_approves_and_it_can_be_used_for_a_while() -> None:
    approved = decided(ticket(), BOB)
    assert lifecycle.phase_at(approved, after(899)) is Phase.APPROVED
    assert lifecycle.phase_at(approved, after(900)) is Phase.EXPIRED
    [condition] = approved.status.conditions
    assert (condition.type, condition.reason, condition.message) == ("Decided", "Approved", "approved by bob")


def test_nobody_decides_within_its_time() -> None:
    assert lifecycle.phase_at(ticket(), after(3599)) is Phase.PENDING
    assert lifecycle.phase_at(ticket(), after(3600)) is Phase.EXPIRED
    assert lifecycle.expired(ticket(), after(3599)) is None
    status = lifecycle.expired(ticket(), after(3600))
    assert status is not None
    assert lifecycle.expired(replace(ticket(), status=status), after(3601)) is None


def test_several_must_agree() -> None:
    once = decided(ticket(count=2), BOB)
    assert once.status.phase is Phase.PENDING
    assert lifecycle.missing(once) == 1
    assert decided(once, CAROL).status.phase is Phase.APPROVED
    assert decided(once, CAROL, DENY).status.phase is Phase.DENIED


def test_a_denial_stands_until_the_request_would_have_expired() -> None:
    denied = decided(ticket(), BOB, DENY)
    assert lifecycle.blocks(denied, after(3599))
    assert not lifecycle.blocks(denied, after(3600))


REFUSED: list[tuple[ApprovalRequest, Person, Asked, dt.datetime, str]] = [
    (ticket(), ALICE, APPROVE, NOW, "OwnRequest"),
    (ticket(), ALICE, DENY, NOW, "OwnRequest"),
    (ticket(), Person(username="renamed", uid="u-1"), APPROVE, NOW, "OwnRequest"),
    (ticket(), BOB, APPROVE, after(3600), "TooLate"),
    (decided(ticket(), BOB), CAROL, APPROVE, NOW, "TooLate"),
    (decided(ticket(), BOB, DENY), CAROL, APPROVE, NOW, "TooLate"),
    (decided(ticket(count=2), BOB), BOB, APPROVE, NOW, "DecidedTwice"),
    (ticket(users=("carol",)), BOB, APPROVE, NOW, "NotAnApprover"),
    (ticket(groups=("security",)), BOB, DENY, NOW, "NotAnApprover"),
    (ticket(reason_required=True), BOB, Asked(verdict=Verdict.APPROVE, reason=" "), NOW, "ReasonMissing"),
]


@pytest.mark.parametrize(("found", "who", "said", "at", "rule"), REFUSED)
def test_a_verdict_that_is_not_taken(
    found: ApprovalRequest, who: Person, said: Asked, at: dt.datetime, rule: str
) -> None:
    refusal = lifecycle.refuse(found, said, who, at)
    assert refusal is not None
    assert refusal.rule == rule


@pytest.mark.parametrize("terms", [{"users": ("carol",)}, {"groups": ("security",)}])
def test_who_the_policy_names_may_decide(terms: dict[str, object]) -> None:
    assert decided(ticket(**terms), CAROL).status.phase is Phase.APPROVED


def test_a_grant_outlives_the_time_of_its_approval_and_its_session_uses_it_up() -> None:
    approved = decided(ticket(), BOB)
    status = lifecycle.granted(approved, "s1", after(890), after(950))
    given_out = replace(approved, status=status)
    assert lifecycle.phase_at(given_out, after(949)) is Phase.GRANTED
    assert lifecycle.phase_at(given_out, after(950)) is Phase.EXPIRED
    used = lifecycle.used_by_session(given_out, "s1")
    assert used is not None
    assert used.phase is Phase.USED
    assert lifecycle.used_by_session(given_out, "s2") is None
    assert lifecycle.used_by_session(replace(given_out, status=used), "s1") is None


PEOPLE = st.sampled_from([ALICE, BOB, CAROL, Person(username="dave")])
STEPS = st.lists(st.tuples(PEOPLE, st.sampled_from([APPROVE, DENY]), st.integers(0, 2000)), max_size=8)


@given(STEPS, st.integers(1, 3))
def test_whatever_is_said_only_enough_different_others_approve(
    steps: list[tuple[Person, Asked, int]], count: int
) -> None:
    found, seconds = ticket(count=count), 0
    for who, said, pause in steps:
        seconds += pause
        if lifecycle.refuse(found, said, who, after(seconds)) is None:
            found = decided(found, who, said, after(seconds))
    by = {d.by.username for d in found.status.decisions if d.verdict is Verdict.APPROVE}
    assert "alice" not in by
    if found.status.phase is Phase.APPROVED:
        assert len(by) == len(found.status.decisions) == count
