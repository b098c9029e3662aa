"""A session that several questions are asked about has the terms of all."""

from msgspec.structs import replace

from sidecar.contract.grants import CommandRule, Limits, MaskingRule
from webhook.policy.decision import Action, Decision
from webhook.policy.merging import together


def decision(action: Action, *, profile: str = "modern", limits: Limits | None = None) -> Decision:
    unlimited = Limits(idle_seconds=0, total_seconds=0)
    return Decision(action=action, policy="p", rule="r", profile=profile, limits=limits or unlimited)


def test_the_strictest_of_each_counts() -> None:
    first = decision(Action.DENY, limits=Limits(idle_seconds=60, total_seconds=0, findings=3))
    other = decision(Action.AUDIT, profile="strict", limits=Limits(idle_seconds=90, total_seconds=600))
    found = together([first, other])
    assert (found.action, found.profile) == (Action.DENY, "strict")
    assert found.limits == Limits(idle_seconds=60, total_seconds=600, findings=3)


def test_rules_of_all_come_once() -> None:
    masking, commands = MaskingRule("m", "x"), CommandRule("p/r", "")
    one = Decision(
        action=Action.AUDIT,
        policy="p",
        rule="r",
        profile="modern",
        limits=Limits(),
        masking_rules=(masking,),
        commands=(commands,),
        traced=True,
    )
    found = together([one, decision(Action.AUDIT), one])
    assert (found.masking_rules, found.commands, found.traced) == ((masking,), (commands,), True)
    assert found.profile == "modern"


def test_programs_go_untraced_where_each_lets_them() -> None:
    without = replace(decision(Action.AUDIT), untraced="p/debugging")
    assert together([without, replace(without, untraced="p/other")]).untraced == "p/debugging"
    for other in (
        decision(Action.AUDIT),
        replace(decision(Action.AUDIT), traced=True),
        replace(without, commands=(CommandRule("p/r", ""),)),
    ):
        assert together([without, other]).untraced == together([other, without]).untraced == ""
