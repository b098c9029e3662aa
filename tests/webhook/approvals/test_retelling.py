"""What a request knows of its past is the same events as when it happened."""

import datetime as dt

from approvals import (
    ALICE,
    BOB,
    BREAK,
    CAROL,
    DENY,
    KEY,
    NOW,
    REVIEW,
    SOURCE,
    MemoryJournal,
    MemoryTickets,
    after,
    decided,
    desk,
    needed,
    pending,
)
from msgspec.structs import replace
from policy_samples import BUILTIN, question

from webhook.approvals import lifecycle, telling
from webhook.approvals.asking import wish
from webhook.approvals.desk import Review
from webhook.approvals.objects import ApprovalRequest, Target
from webhook.approvals.retelling import told_again
from webhook.approvals.subjects import Subject
from webhook.approvals.telling import identity_of
from webhook.journal.events import AuditEvent
from webhook.policy.decision import Glass

LONG_AGO = NOW - dt.timedelta(days=1)
GLASS = Glass(policy="g", rule="emergency")


def made(count: int = 1, glass: Glass | None = None) -> ApprovalRequest:
    ticket = pending(question(), replace(needed(BUILTIN, count=count), glass=glass))
    return replace(ticket, metadata=replace(ticket.metadata, uid="t-1", creation_timestamp=NOW))


def again(ticket: ApprovalRequest, since: dt.datetime = LONG_AGO) -> list[AuditEvent]:
    return list(told_again([ticket], SOURCE, since))


def essence(event: AuditEvent) -> tuple[object, ...]:
    return event.id, event.kind, event.reason, event.details, event.actor.username


def test_each_verdict_is_told_as_it_was() -> None:
    first = decided(made(count=2), BOB, at=after(1))
    second = decided(first, CAROL, at=after(2))
    told = [telling.asked(SOURCE, made(count=2), identity_of(ALICE), "r")]
    told += [
        telling.decided(SOURCE, ticket, identity_of(who), "r")
        for ticket, who in ((first, BOB), (second, CAROL))
    ]
    assert [essence(event) for event in again(second)] == [essence(event) for event in told]
    assert [event.at // 10**9 - int(NOW.timestamp()) for event in again(second)] == [0, 1, 2]


def test_a_denial_a_broken_glass_and_its_review_are_told_as_they_were() -> None:
    denied = decided(made(), BOB, DENY, after(1))
    broken = decided(made(glass=GLASS), ALICE, BREAK, after(1))
    reviewed = decided(broken, BOB, REVIEW, after(5))
    for ticket, event in (
        (denied, telling.decided(SOURCE, denied, identity_of(BOB), "r")),
        (broken, telling.decided(SOURCE, broken, identity_of(ALICE), "r")),
        (reviewed, telling.reviewed(SOURCE, reviewed, identity_of(BOB), "r")),
    ):
        assert essence(again(ticket)[-1]) == essence(event)


def test_what_an_object_and_a_session_used_is_told_as_it_was() -> None:
    journal, tickets = MemoryJournal(), MemoryTickets()
    subject = Subject(target=Target(resource="secrets", name="s", resource_version="7"), digested=b"{}")
    wanted = wish(question(), needed(BUILTIN), subject, KEY, home="h")
    review = Review(uid="r1", session=None, asked="change", dry_run=False)
    desk(tickets, journal=journal).ask(wanted, review)
    [ticket] = tickets.kept.values()
    assert tickets.update(ticket, decided(ticket, BOB).status)
    desk(tickets, after(3), journal=journal).ask(wanted, review)
    [ticket] = tickets.kept.values()
    used = [event.id for event in journal.events if event.kind.value == "approval-used"]
    assert [event.id for event in again(ticket)][-1:] == used

    granted = replace(made(), status=lifecycle.granted(decided(made(), BOB), "s1", after(2), after(62)))
    status = lifecycle.used_by_session(granted, "s1")
    assert status is not None
    session = replace(granted, status=status)
    assert again(session)[-1].id == telling.used(SOURCE, session, "s1", "").id


def test_what_expired_is_told_as_it_was_and_what_is_old_is_not() -> None:
    late = after(4000)
    status = lifecycle.expired(made(), late)
    assert status is not None
    expired = replace(made(), status=status)
    assert essence(again(expired)[-1]) == essence(telling.expired(SOURCE, made(), late))
    assert [event.kind.value for event in again(expired, late)] == ["approval-expired"]
    assert again(expired, after(4001)) == []
