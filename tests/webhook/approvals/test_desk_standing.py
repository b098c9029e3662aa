"""Standing approvals at the desk: what they spare, and what counts more."""

from typing import Any

from approvals import (
    BOB,
    DENY,
    HOME,
    KEY,
    NOW,
    MemoryJournal,
    MemoryTickets,
    after,
    desk,
    needed,
    review,
    say,
)
from policy_samples import BUILTIN, question

from webhook.approvals.asking import Wish, wish
from webhook.approvals.desk import Standing
from webhook.approvals.standing import StandingApproval, StandingMetadata, StandingSpec, StandingStatus
from webhook.approvals.subjects import exec_subject
from webhook.policy.decision import StandingTerms

WISH = wish(question(), needed(BUILTIN), exec_subject(question(), "uid"), KEY, home=HOME)


def standing(**fields: Any) -> StandingApproval:
    spec: dict[str, Any] = {
        "user": "alice",
        "policy": "p",
        "rule": "r",
        "argv_prefix": ("ls",),
        "seconds": 600,
        **fields,
    }
    return StandingApproval(
        metadata=StandingMetadata(name="look", namespace="payments", uid="u", creation_timestamp=NOW),
        spec=StandingSpec(**spec),
        status=StandingStatus(by=BOB, at=NOW, until=after(600)),
    )


def standing_wish() -> Wish:
    decision = needed(BUILTIN, standing=StandingTerms(max_seconds=600))
    return wish(question(), decision, exec_subject(question(), "uid"), KEY, home=HOME)


def test_a_standing_approval_spares_the_request_every_time_and_each_is_told() -> None:
    tickets, journal = MemoryTickets(), MemoryJournal()
    tickets.standing.append(standing())
    at = desk(tickets, journal=journal)
    assert at.ask(standing_wish(), review(dry_run=True)).standing is Standing.SPENT
    for number in (1, 2):
        passed = at.ask(standing_wish(), review(f"s{number}"))
        assert (passed.standing, passed.session, passed.ticket) == (Standing.SPENT, f"s{number}", None)
    assert not tickets.kept
    assert journal.kinds == ["approval-used", "approval-used"]
    assert [event.session for event in journal.events] == ["s1", "s2"]
    assert journal.events[0].approval == "standing/look"
    late = desk(tickets, after(600)).ask(standing_wish(), review())
    assert late.standing is Standing.WAITING


def test_a_denial_of_exactly_this_counts_more_than_a_standing_approval() -> None:
    tickets = MemoryTickets()
    assert desk(tickets).ask(standing_wish(), review()).standing is Standing.WAITING
    say(tickets, DENY)
    tickets.standing.append(standing())
    assert desk(tickets).ask(standing_wish(), review()).standing is Standing.DENIED


def test_a_standing_approval_counts_only_where_the_policy_says_so() -> None:
    tickets = MemoryTickets()
    tickets.standing.append(standing())
    assert desk(tickets).ask(WISH, review()).standing is Standing.WAITING
