"""Expiry and removal: noted by one replica, told once, whatever the others do at the same time."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

from approvals import (
    ADMISSION,
    ALICE,
    BOB,
    BREAK,
    NOW,
    SOURCE,
    MemoryJournal,
    MemoryTickets,
    after,
    decided,
    needed,
    pending,
)
from msgspec.structs import replace
from policy_samples import BUILTIN, question

from webhook.approvals import sweeping
from webhook.approvals.objects import ApprovalRequest, Asked, Phase, Verdict
from webhook.approvals.verdicts import decide
from webhook.journal.events import Kind
from webhook.policy.decision import Glass

MONTH = dt.timedelta(days=30)


class Replicas:
    """Eight that sweep the same requests at once, from what they knew before any of them wrote."""

    def __init__(self, *kept: ApprovalRequest) -> None:
        self.tickets, self.journal = MemoryTickets(), MemoryJournal()
        for ticket in kept:
            assert self.tickets.create(ticket)

    def sweep(self, now: dt.datetime) -> None:
        known = list(self.tickets.kept.values())

        def one(_: int) -> None:
            sweeping.sweep(known, self.tickets, now=now, retention=MONTH, journal=self.journal, source=SOURCE)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(one, range(8)))


def ticket(*argv: str) -> ApprovalRequest:
    return pending(question(argv=argv), needed(BUILTIN))


def test_what_nobody_decided_or_used_expires_and_is_told_once() -> None:
    approved = decided(ticket("b"), BOB)
    replicas = Replicas(ticket("a"), approved)
    replicas.sweep(after(899))
    assert replicas.journal.kinds == []
    replicas.sweep(after(3600))
    assert {found.status.phase for found in replicas.tickets.kept.values()} == {Phase.EXPIRED}
    assert replicas.journal.kinds == ["approval-expired"] * 2
    assert {event.actor.username for event in replicas.journal.events} == {ADMISSION}
    assert {event.details["phase"] for event in replicas.journal.events} == {"Pending", "Approved"}
    replicas.sweep(after(3700))
    assert len(replicas.journal.events) == 2


def test_a_glass_that_was_broken_without_anybody_hearing_of_it_is_told_before_it_expires() -> None:
    glass = Glass(policy="p", rule="emergency", reason_required=False)
    waiting = pending(question(), replace(needed(BUILTIN), glass=glass))
    at_once = Asked(verdict=Verdict.BREAK_GLASS)
    replicas = Replicas(replace(waiting, status=decide(waiting, at_once, ALICE, NOW)))
    replicas.sweep(after(900))
    assert len(replicas.journal.of(Kind.APPROVAL_EXPIRED)) == 1
    glasses = replicas.journal.of(Kind.BREAK_GLASS)
    assert {event.actor.username for event in glasses} == {"alice"}
    assert len({event.id for event in glasses}) == 1
    count = len(replicas.journal.events)
    replicas.sweep(after(1000))
    assert len(replicas.journal.events) == count


def test_old_ones_are_removed_and_told_once_but_none_that_awaits_a_review() -> None:
    glass = replace(needed(BUILTIN), glass=Glass(policy="p", rule="emergency"))
    broken = decided(pending(question(), glass), ALICE, BREAK)
    replicas = Replicas(ticket("a"), broken)
    replicas.sweep(after(3600))
    replicas.sweep(after(3600) + MONTH)
    [left] = replicas.tickets.kept.values()
    assert left.spec.break_glass is not None
    assert replicas.journal.kinds == ["approval-expired", "approval-expired", "approval-removed"]
    assert replicas.journal.events[-1].approval == ticket("a").metadata.name
