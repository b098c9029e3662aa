"""Several decisions on one request: the strictest counts, with what the others tighten."""

import datetime as dt
from typing import Any

import pytest

from sidecar.contract.grants import Limits
from webhook.policy.decision import Action, Approval, Decision, Delegate, Glass
from webhook.policy.demands import strictest


def decided(action: Action, rule: str = "rule", **more: Any) -> Decision:
    return Decision(action=action, policy="p", rule=rule, profile="strict", limits=Limits(), **more)


def asking(rule: str, glass: Glass | None = None, **approval: Any) -> Decision:
    return decided(Action.APPROVE, rule, approval=Approval(**approval), glass=glass)


@pytest.mark.parametrize("swapped", [False, True])
def test_the_stricter_action_counts(swapped: bool) -> None:
    both = [decided(Action.DENY, "no"), asking("ask")]
    assert strictest(both[::-1] if swapped else both).rule == "no"
    both = [decided(Action.AUDIT), asking("ask")]
    assert strictest(both[::-1] if swapped else both).rule == "ask"


@pytest.mark.parametrize("swapped", [False, True])
def test_of_two_that_ask_the_one_that_asks_for_most_counts_with_what_the_other_tightens(
    swapped: bool,
) -> None:
    """A workload is judged as itself and by its template: neither loosens what the other wants."""
    both = [asking("template", count=2, groups=("security",)), asking("workload", reason_required=True)]
    found = strictest(both[::-1] if swapped else both)
    assert found.rule == "template"
    assert found.approval == Approval(count=2, groups=("security",), reason_required=True)


@pytest.mark.parametrize("swapped", [False, True])
def test_who_must_approve_is_kept_where_another_asks_for_more_people(swapped: bool) -> None:
    """A rule that wants two of whoever may does not let them pass whom another rule does not name."""
    until = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
    stand_ins = (Delegate(group="on-call", until=until),)
    named: dict[str, Any] = {"groups": ("dba", "security"), "each_group": True, "delegates": stand_ins}
    both = [asking("three", count=3), asking("named", **named), asking("dba", groups=("dba",))]
    found = strictest(both[::-1] if swapped else both)
    assert found.rule == "three"
    assert found.approval == Approval(count=3, **named)


def test_the_glass_breaks_only_where_each_lets_it() -> None:
    glass = Glass(policy="p", rule="glass")
    assert strictest([asking("one", glass), asking("other")]).glass is None
    assert strictest([asking("one", glass), asking("other", glass)]).glass == glass
    assert strictest([asking("one", glass), decided(Action.AUDIT)]).glass == glass
