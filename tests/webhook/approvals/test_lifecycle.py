"""What can become of an approval request, and when."""

import datetime as dt

from approvals import ALICE, APPROVE, BOB, BREAK, CAROL, DENY, REVIEW, after, decided, needed, pending
from msgspec.structs import replace
from policy_samples import BUILTIN, question

from webhook.approvals import lifecycle
from webhook.approvals.objects import ApprovalRequest, Phase, Status
from webhook.policy.decision import Glass

MONTH = dt.timedelta(days=30)


def ticket(**approval: object) -> ApprovalRequest:
    return pending(question(), needed(BUILTIN, **approval))


def let_pass(approved: ApprovalRequest, seconds: float) -> Status:
    taken = lifecycle.taken(approved, "r", after(seconds), after(seconds + 60))
    return lifecycle.used_by_object(replace(approved, status=taken))


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
    assert decided(once, CAROL).status.phase is Phase.APPROVED
    assert decided(once, CAROL, DENY).status.phase is Phase.DENIED


def test_a_denial_stands_until_the_request_would_have_expired() -> None:
    denied = decided(ticket(), BOB, DENY)
    assert lifecycle.blocks(denied, after(3599))
    assert not lifecycle.blocks(denied, after(3600))


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


def test_what_one_review_has_taken_is_its_own_until_it_gives_it_back() -> None:
    approved = decided(ticket(), BOB)
    taken = replace(approved, status=lifecycle.taken(approved, "r", after(890), after(950)))
    assert lifecycle.phase_at(taken, after(949)) is Phase.GRANTED
    assert lifecycle.is_taken_by(taken, "r")
    assert not lifecycle.is_taken_by(taken, "r2")
    assert not lifecycle.is_taken_by(approved, "r")
    back = replace(taken, status=lifecycle.given_back(taken))
    assert not lifecycle.is_taken_by(back, "r")
    assert lifecycle.phase_at(back, after(899)) is Phase.APPROVED
    assert lifecycle.phase_at(back, after(900)) is Phase.EXPIRED


def test_a_request_is_removed_a_month_after_it_was_over() -> None:
    denied, approved = decided(ticket(), BOB, DENY), decided(ticket(), BOB, APPROVE, after(3000))
    used = replace(approved, status=let_pass(approved, 3800))
    expired = lifecycle.expired(ticket(), after(3600))
    assert expired is not None
    for over, at in ((denied, 3600), (used, 3800), (replace(ticket(), status=expired), 3600)):
        assert not lifecycle.removable(over, after(at) + MONTH - dt.timedelta(seconds=1), MONTH)
        assert lifecycle.removable(over, after(at) + MONTH, MONTH)


def test_a_broken_glass_stays_until_somebody_has_reviewed_it() -> None:
    glass = replace(needed(BUILTIN), glass=Glass(policy="p", rule="emergency"))
    broken = decided(pending(question(), glass), ALICE, BREAK)
    used = replace(broken, status=let_pass(broken, 10))
    later = after(10) + 12 * MONTH
    assert not lifecycle.removable(used, later, MONTH)
    reviewed = decided(used, BOB, REVIEW, later)
    assert reviewed.status.phase is Phase.USED
    assert not lifecycle.removable(reviewed, later, MONTH)
    assert lifecycle.removable(reviewed, later + MONTH, MONTH)
