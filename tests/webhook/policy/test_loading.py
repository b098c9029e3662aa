"""Broken policies: where, what, and what to do."""

from pathlib import Path

import msgspec
import pytest
import yaml
from policy_samples import Object, policy, question, rule

from sidecar.contract.errors import ConfigurationError
from webhook.policy.compiling import Workshop, compile_policy
from webhook.policy.facts import Facts
from webhook.policy.loading import read_file, read_object

PACKS = sorted((Path(__file__).parents[3] / "policies").glob("*.yaml"))
HEAD = "apiVersion: chaperone.dev/v1alpha1\nkind: GuardPolicy\nmetadata: {name: p}\nspec:\n  rules:\n"


def refusal(text: str) -> str:
    def load() -> None:
        for found in read_file(text.encode(), "p.yaml"):
            compile_policy(*found, Workshop())

    with pytest.raises(ConfigurationError) as caught:
        load()
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + "  - {name: a, action: deny}\n  - {name: a, action: deny}\n", "p.yaml:7: spec.rules[1].name"),
        (HEAD + "  - name: a\n    action: perhaps\n", "p.yaml:7: spec.rules[0].action"),
        (HEAD + "  - name: a\n    action: deny\n    matches: {}\n", "p.yaml:8: spec.rules[0].matches"),
        (HEAD + "  - name: a\n    action: deny\n    match:\n      user: [x]\n", "p.yaml:9:"),
        (HEAD + "  - {name: A B, action: deny}\n", "p.yaml:6: spec.rules[0].name"),
        (HEAD + "  - {name: a, action: deny, match: {users: []}}\n", "users"),
        (HEAD + "  - {name: a, action: deny, match: {when: [{from: 25:00}]}}\n", "from"),
        (HEAD + "  - {name: a, action: deny, match: {when: [{timeZone: Mars}]}}\n", "time zone 'Mars'"),
        (HEAD + "  - {name: a, action: deny, match: {argv: [{}]}}\n", "exactly one of"),
        (HEAD + "  - {name: a, action: deny, match: {argv: [{glob: ['**', x]}]}}\n", "only be the last"),
        (HEAD + "  - {name: a, action: deny, match: {argv: [{regex: '('}]}}\n", "no regular expression"),
        (HEAD + "  - {name: a, action: deny, match: {argv: [{regex: '(a)\\1'}]}}\n", "Hyperscan refuses"),
        (HEAD + "  - {name: a, action: deny, match: {argv: [{regex: '^a'}]}}\n", "leave ^ and $ out"),
        (HEAD + "  - {name: a, action: deny, match: {cel: 'user.'}}\n", "no CEL"),
        (HEAD + "  - {name: a, action: deny, match: {cel: 'usr == 1'}}\n", "usr is nothing known"),
        (HEAD + "  - {name: a, action: deny, match: {cel: 'line.matches(name)'}}\n", "one literal pattern"),
        (HEAD + "  - {name: a, action: deny, except: [{}]}\n", "spec.rules[0].except[0]: an empty exception"),
        (HEAD + "  - {name: a, action: deny, breakGlass: true}\n", "action: audit"),
        (HEAD + "  - {name: a, action: audit, breakGlass: true}\n", "who may break the glass"),
        (HEAD + "  - {name: a, action: deny, approval: {count: 2}}\n", "only a rule with action approve"),
        (HEAD + "  - {name: a, action: approve, approval: {count: 0}}\n", "at least one person"),
        (
            HEAD + "  - {name: a, action: deny, mainProcess: {}}\n",
            "there is no pod to a rule with action deny",
        ),
        (
            HEAD + "  - {name: a, action: audit, match: {doors: [exec]}, mainProcess: {}}\n",
            "add pod to match.doors",
        ),
        (HEAD + "  - {name: a, action: audit, mainProcess: {containers: []}}\n", "containers"),
        (HEAD + "  - {name: a, action: deny, commands: {}}\n", "fill allow, deny or approve"),
        (
            HEAD + "  - {name: a, action: deny, commands: {deny: [{prefix: [rm]}]}}\n",
            "there is no session to a rule with action deny",
        ),
        (
            HEAD + "  - {name: a, action: audit, commands: {deny: [{prefix: [rm]}], approval: {count: 2}}}\n",
            "nothing in it waits for an approval",
        ),
        (
            HEAD
            + "  - {name: a, action: audit, commands: {approve: [{prefix: [rm]}], approval: {count: 0}}}\n",
            "at least one person must agree",
        ),
        (
            HEAD
            + "  - name: a\n    action: audit\n    commands:\n      approve: [{prefix: [rm]}]\n"
            + "      approval: {standing: {maxSeconds: 60}}\n",
            "each program is approved by itself",
        ),
        (
            HEAD + "  - {name: a, action: audit, commands: {approve: [{prefix: [rm]}], waitSeconds: 5}}\n",
            "waitSeconds",
        ),
        (
            HEAD + "  - {name: a, action: audit, commands: {deny: [{prefix: [rm], exact: [rm]}]}}\n",
            "give exactly one of exact, prefix, glob, regex and cel",
        ),
        (
            HEAD + "  - {name: a, action: audit, commands: {deny: [{cel: 'user == 1'}]}}\n",
            "user is nothing known; there are argv, cwd, executable, line, typed, uid",
        ),
        (
            HEAD + "  - {name: a, action: audit, match: {argv: [{cel: 'true'}]}}\n",
            "cel",
        ),
        (
            HEAD + "  - {name: a, action: audit, commands: {allow: [{regex: '(a)\\1'}]}}\n",
            "Hyperscan refuses",
        ),
        (
            HEAD
            + "  - {name: a, action: audit, session: {tracing: none}, commands: {deny: [{prefix: [rm]}]}}\n",
            "spec.rules[0].commands: programs that are not traced cannot be judged",
        ),
        (
            HEAD.replace("spec:", "spec:\n  session: {tracing: none}")
            + "  - {name: a, action: audit, commands: {deny: [{prefix: [rm]}]}}\n",
            "spec.rules[0].commands: programs that are not traced cannot be judged",
        ),
        (HEAD + "  - {name: a, name: b, action: deny}\n", "p.yaml:6: name is given twice"),
        (HEAD + "  - name: [\n", "p.yaml:7"),
        (HEAD.rstrip() + " []\n", "rules"),
        ("kind: GuardPolicy\nmetadata: {name: p}\n", "expected apiVersion"),
        (HEAD.replace("spec:", "surprise: 1\nspec:") + "  - {name: a, action: deny}\n", "p.yaml:4: surprise"),
        (HEAD + "  - {name: !!bool abc, action: deny}\n", "p.yaml:6: this is no bool; remove the tag !!bool"),
        (HEAD + "  - {name: a, action: !!int deny}\n", "p.yaml:6: this is no int"),
        (HEAD + "  - {name: a, action: deny, !!float b: c}\n", "p.yaml:6: this is no float"),
        (HEAD + "  - {name: a, action: !!timestamp deny}\n", "p.yaml:6: this is no timestamp"),
        (HEAD + "  - {name: a, action: !odd deny}\n", "p.yaml:6: could not determine a constructor"),
        (HEAD + f"  - {{name: {'9' * 5000}, action: deny}}\n", "p.yaml:6"),
        (HEAD + '  - {name: a, reason: "\\ud800", action: deny}\n', "p.yaml:6: half of a UTF-16 character"),
        ("", "holds no GuardPolicy"),
        ("- 1\n", "p.yaml:1"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, said: str) -> None:
    message = refusal(text)
    assert message.startswith("p.yaml")
    assert said in message


