"""Audit events of approvals: who, what, and the same event when it is told again."""

from approvals import ALICE, BOB, BREAK, NOW, REVIEW, SOURCE, after, decided, needed, pending
from msgspec.structs import replace
from policy_samples import BUILTIN, question

from sidecar.contract.identifiers import is_session_id
from sidecar.contract.sealing import Identity
from webhook.approvals import lifecycle, telling
from webhook.approvals.objects import Asked, Person, Verdict
from webhook.journal.events import Kind, Outcome
from webhook.policy.decision import Glass

WHO = Identity("bob", "", ("approvers",), {"iss": ("https://idp",)})
TICKET = pending(question(), replace(needed(BUILTIN, count=2), glass=Glass(policy="g", rule="emergency")))


def test_a_verdict_says_what_is_still_missing_and_whom_it_speaks_for() -> None:
    lead = Person(username="bob", groups=("leads",))
    of_groups = pending(question(), needed(BUILTIN, groups=("leads",), count=2))
    event = telling.decided(SOURCE, decided(of_groups, lead), WHO, "r1")
    assert (event.kind, event.outcome, event.actor) == (Kind.APPROVAL_DECIDED, Outcome.SUCCESS, WHO)
    assert event.details == {"verdict": "approve", "phase": "Pending", "missing": "1", "stands-for": "leads"}
    assert (event.requester, event.approval, event.request) == ("alice", of_groups.metadata.name, "r1")
    assert is_session_id(event.id)


def test_a_broken_glass_is_an_event_of_its_own_until_its_review() -> None:
    broken = decided(TICKET, ALICE, BREAK)
    event = telling.decided(SOURCE, broken, Identity("alice"), "r1")
    assert (event.kind, event.reason) == (Kind.BREAK_GLASS, "the shop is down")
    assert event.details["review"] == "pending"
    assert event.details["glass"] == "g/emergency"
    reviewed = telling.reviewed(SOURCE, decided(broken, BOB, REVIEW, after(60)), WHO, "r2")
    assert (reviewed.kind, reviewed.details["review"], reviewed.reason) == (
        Kind.APPROVAL_DECIDED,
        "done",
        "it was needed",
    )


def test_the_same_told_again_is_the_same_event_and_another_is_not() -> None:
    status = lifecycle.used_by_session(
        replace(TICKET, status=lifecycle.granted(TICKET, "s1", NOW, after(60))), "s1"
    )
    assert status is not None
    used = replace(TICKET, status=status)
    first, again = (telling.used(SOURCE, used, "s1", "") for _ in range(2))
    other = telling.used(SOURCE, used, "s2", "")
    expired = telling.expired(SOURCE, used, NOW)
    assert first == again
    assert len({first.id, other.id, expired.id}) == 3


def test_a_refusal_says_why_and_has_failed() -> None:
    said = Asked(verdict=Verdict.APPROVE)
    event = telling.refused(SOURCE, TICKET, said, WHO, why="too late", rule="TooLate", at=NOW, request="r")
    assert (event.kind, event.outcome, event.reason) == (Kind.APPROVAL_REFUSED, Outcome.FAILURE, "too late")
    assert event.details["refusal"] == "TooLate"
