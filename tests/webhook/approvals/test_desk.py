"""Asked again and again, by several at once: one request, one use."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from approvals import (
    ALICE,
    BOB,
    BREAK,
    DENY,
    HOME,
    KEY,
    NOW,
    TERMS,
    MemoryJournal,
    MemoryTickets,
    after,
    desk,
    needed,
    review,
    say,
)
from msgspec.structs import replace
from policy_samples import BUILTIN, question

from sidecar.contract.errors import ClusterError
from sidecar.contract.sealing import Identity
from webhook.approvals import lifecycle
from webhook.approvals.asking import Wish, wish
from webhook.approvals.asking import ticket as make
from webhook.approvals.desk import Desk, Outcome, Review, Standing
from webhook.approvals.objects import Phase, Target
from webhook.approvals.subjects import Subject, exec_subject
from webhook.approvals.verdicts import decide
from webhook.journal.events import Kind
from webhook.journal.journal import JournalFullError
from webhook.policy.decision import Approval, Glass

WISH = wish(question(), needed(BUILTIN), exec_subject(question(), "uid"), KEY, home=HOME)


def ask(at: Desk, session: str | None = "s1", *, dry_run: bool = False) -> Outcome:
    return at.ask(WISH, Review(uid="r1", session=session, asked="exec", dry_run=dry_run))


def ask_often(replicas: list[Desk]) -> list[Outcome]:
    """Ask both 40 times, 20 at once."""

    def one(number: int) -> Outcome:
        return ask(replicas[number % 2], f"s{number}")

    with ThreadPoolExecutor(20) as pool:
        return list(pool.map(one, range(40)))


def standings(outcomes: list[Outcome]) -> list[Standing]:
    return [outcome.standing for outcome in outcomes]


def test_many_at_once_make_one_request_and_one_use() -> None:
    tickets = MemoryTickets()
    replicas = [desk(tickets), desk(tickets)]
    assert set(standings(ask_often(replicas))) == {Standing.WAITING}
    assert len(tickets.kept) == 1
    say(tickets)
    tried = standings(ask_often(replicas))
    assert tried.count(Standing.SPENT) == 1
    assert tried.count(Standing.GRANTED) == 39


def test_an_unused_grant_can_be_had_again_for_the_same_session_only() -> None:
    tickets = MemoryTickets()
    ask(desk(tickets))
    say(tickets)
    assert ask(desk(tickets), "first").session == "first"
    assert ask(desk(tickets, after(59)), "second").standing is Standing.GRANTED
    again = ask(desk(tickets, after(60)), "third")
    assert (again.standing, again.session) == (Standing.SPENT, "first")


def test_after_its_session_the_next_is_asked_for_anew() -> None:
    tickets = MemoryTickets()
    ask(desk(tickets))
    say(tickets)
    ask(desk(tickets), "first")
    [ticket] = tickets.kept.values()
    used = lifecycle.used_by_session(ticket, "first")
    assert used is not None
    tickets.update(ticket, used)
    outcome = ask(desk(tickets), "second")
    assert outcome.standing is Standing.WAITING
    assert [name for _, name in tickets.kept] == [f"{WISH.base}-1", f"{WISH.base}-2"]


def test_an_object_uses_its_approval_at_once() -> None:
    tickets = MemoryTickets()
    ask(desk(tickets), None)
    say(tickets)
    assert standings([ask(desk(tickets), None), ask(desk(tickets), None)]) == [
        Standing.SPENT,
        Standing.WAITING,
    ]


def of_version(version: str) -> Wish:
    """Give the wish to change an object, which is as it was asked for, in this version."""
    target = Target(resource="secrets", name="s", uid="u", resource_version=version)
    return wish(question(), needed(BUILTIN), Subject(target=target, digested=b"{}"), KEY, home=HOME)


def change(
    tickets: MemoryTickets, version: str, seconds: float = 0, *, uid: str = "r1", **more: Any
) -> Standing:
    review = Review(uid=uid, session=None, asked="change", dry_run=False)
    return desk(tickets, after(seconds), **more).ask(of_version(version), review).standing


def test_a_used_approval_is_used_whatever_became_of_the_object() -> None:
    """Also where the change may have met another writer: one that was let pass and undone looks the same."""
    tickets, journal = MemoryTickets(), MemoryJournal()
    change(tickets, "7")
    say(tickets)
    assert change(tickets, "7", journal=journal) is Standing.SPENT
    assert change(tickets, "8", 1, uid="r2") is Standing.WAITING
    assert journal.kinds == ["approval-used"]
    assert len(tickets.kept) == 2


def test_a_denial_is_told_and_not_asked_again() -> None:
    tickets = MemoryTickets()
    ask(desk(tickets))
    say(tickets, DENY)
    assert ask(desk(tickets, after(3599))).standing is Standing.DENIED
    assert len(tickets.kept) == 1
    assert ask(desk(tickets, after(3600))).standing is Standing.WAITING


def test_an_approval_that_came_too_late_is_asked_for_anew() -> None:
    tickets = MemoryTickets()
    ask(desk(tickets))
    say(tickets)
    assert ask(desk(tickets, after(900))).standing is Standing.WAITING
    assert len(tickets.kept) == 2


def test_a_dry_run_makes_and_spends_nothing() -> None:
    tickets = MemoryTickets()
    assert ask(desk(tickets), dry_run=True).standing is Standing.NOT_ASKED
    assert not tickets.kept
    ask(desk(tickets))
    say(tickets)
    assert ask(desk(tickets), dry_run=True).standing is Standing.SPENT
    [ticket] = tickets.kept.values()
    assert ticket.status.phase is Phase.APPROVED


def test_what_happens_is_told_once() -> None:
    tickets, journal = MemoryTickets(), MemoryJournal()
    at = desk(tickets, journal=journal)
    ask(at, None, dry_run=True)
    ask(at, None)
    ask(at, None)
    say(tickets)
    ask(at, None, dry_run=True)
    ask(at, None)
    assert journal.kinds == ["approval-asked", "approval-used"]
    [first, used] = journal.events
    assert first.approval == used.approval == f"{WISH.base}-1"
    assert (first.actor.username, used.requester, used.request) == ("alice", "alice", "r1")


def test_a_session_is_told_as_used_by_the_collector_alone() -> None:
    tickets, journal = MemoryTickets(), MemoryJournal()
    ask(desk(tickets, journal=journal))
    say(tickets)
    assert ask(desk(tickets, journal=journal)).standing is Standing.SPENT
    assert journal.kinds == ["approval-asked"]


def test_an_approval_for_something_else_is_pointed_at() -> None:
    tickets = MemoryTickets()
    ask(desk(tickets))
    say(tickets)
    about = question(argv=("ls", "-la", "/other"))
    other = wish(about, needed(BUILTIN), exec_subject(about, "uid"), KEY, home=HOME)
    outcome = desk(tickets).ask(other, Review(uid="r", session="s", asked="exec", dry_run=False))
    assert outcome.standing is Standing.WAITING
    assert outcome.other is not None
    assert outcome.other.metadata.name == f"{WISH.base}-1"


def glass_wish(*, reason_required: bool) -> Wish:
    glass = Glass(policy="p", rule="emergency", reason_required=reason_required)
    decision = replace(needed(BUILTIN), glass=glass)
    return wish(question(), decision, exec_subject(question(), "uid"), KEY, home=HOME)


def test_the_glass_is_broken_with_a_reason_and_once() -> None:
    tickets = MemoryTickets()
    wanted = glass_wish(reason_required=True)
    assert desk(tickets).ask(wanted, review()).standing is Standing.WAITING
    [ticket] = tickets.kept.values()
    assert tickets.update(ticket, decide(ticket, BREAK, ALICE, NOW))
    passed = desk(tickets).ask(wanted, review())
    assert passed.standing is Standing.SPENT
    assert passed.ticket is not None
    assert lifecycle.broke_glass(passed.ticket)
    assert desk(tickets).ask(wanted, review()).standing is Standing.GRANTED


def test_the_glass_is_broken_at_once_where_a_policy_says_so() -> None:
    tickets, journal = MemoryTickets(), MemoryJournal()
    at, wanted = desk(tickets, journal=journal), glass_wish(reason_required=False)
    dry = at.ask(wanted, review("s0", dry_run=True))
    assert (dry.standing, dry.session) == (Standing.SPENT, "s0")
    assert not tickets.kept
    assert [at.ask(wanted, review(f"s{n}")).standing for n in (1, 2)] == [Standing.SPENT, Standing.SPENT]
    assert len(tickets.kept) == 2
    for ticket in tickets.kept.values():
        assert lifecycle.awaits_review(ticket)
    assert journal.kinds == ["break-glass", "break-glass"]
    assert journal.events[0].details["review"] == "pending"


def test_a_broken_glass_is_not_spent_before_its_event_is_kept() -> None:
    tickets, journal = MemoryTickets(), MemoryJournal(1)
    at, wanted = desk(tickets, journal=journal), glass_wish(reason_required=False)
    with pytest.raises(JournalFullError):
        at.ask(wanted, review("s1"))
    [broken] = tickets.kept.values()
    assert broken.status.phase is Phase.APPROVED
    assert at.ask(wanted, review("s2")).standing is Standing.SPENT
    assert [key for _, key in tickets.kept] == [broken.metadata.name]
    [event] = journal.events
    assert (event.kind.value, event.approval) == ("break-glass", broken.metadata.name)
    assert event.details["glass"] == "p/emergency"


def test_a_waiting_request_whose_glass_is_broken_is_not_spent_before_its_event_is_kept() -> None:
    tickets, journal = MemoryTickets(), MemoryJournal(2)
    at, wanted = desk(tickets, journal=journal), glass_wish(reason_required=False)
    waiting = make(wanted, 1, asked="exec", argv=(), shown="", terms=TERMS, now=NOW)
    assert tickets.create(waiting)
    assert at.ask(wanted, review("s1")).standing is Standing.SPENT
    with pytest.raises(JournalFullError):
        at.ask(wanted, review("s2"))
    assert at.ask(wanted, review("s3")).session == "s3"
    assert journal.kinds == ["break-glass"] * 2
    assert len({event.id for event in journal.events}) == 2


def test_a_glass_broken_by_hand_is_told_by_the_door_of_verdicts_alone() -> None:
    tickets, journal = MemoryTickets(), MemoryJournal()
    wanted = glass_wish(reason_required=True)
    desk(tickets, journal=journal).ask(wanted, review())
    [ticket] = tickets.kept.values()
    assert tickets.update(ticket, decide(ticket, BREAK, ALICE, NOW))
    assert desk(tickets, journal=journal).ask(wanted, review()).standing is Standing.SPENT
    assert journal.kinds == ["approval-asked"]


def test_an_objects_approval_is_given_back_where_its_use_cannot_be_told() -> None:
    tickets, journal = MemoryTickets(), MemoryJournal(2)
    at = desk(tickets, journal=journal)
    ask(at, None)
    say(tickets)
    with pytest.raises(JournalFullError):
        ask(at, None)
    [ticket] = tickets.kept.values()
    assert ticket.status.phase is Phase.APPROVED
    assert ask(at, None).standing is Standing.SPENT
    [used] = tickets.kept.values()
    assert used.status.phase is Phase.USED
    assert journal.kinds == ["approval-asked", "approval-used"]


def test_of_many_reviews_of_an_object_one_passes_and_only_that_is_told() -> None:
    tickets, journal = MemoryTickets(), MemoryJournal()
    ask(desk(tickets), None)
    say(tickets)
    replicas = [desk(tickets, journal=journal), desk(tickets, journal=journal)]

    def one(number: int) -> tuple[str, Standing]:
        uid = f"r{number}"
        asked = Review(uid=uid, session=None, asked="create", dry_run=False)
        return uid, replicas[number % 2].ask(WISH, asked).standing

    with ThreadPoolExecutor(20) as pool:
        outcomes = list(pool.map(one, range(40)))
    passed = [uid for uid, standing in outcomes if standing is Standing.SPENT]
    assert len(passed) == 1
    assert [event.request for event in journal.of(Kind.APPROVAL_USED)] == passed


def test_a_request_that_cannot_be_told_of_is_not_made() -> None:
    tickets, journal = MemoryTickets(), MemoryJournal(1)
    at = desk(tickets, journal=journal)
    with pytest.raises(JournalFullError):
        ask(at)
    assert not tickets.kept
    assert ask(at).standing is Standing.WAITING
    assert journal.kinds == ["approval-asked"]


def wish_of(command: str, user: str = "alice", uid: str = "u-1") -> Wish:
    asked = replace(question(argv=("ls", command)), identity=Identity(user, uid, ("agents",), {}))
    return wish(asked, needed(BUILTIN), exec_subject(asked, "uid"), KEY, home=HOME)


def test_so_many_of_one_person_wait_and_no_more() -> None:
    tickets, journal = MemoryTickets(), MemoryJournal()
    terms = replace(TERMS, most_open_per_requester=3)
    at = desk(tickets, journal=journal, terms=terms)
    wishes = [wish_of(str(number)) for number in range(4)]
    assert [at.ask(one, review()).standing for one in wishes] == [Standing.WAITING] * 3 + [Standing.TOO_MANY]
    assert len(tickets.kept) == len(journal.events) == 3
    assert at.ask(wishes[3], review()).waiting == 3
    assert at.ask(wishes[0], review()).standing is Standing.WAITING
    assert at.ask(wish_of("3", "dave", "u-4"), review()).standing is Standing.WAITING
    assert at.ask(wishes[3], review(dry_run=True)).standing is Standing.NOT_ASKED
    assert at.ask(glass_wish(reason_required=False), review()).standing is Standing.SPENT


def test_another_may_be_asked_for_once_one_is_decided_or_has_expired() -> None:
    tickets = MemoryTickets()
    terms = replace(TERMS, most_open_per_requester=1)
    assert desk(tickets, terms=terms).ask(wish_of("a"), review()).standing is Standing.WAITING
    assert desk(tickets, terms=terms).ask(wish_of("b"), review()).standing is Standing.TOO_MANY
    say(tickets)
    assert desk(tickets, terms=terms).ask(wish_of("b"), review()).standing is Standing.WAITING
    assert desk(tickets, terms=terms).ask(wish_of("c"), review()).standing is Standing.TOO_MANY
    late = desk(tickets, after(3600), terms=terms)
    assert late.ask(wish_of("c"), review()).standing is Standing.WAITING


OTHERS: list[dict[str, Any]] = [
    {"digest": "0" * 64},
    {"requester": BOB},
    {"rule": "other"},
    {"approval": Approval(users=("mallory",))},
    {"break_glass": Glass(policy="p", rule="r")},
]


@pytest.mark.parametrize("forged", OTHERS, ids=lambda one: next(iter(one)))
@pytest.mark.parametrize("session", ["s1", None])
def test_what_has_the_name_and_asks_for_something_else_is_never_spent(
    forged: dict[str, Any], session: str | None
) -> None:
    tickets = MemoryTickets()
    ask(desk(tickets), session)
    say(tickets)
    [(key, ticket)] = tickets.kept.items()
    tickets.kept[key] = replace(ticket, spec=replace(ticket.spec, **forged))
    with pytest.raises(ClusterError, match="asks for something else than its name says"):
        ask(desk(tickets), session)
    assert tickets.kept[key].status.phase is Phase.APPROVED


def test_another_version_is_not_overwritten() -> None:
    tickets = MemoryTickets()
    ask(desk(tickets))
    [ticket] = tickets.kept.values()
    say(tickets)
    assert not tickets.update(ticket, replace(ticket.status, phase=Phase.USED))