@pytest.mark.parametrize(
    ("masking", "said"),
    [
        ({"pattern": "tok_.*"}, "no groups, alternatives"),
        ({"positive": ["nothing"]}, "positive case 1 is not masked"),
        ({"negative": ["tok_1234 "]}, "negative case 1 is masked"),
    ],
)
def test_masking_rules_are_tried_on_their_cases(masking: Object, said: str) -> None:
    good = {"name": "token", "pattern": "tok_[0-9]{4}", "positive": ["tok_1234 "], "negative": ["x"]}
    document = policy(rule("allow", session={"maskingRules": [{**good, **masking}]}))
    with pytest.raises(ConfigurationError) as caught:
        compile_policy(*read_object(msgspec.json.encode(document)), Workshop())
    assert said in str(caught.value)
    assert str(caught.value).startswith("GuardPolicy test: spec.rules[0].session.maskingRules[0]")
    assert "tok_1234" not in str(caught.value)


def test_times_and_words_are_read_as_kubectl_reads_them() -> None:
    text = HEAD + "  - {name: a, action: deny, match: {users: [no], when: [{from: 18:00, to: 20:00}]}}\n"
    [(found, _)] = read_file(text.encode(), "p.yaml")
    match = found.spec.rules[0].match
    assert match.users == ("no",)
    assert match.when is not None
    assert match.when[0].from_ == "18:00"


