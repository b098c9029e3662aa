"""Asked again and again, by several at once: one request, one use."""

from concurrent.futures import ThreadPoolExecutor

from approvals import APPROVE, BOB, DENY, KEY, MemoryTickets, after, desk, needed
from msgspec.structs import replace
from policy_samples import BUILTIN, question

from webhook.approvals import lifecycle
from webhook.approvals.asking import wish
from webhook.approvals.desk import Desk, Outcome, Standing
from webhook.approvals.objects import Asked, Phase
from webhook.approvals.subjects import exec_subject

WISH = wish(question(), needed(BUILTIN), exec_subject(question(), "uid"), KEY)


def ask(at: Desk, session: str | None = "s1", *, dry_run: bool = False) -> Outcome:
    return at.ask(WISH, "exec", request="r1", session=session, dry_run=dry_run)


def say(tickets: MemoryTickets, said: Asked = APPROVE, seconds: float = 0) -> None:
    for ticket in list(tickets.kept.values()):
        if ticket.status.phase is Phase.PENDING:
            assert tickets.update(ticket, lifecycle.decide(ticket, said, BOB, after(seconds)))


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


def test_another_version_is_not_overwritten() -> None:
    tickets = MemoryTickets()
    ask(desk(tickets))
    [ticket] = tickets.kept.values()
    say(tickets)
    assert not tickets.update(ticket, replace(ticket.status, phase=Phase.USED))
