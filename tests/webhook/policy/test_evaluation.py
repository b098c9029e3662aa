"""Which rule decides, and on which terms."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy_samples import BUILTIN, Object, policies, policy, question, rule

from sidecar.contract.grants import CommandPattern, CommandRule, PatternKind
from webhook.policy.decision import Action, Approval, Glass, StandingTerms
from webhook.policy.evaluation import ask
from webhook.policy.facts import Facts


def test_without_a_rule_about_it_the_builtin_decides() -> None:
    decided = policies(policy(rule(match={"users": ["bob"]}))).decide(question())
    assert decided == BUILTIN
    assert policies().decide(question()) == BUILTIN


@pytest.mark.parametrize(
    ("actions", "winner"),
    [
        (["allow", "audit"], "audit"),
        (["deny", "approve", "allow"], "deny"),
        (["audit", "approve"], "approve"),
        (["allow"], "allow"),
    ],
)
def test_the_most_restrictive_wins_whatever_the_order(actions: list[str], winner: str) -> None:
    for order in (actions, actions[::-1]):
        rules = [rule(action, name=f"r{index}") for index, action in enumerate(order)]
        assert policies(policy(*rules)).decide(question()).action.value == winner
        apart = [policy(r, name=f"p{index}") for index, r in enumerate(rules)]
        assert policies(*apart).decide(question()).action.value == winner


def test_of_equals_the_first_by_name_and_order_is_named() -> None:
    second = policy(rule(name="x"), name="b")
    first = policy(rule(name="z", reason="why"), rule(name="y"), name="a")
    decided = policies(second, first).decide(question())
    assert (decided.policy, decided.rule, decided.reason) == ("a", "z", "why")


def test_terms_of_all_rules_add_up() -> None:
    masking = {"name": "token", "pattern": "tok_[0-9]{4,9}", "positive": ["tok_12345 "], "negative": ["tok"]}
    decided = policies(
        policy(
            rule("audit", name="a", session={"profile": "modern", "limits": {"idleSeconds": 60}}),
            rule("allow", name="b", session={"limits": {"idleSeconds": 0, "outputBytes": 5}}),
            rule("allow", name="c", session={"profile": "strict", "maskingRules": [masking]}),
            session={"limits": {"totalSeconds": 100}},
        )
    ).decide(question())
    assert decided.profile == "strict"
    limits = decided.limits
    assert (limits.idle_seconds, limits.total_seconds, limits.output_bytes) == (60, 100, 5)
    assert [(r.name, r.pattern, r.last_four) for r in decided.masking_rules] == [
        ("token", "tok_[0-9]{4,9}", False)
    ]


def test_rules_about_programs_add_up_and_want_every_program_seen() -> None:
    first = rule("audit", name="a", reason="why", commands={"deny": [{"prefix": ["rm"]}], "endSession": True})
    second = rule("allow", name="b", commands={"allow": [{"regex": "ls.*"}, {"exact": ["id"]}]})
    decided = policies(policy(first, second, name="p")).decide(question())
    assert decided.commands == (
        CommandRule("p/a", "why", deny=(CommandPattern(PatternKind.PREFIX, ("rm",)),), ends=True),
        CommandRule(
            "p/b",
            "",
            allow=(
                CommandPattern(PatternKind.REGEX, ("ls.*",)),
                CommandPattern(PatternKind.EXACT, ("id",)),
            ),
        ),
    )
    assert decided.traced
    tried = policies(policy(first, name="p", mode="audit"), policy(rule("allow"))).decide(question())
    assert (tried.commands, tried.traced) == ((), False)


def test_who_may_approve_programs_goes_with_the_rules_that_want_it() -> None:
    asks = {"approve": [{"prefix": ["rm"]}], "approval": {"groups": ["on-call"]}, "waitSeconds": 60}
    rules = (
        rule("audit", name="a", commands=asks),
        rule("audit", name="b", commands={"approve": [{"prefix": ["rm"]}]}),
    )
    decided = policies(policy(*rules, name="p")).decide(question())
    assert [(command.rule, command.wait_seconds) for command in decided.commands] == [
        ("p/a", 60),
        ("p/b", 300),
    ]
    assert decided.program_approvals == {"p/a": Approval(groups=("on-call",)), "p/b": Approval()}


@pytest.mark.parametrize(("said", "traced"), [("required", True), ("optional", False), (None, False)])
def test_whether_programs_must_be_seen(said: str | None, traced: bool) -> None:
    own = {"tracing": said} if said else {}
    assert policies(policy(rule("audit", session=own))).decide(question()).traced is traced
    assert policies(policy(rule("audit"), session=own)).decide(question()).traced is traced


NO_RM = rule("audit", name="no-rm", commands={"deny": [{"prefix": ["rm"]}]})


@pytest.mark.parametrize(
    ("others", "untraced"),
    [
        ([], "p/without"),
        ([rule("audit")], "p/without"),
        ([rule("approve", session={"tracing": "none"})], "p/without"),
        ([rule("audit", session={"tracing": "optional"})], ""),
        ([rule("audit", session={"tracing": "required"})], ""),
        ([NO_RM], ""),
    ],
    ids=["alone", "says nothing", "says so too", "optional", "required", "programs are judged"],
)
def test_programs_go_untraced_where_no_rule_wants_them_seen(others: list[Object], untraced: str) -> None:
    without = rule("audit", name="without", session={"tracing": "none"})
    asked = question()
    decided = policies(policy(without, *others, name="p")).decide(asked)
    assert decided.untraced == untraced
    assert not (decided.untraced and (decided.traced or decided.commands))
    turned = policies(policy(*others, without, name="p")).decide(asked)
    assert bool(turned.untraced) is bool(untraced)
    tried = policy(without, name="p", mode="audit")
    assert policies(tried, policy(rule("audit"))).decide(asked).untraced == ""


def test_a_rule_without_terms_leaves_the_installations() -> None:
    decided = policies(policy(rule("allow"))).decide(question())
    assert (decided.profile, decided.limits, decided.masking_rules) == ("modern", BUILTIN.limits, ())


def test_audit_mode_of_a_policy_decides_nothing_and_notes_what_it_would_have() -> None:
    tried = policy(rule(name="strict", session={"limits": {"idleSeconds": 1}}), name="tried", mode="audit")
    decided = policies(tried, policy(rule("allow"))).decide(question())
    assert decided.action is Action.ALLOW
    assert decided.limits == BUILTIN.limits
    assert decided.would is not None
    assert (decided.would.action, decided.would.policy, decided.would.rule) == (
        Action.DENY,
        "tried",
        "strict",
    )
    alone = policies(tried).decide(question())
    assert (alone.action, alone.policy) == (Action.AUDIT, "builtin")
    assert alone.would == decided.would


def test_audit_mode_of_the_installation_refuses_nothing() -> None:
    decided = policies(policy(rule(name="a"), rule("approve", name="b")), audit=True).decide(question())
    assert decided.action is Action.AUDIT
    assert decided.would is not None
    assert decided.would.rule == "a"


def test_breaking_the_glass_is_offered_for_an_approval_and_for_no_denial() -> None:
    glass = policy(rule("audit", name="glass", breakGlass=True, match={"groups": ["sre"]}), name="z")
    needs = policy(rule("approve", name="needs"), name="a")
    member = question(groups=["sre"])
    decided = policies(glass, needs).decide(member)
    assert (decided.action, decided.rule) == (Action.APPROVE, "needs")
    assert decided.glass == Glass(policy="z", rule="glass", reason_required=True)
    assert policies(glass, needs).decide(question()).glass is None
    denied = policies(glass, policy(rule("deny"))).decide(member)
    assert (denied.action, denied.glass) == (Action.DENY, None)
    calm = policies(glass).decide(member)
    assert (calm.action, calm.rule, calm.glass) == (Action.AUDIT, "glass", None)


def test_the_rule_that_asks_for_a_reason_breaks_the_glass() -> None:
    fields = {"breakGlass": True, "match": {"groups": ["sre"]}}
    with_reason = policy(rule("audit", name="asks", **fields), name="a")
    without = policy(rule("audit", name="at-once", reasonRequired=False, **fields), name="b")
    needs = policy(rule("approve", name="needs"), name="c")
    decided = policies(with_reason, without, needs).decide(question(groups=["sre"]))
    assert decided.glass == Glass(policy="a", rule="asks", reason_required=True)
    assert policies(without, needs).decide(question(groups=["sre"])).glass == Glass(
        policy="b", rule="at-once", reason_required=False
    )


def test_no_rule_loosens_the_approval_that_another_wants() -> None:
    loose = policy(rule("approve", name="loose"), name="a")
    several = policy(rule("approve", name="several", approval={"groups": ["leads"], "count": 2}), name="b")
    lasting = policy(rule("approve", name="lasting", approval={"standing": {"maxSeconds": 60}}), name="c")
    reasoned = policy(rule("approve", name="reasoned", approval={"reasonRequired": True}), name="d")
    decided = policies(loose, several, lasting, reasoned).decide(question())
    assert (decided.policy, decided.rule) == ("b", "several")
    assert decided.approval == Approval(groups=("leads",), count=2, reason_required=True)
    longer = policy(rule("approve", name="longer", approval={"standing": {"maxSeconds": 90}}), name="e")
    assert policies(longer, lasting).decide(question()).approval == Approval(
        standing=StandingTerms(max_seconds=60)
    )


def test_who_may_approve_comes_with_the_decision() -> None:
    approval = {"groups": ["leads"], "count": 2, "reasonRequired": True}
    decided = policies(policy(rule("approve", approval=approval))).decide(question())
    assert decided.approval is not None
    assert (decided.approval.groups, decided.approval.count, decided.approval.reason_required) == (
        ("leads",),
        2,
        True,
    )


@pytest.mark.parametrize("action", ["allow", "audit", "approve", "deny"])
@pytest.mark.parametrize(
    "fields",
    [
        {"match": {"cel": 'ns.labels["tier"] == "gold"'}},
        {"match": {}, "except": [{"cel": "object.spec.replicas > 1"}]},
        {"match": {"cel": "argv[7] == 'x'"}},
    ],
)
def test_an_expression_that_fails_is_a_denial(action: str, fields: Object) -> None:
    decided = policies(policy(rule(action, **fields))).decide(question())
    assert decided.action is Action.DENY
    assert "expression failed" in decided.reason


WORDS = st.sampled_from(["a", "b", "*", "a*", "?", "payments", "pay*"])
LISTS = st.lists(WORDS, min_size=1, max_size=2)
LINES = st.one_of(
    st.fixed_dictionaries({"prefix": st.lists(st.sampled_from(["ls", "*", "a b"]), min_size=1, max_size=2)}),
    st.fixed_dictionaries({"exact": st.lists(st.sampled_from(["ls", "x"]), min_size=1, max_size=2)}),
    st.fixed_dictionaries(
        {
            "glob": st.lists(st.sampled_from(["l*", "ls", "?"]), min_size=1, max_size=2).map(
                lambda w: [*w, "**"]
            )
        }
    ),
    st.just({"regex": "ls.*"}),
)
MATCHES = st.fixed_dictionaries(
    {},
    optional={
        "doors": st.lists(st.sampled_from(["exec", "pod"]), min_size=1, max_size=2),
        "operations": st.lists(st.sampled_from(["CONNECT", "CREATE"]), min_size=1, max_size=1),
        "users": LISTS,
        "groups": LISTS,
        "serviceAccounts": LISTS,
        "namespaces": LISTS,
        "argv": st.lists(LINES, min_size=1, max_size=2),
        "tty": st.booleans(),
    },
)
QUESTIONS = st.fixed_dictionaries(
    {
        "user": st.sampled_from(["a", "b", "ab", "system:serviceaccount:a:b", ""]),
        "groups": st.lists(st.sampled_from(["a", "ab", "c"]), max_size=2),
        "namespace": st.sampled_from(["payments", "a", ""]),
        "argv": st.sampled_from([("ls",), ("ls", "x"), ("x",), ("a b", "ls"), ("*",), ()]),
        "tty": st.booleans(),
    }
)


@given(matches=st.lists(MATCHES, max_size=6), asked=QUESTIONS)
def test_the_index_leaves_out_nothing(matches: list[Object], asked: dict[str, Any]) -> None:
    documents = [policy(rule(match=m), name=f"p{i}") for i, m in enumerate(matches)]
    together, facts = policies(*documents), Facts(question(**asked))
    every = [match for r in together.rules if (match := ask(r, facts)) is not None]
    assert list(together.matches(facts)) == every