@pytest.mark.parametrize("pack", PACKS, ids=lambda path: path.stem)
def test_a_file_and_an_object_give_the_same_policy(pack: Path) -> None:
    for (found, _), value in zip(
        read_file(pack.read_bytes(), pack.name), yaml.safe_load_all(pack.read_text()), strict=True
    ):
        assert read_object(msgspec.json.encode(value))[0] == found


@pytest.mark.parametrize(
    "pattern",
    [r"(\w{100}){100}", r".{1,1000}a.{1,1000}b", "(a|b)" + "{70}" * 3],
)
def test_what_would_take_long_to_compile_is_refused_at_once(pattern: str) -> None:
    document = policy(rule(match={"argv": [{"regex": pattern}]}))
    with pytest.raises(ConfigurationError, match=r"counted repeats|no regular expression"):
        compile_policy(*read_object(msgspec.json.encode(document)), Workshop())


def test_no_expression_is_catastrophic() -> None:
    """A backtracking engine would not come back from this within the age of the universe."""
    document = policy(
        rule(match={"argv": [{"regex": "(a+)+b"}, {"regex": "(a|a)*b"}, {"regex": "(.*a){20}b"}]})
    )
    [compiled] = compile_policy(*read_object(msgspec.json.encode(document)), Workshop())
    assert not compiled.matches(Facts(question(argv=("a" * 100_000,))))


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b"{}", b'{"metadata":{}}', b"[" * 5000])
def test_what_is_no_object_is_refused(data: bytes) -> None:
    with pytest.raises(ConfigurationError):
        read_object(data)


APPROVALS = [
    ("{eachGroup: true}", "there are no groups"),
    ("{delegates: [{group: b, until: 2026-03-01T00:00:00Z}]}", "no group to stand in for"),
    ("{groups: [a], delegates: [{group: b, for: c, until: 2026-03-01T00:00:00Z}]}", "none of the approval's"),
    ("{groups: [a], delegates: [{group: b, until: 2026-03-01T00:00:00}]}", "timezone"),
    ("{groups: [a], delegates: [{group: b}]}", "until"),
    (
        "{groups: [a], delegates: [{group: b, from: 2026-03-02T00:00:00Z, until: 2026-03-01T00:00:00Z}]}",
        "ends before it begins",
    ),
    ("{count: 2, standing: {maxSeconds: 60}}", "several must agree"),
    ("{groups: [a], eachGroup: true, standing: {maxSeconds: 60}}", "several must agree"),
    ("{count: 65}", "at most 64 people"),
    ("{count: 3, users: [carol, dan, dan]}", "more people must agree than users are named"),
    (f"{{groups: [{', '.join(f'g{n}' for n in range(65))}]}}", "at most 64"),
    ("{standing: {}}", "maxSeconds"),
    ("{standing: {maxSeconds: 2592001}}", "2592000"),
]


@pytest.mark.parametrize(("approval", "said"), APPROVALS)
def test_terms_of_approvals_that_cannot_be_are_refused(approval: str, said: str) -> None:
    assert said in refusal(HEAD + f"  - {{name: a, action: approve, approval: {approval}}}\n")


def test_a_reason_is_about_breaking_the_glass() -> None:
    message = refusal(HEAD + "  - {name: a, action: audit, reasonRequired: false}\n")
    assert "about breaking the glass" in message
