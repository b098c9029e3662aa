"""What command rules say of programs, by whatever name they are called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.commands.judging import Asked, Denial, Judge
from sidecar.contract.errors import CallerError
from sidecar.contract.grants import CommandPattern, CommandRule, PatternKind

BUSYBOX = "/bin/busybox"


def exact(*words: str) -> CommandPattern:
    return CommandPattern(PatternKind.EXACT, words)


def prefix(*words: str) -> CommandPattern:
    return CommandPattern(PatternKind.PREFIX, words)


def glob(*words: str) -> CommandPattern:
    return CommandPattern(PatternKind.GLOB, words)


def regex(text: str) -> CommandPattern:
    return CommandPattern(PatternKind.REGEX, (text,))


def passes(rule: CommandRule, executable: str, *argv: str) -> bool:
    return Judge((rule,)).judge(Asked(executable, argv)) is None


def denies(*deny: CommandPattern) -> CommandRule:
    return CommandRule("p/r", "", deny=deny)


def allows(*allow: CommandPattern) -> CommandRule:
    return CommandRule("p/r", "", allow=allow)


@pytest.mark.parametrize(
    ("executable", "argv"),
    [
        ("/usr/bin/psql", ("psql", "-l")),
        ("/usr/bin/psql", ("/usr/bin/psql", "-l")),
        ("/usr/bin/psql", ("innocent", "-l")),
        ("/usr/bin/psql", ()),
        ("/tmp/renamed", ("psql",)),
        ("/tmp/psql", ("innocent",)),
        ("", ("psql",)),
    ],
)
def test_a_denial_holds_by_every_name(executable: str, argv: tuple[str, ...]) -> None:
    assert not passes(denies(prefix("psql")), executable, *argv)


def test_a_denial_by_path_is_about_that_file() -> None:
    rule = denies(prefix("/usr/bin/psql"))
    assert not passes(rule, "/usr/bin/psql", "psql")
    assert passes(rule, "/opt/psql", "psql")


def test_denials_look_at_arguments() -> None:
    rule = denies(glob("rm", "*-r*", "**"), regex("cat .*/secret.*"))
    assert not passes(rule, "/bin/rm", "rm", "-rf", "/data")
    assert passes(rule, "/bin/rm", "rm", "file")
    assert not passes(rule, "/bin/cat", "cat", "/run/secret")
    assert passes(rule, "/bin/cat", "cat", "/run/public")


@pytest.mark.parametrize(
    ("executable", "argv", "passing"),
    [
        ("/bin/ls", ("ls", "-l"), True),
        ("/bin/ls", ("/bin/ls",), True),
        ("/tmp/evil", ("ls",), False),
        ("", ("ls",), False),
        ("/bin/sh", ("sh", "-c", "ls"), False),
    ],
)
def test_only_what_is_allowed_passes_by_its_own_file(
    executable: str, argv: tuple[str, ...], passing: bool
) -> None:
    assert passes(allows(prefix("ls")), executable, *argv) is passing


def test_another_name_stays_a_word() -> None:
    """Which applet of busybox runs is told by the name alone."""
    assert passes(allows(prefix("busybox", "ls")), BUSYBOX, "ls", "-l")
    assert passes(allows(prefix("busybox", "ls")), BUSYBOX, "/bin/ls", "-l")
    assert passes(allows(prefix("busybox", "ls")), BUSYBOX, "busybox", "ls", "-l")
    assert not passes(allows(prefix("busybox", "ls")), BUSYBOX, "rm", "ls")
    assert not passes(denies(prefix("busybox", "rm")), BUSYBOX, "rm", "x")
    assert not passes(denies(prefix("rm")), BUSYBOX, "rm", "x")


def test_every_rule_has_to_pass_and_the_first_that_does_not_is_named() -> None:
    first = CommandRule("p/first", "", allow=(prefix("ls"), prefix("cat")))
    second = CommandRule("p/second", "", deny=(prefix("cat"),))
    judge = Judge((first, second))
    assert judge.judge(Asked("/bin/ls", ("ls",))) is None
    denied = [judge.judge(Asked(f"/bin/{name}", (name,))) for name in ("cat", "rm")]
    assert [denial.rule.rule for denial in denied if denial] == ["p/second", "p/first"]


def test_what_is_too_long_to_be_judged_does_not_pass() -> None:
    assert Judge((denies(prefix("rm")),)).judge(Asked("/bin/ls", ("ls",), truncated=True)) is not None
    assert Judge(()).judge(Asked("/bin/ls", ("ls",), truncated=True)) is None


@pytest.mark.parametrize("pattern", [regex(r"(a)\1"), glob("a", "**", "b")])
def test_rules_that_cannot_be_compiled(pattern: CommandPattern) -> None:
    with pytest.raises(CallerError, match="cannot be loaded here"):
        Judge((denies(pattern),))


@given(st.text(min_size=1), st.lists(st.text(), max_size=3))
def test_a_denied_program_is_denied_with_any_arguments(name: str, rest: list[str]) -> None:
    assert not passes(denies(prefix(name)), "/bin/other", name, *rest)
    assert passes(denies(exact(name, "x", *rest)), "/bin/other", name, *rest)


def cel(source: str) -> CommandPattern:
    return CommandPattern(PatternKind.CEL, (source,))


@pytest.mark.parametrize(
    ("source", "fits"),
    [
        ('executable == "/bin/rm" && argv.exists(a, a == "-rf")', True),
        ('line.matches("^rm .*-rf")', True),
        ('cwd.startsWith("/srv") && uid == 1000', True),
        ('argv[0] == "sh" || uid == 0', False),
    ],
)
def test_an_expression_sees_file_arguments_directory_and_user(source: str, fits: bool) -> None:
    asked = Asked("/bin/rm", ("rm", "-rf", "/data"), cwd="/srv/app", uid=1000)
    denied = Judge((CommandRule("p/r", "", deny=(cel(source),)),)).judge(asked)
    assert (denied is not None) is fits
    allowed = Judge((CommandRule("p/r", "", allow=(cel(source),)),)).judge(asked)
    assert (allowed is None) is fits


def test_an_expression_that_cannot_be_evaluated_denies_and_tells_nothing() -> None:
    rule = CommandRule("p/r", "", deny=(cel('argv[7] == "4111111111111111"'),))
    denial = Judge((rule,)).judge(Asked("/bin/pay", ("pay", "4111111111111111")))
    assert isinstance(denial, Denial)
    assert denial.why.startswith("its expression cannot be evaluated")
    assert "4111" not in denial.why


def test_an_expression_is_refused_by_a_recorder_that_cannot_read_it() -> None:
    with pytest.raises(CallerError, match="no CEL"):
        Judge((CommandRule("p/r", "", deny=(cel("'unclosed"),)),))
