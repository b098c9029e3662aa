"""Changes of the policies in force as audit events."""

import os

from audit_event_samples import ORIGIN, make_maker

from webhook.journal.events import Kind, Outcome
from webhook.policy.active import State
from webhook.server.policy_telling import PolicyTelling


def state(name: str, generation: int = 1, **changes: object) -> State:
    return State(name, generation, os.urandom(4).hex(), **changes)  # pyright: ignore[reportArgumentType]


def test_the_first_time_one_event_tells_of_all() -> None:
    [event] = PolicyTelling(make_maker()).tell([state("b"), state("a", 2, error="it is broken")])
    assert (event.kind, event.outcome, event.origin) == (Kind.POLICY_CHANGED, Outcome.SUCCESS, ORIGIN)
    assert event.details["policies"] == "2"
    assert event.details["broken"] == "a"
    assert event.details["in-force"] == "a 2 \nb 1 "
    assert event.actor.username == "system:serviceaccount:chaperone-system:chaperone-admission"


def test_the_same_policies_have_the_same_digest_whatever_their_order() -> None:
    one, other = (PolicyTelling(make_maker()) for _ in range(2))
    [first], [second] = one.tell([state("a"), state("b", 3)]), other.tell([state("b", 3), state("a")])
    assert first.details == second.details


def test_a_policy_is_told_by_the_digest_of_its_spec() -> None:
    telling = PolicyTelling(make_maker())
    [first] = telling.tell([state("a", digest="11" * 32)])
    assert first.details["in-force"] == f"a 1 {'11' * 32}"
    [changed] = telling.tell([state("a", 2, digest="22" * 32)])
    assert (changed.details["generation"], changed.details["digest"]) == ("2", "22" * 32)


def test_very_many_policies_are_told_by_one_digest() -> None:
    [event] = PolicyTelling(make_maker()).tell([state(f"policy-{number}") for number in range(6000)])
    assert "in-force" not in event.details
    assert event.details["policies"] == "6000"


def test_then_what_changed_is_told_and_nothing_else() -> None:
    telling = PolicyTelling(make_maker())
    telling.tell([state("a"), state("b"), state("c")])
    assert telling.tell([state("a"), state("b"), state("c")]) == []
    events = telling.tell(
        [state("a", 2), state("b", 2, error="no such door"), state("new", error="odd", active=False)]
    )
    assert [(event.kind, event.where.name, event.outcome) for event in events] == [
        (Kind.POLICY_CHANGED, "c", Outcome.SUCCESS),
        (Kind.POLICY_CHANGED, "a", Outcome.SUCCESS),
        (Kind.POLICY_REFUSED, "b", Outcome.FAILURE),
        (Kind.POLICY_REFUSED, "new", Outcome.FAILURE),
    ]
    assert "no such door" in events[2].reason
    assert "last good version stays" in events[2].reason
    assert "no version of it decides" in events[3].reason
    assert all(event.where.resource == "guardpolicies.chaperone.dev" for event in events)
