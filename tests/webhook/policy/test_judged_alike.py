"""One rule says the same of a command that is run by exec, started in a shell, or typed at its prompt."""

import shlex

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from policy_samples import Object, compiled, policies, policy, question, rule

from sidecar.commands.judging import Asked, Denial, Judge, Wait
from webhook.policy.decision import Action

COMMANDS = [
    ("psql",),
    ("psql", "-l"),
    ("psql", "-c", "copy cards to stdout"),
    ("psql", "-c", "select 1; copy cards to stdout"),
    ("/usr/bin/psql", "-c", "copy cards to stdout"),
    ("/opt/other/psql", "--list"),
    ("psqlx", "-l"),
    ("pg_dump", "cards"),
    ("rm", "-rf", "/data"),
    ("rm", "a b", ""),
    ("find", ".", "-exec", "rm", "{}", ";"),
    ("ls", "psql"),
    ("echo", "'quoted'", '"twice"', "and\\", "é*"),
]
PATTERNS: list[Object] = [
    {"prefix": ["psql"]},
    {"exact": ["psql", "-l"]},
    {"exact": ["rm", "a b", ""]},
    {"exact": ["find", ".", "-exec", "rm", "{}", ";"]},
    {"glob": ["psql", "-c", "*copy*"]},
    {"glob": ["p*", "**"]},
    {"regex": "psql -c .*copy.*"},
    {"regex": "(rm|echo) .*"},
]


def answers(pattern: Object, action: str, *argv: str) -> list[bool]:
    """Whether a rule refuses a command: at admission, as a program, and as a line."""
    by_exec = policies(policy(rule(action, match={"argv": [pattern]}))).decide(question(argv=argv))
    lists = {action: [pattern], "shellLines": True}
    [found] = compiled(policy(rule("audit", commands=lists)))
    judge = Judge(found.terms.commands)
    refusal = Denial if action == "deny" else Wait
    named = argv[0] if argv[0].startswith("/") else f"/usr/bin/{argv[0]}"
    as_program = judge.judge(Asked(named, argv))
    as_line = judge.judge_line(shlex.join(argv))
    return [by_exec.action is Action(action), isinstance(as_program, refusal), isinstance(as_line, refusal)]


@pytest.mark.parametrize("action", ["deny", "approve"])
@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
def test_a_command_is_judged_alike_however_it_starts(pattern: Object, action: str) -> None:
    found = [answers(pattern, action, *argv) for argv in COMMANDS]
    assert [set(one) for one in found] == [{one[0]} for one in found]
    assert {one[0] for one in found} == {True, False}, "the pattern is about some of them"


@pytest.mark.parametrize("pattern", [{"prefix": ["/usr/bin/psql"]}, {"glob": ["*/psql", "**"]}], ids=str)
def test_by_path_a_file_is_known_once_it_runs_and_before_as_it_is_written(pattern: Object) -> None:
    assert answers(pattern, "deny", "/usr/bin/psql", "-l") == [True, True, True]
    assert answers(pattern, "deny", "psql", "-l") == [False, True, False]
    assert answers(pattern, "deny", "ls", "-l") == [False, False, False]


WORDS = st.lists(st.text("ab-/.*?=;|&<>()'\" é{}#~$", max_size=6), max_size=4)


@given(WORDS, st.sampled_from(["exact", "prefix"]))
@example(["-c", "a;b", "|"], "exact")
@example(["", "'"], "exact")
def test_arguments_are_the_same_on_every_way(words: list[str], kind: str) -> None:
    argv = ("psql", *words)
    assert answers({kind: list(argv)}, "deny", *argv) == [True, True, True]
