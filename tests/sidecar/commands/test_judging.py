"""What command rules say of programs, by whatever name they are called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.commands.judging import Asked, Denial, Judge, Wait
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


def test_a_path_that_is_not_the_containers_is_denied_as_it_reads_and_never_allowed() -> None:
    """In a mount namespace of one's own anything lies at /bin/ls."""
    for mark in (" (in other mounts)", " (deleted) (in other mounts)", " (deleted)"):
        assert not passes(denies(prefix("/bin/ls")), f"/bin/ls{mark}", "innocent")
        assert not passes(denies(prefix("ls")), f"/bin/ls{mark}", "innocent")
        for allowed in ("/bin/ls", "ls", "other"):
            assert not passes(allows(prefix(allowed)), f"/bin/ls{mark}", "ls")
        for wide in (glob("/bin/*", "**"), glob("**"), regex(".*"), cel('executable.startsWith("/bin/")')):
            assert not passes(allows(wide), f"/bin/ls{mark}", "ls")
        shell = Asked(f"/bin/dash{mark}", ("x", "-c", "rm x"))
        assert isinstance(about_lines(prefix("rm")).judge(shell), Denial)
    judge = Judge((allows(glob("/bin/*", "**")),))
    assert judge.judge(Asked("/bin/cat", ("cat", "x"), cwd="/srv")) is None
    assert isinstance(judge.judge(Asked("/bin/cat", ("cat", "x"), cwd="/srv (in other mounts)")), Denial)


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


def about_lines(*deny: CommandPattern, approve: tuple[CommandPattern, ...] = ()) -> Judge:
    return Judge((CommandRule("p/r", "", deny=deny, approve=approve, wait_seconds=60, lines=True),))


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (prefix("rm"), "cd /tmp && /bin/rm x"),
        (glob("cd", "/etc*"), "cd /etc/ssl"),
        (regex(r".*> ?/etc/.*"), "echo x > /etc/passwd"),
        (regex(r"rm -r .*"), "ls; rm -r /data"),
        (cel("typed && line.contains('>') && argv[0] == 'echo'"), "ls; echo x > y"),
        (cel("uid == -1 && executable == '' && cwd == ''"), "true"),
        (cel("argv[70] == 'x'"), "what it cannot be evaluated about is denied"),
    ],
)
def test_a_line_is_asked_about_command_by_command(pattern: CommandPattern, line: str) -> None:
    assert isinstance(about_lines(pattern).judge_line(line), Denial)


def test_a_line_that_is_too_long_is_denied() -> None:
    for line in ("cd /etc;" + " " * 8200, ";".join(f": {number}" for number in range(300))):
        denied = about_lines(prefix("rm")).judge_line(line)
        assert isinstance(denied, Denial)
        assert denied.why == "it is too long to be judged"
        assert isinstance(about_lines(prefix("rm")).judge(Asked("/bin/sh", ("sh", "-c", line))), Denial)
        assert Judge((denies(prefix("rm")),)).judge_line(line) is None


def test_a_line_may_have_to_wait_and_lists_of_what_may_run_are_not_about_it() -> None:
    assert isinstance(about_lines(approve=(prefix("export"),)).judge_line("export A=b"), Wait)
    assert about_lines(approve=(prefix("export"),)).judge_line("export A=b", approved={"p/r"}) is None
    assert Judge((CommandRule("p/r", "", allow=(exact("ls"),), lines=True),)).judge_line("cd /") is None
    assert not Judge((denies(prefix("rm")),)).reads_lines
    assert Judge((denies(prefix("rm")),)).judge_line("rm x") is None, "the rule is about programs alone"


def test_the_text_that_a_shell_is_given_counts_where_the_rule_says_so() -> None:
    shell = Asked("/bin/dash", ("sh", "-c", "cd /tmp; rm x"))
    assert isinstance(about_lines(prefix("rm")).judge(shell), Denial)
    for called in ("x", "-x"):
        assert isinstance(
            about_lines(prefix("rm")).judge(Asked("/bin/bash", (called, "-c", "rm x"))), Denial
        ), "a shell is one by whatever name"
    assert Judge((denies(prefix("rm")),)).judge(shell) is None
    assert about_lines(prefix("rm")).judge(Asked("/bin/ls", ("ls", "-c", "rm x"))) is None
    assert isinstance(about_lines(cel("!typed && argv[0] == 'ls'")).judge(Asked("/bin/ls", ("ls",))), Denial)
