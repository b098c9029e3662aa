"""Lines for shells, cut into their commands as far as the text says it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.commands.shells import (
    MOST_CHARACTERS,
    MOST_COMMANDS,
    SHELLS,
    commands_of,
    goes_on,
    shell_text,
)

RM = ("rm", "x")


@pytest.mark.parametrize(
    "line",
    [
        "rm x",
        "  rm   x  ",
        "cd /tmp && rm x",
        "true || rm x",
        "ls | rm x",
        "sleep 1 & rm x",
        "ls;rm x",
        "ls\nrm x",
        "LANG=C rm x",
        "> /dev/null rm x",
        "rm x 2>/dev/null",
        "rm>log x",
        "r'm' x",
        '"rm" x',
        "r\\m x",
        "rm \\\nx",
        "$(rm x)",
        "echo `rm x`",
        'echo "now $(rm x)"',
        'echo "now `rm x`"',
        "y=$(rm x)",
        "if true; then rm x; fi",
        "while :; do rm x; done",
        "{ rm x; }",
        "(rm x)",
        "! rm x",
        "time rm x",
        "f() { rm x; }",
        "command rm x",
        "exec rm x",
        "nohup rm x",
        "env -i A=b rm x",
        "busybox rm x",
        "eval 'rm x'",
        "eval rm x",
        "trap 'rm x' EXIT",
        "if true; then eval 'rm x'; fi",
        "A=1 command eval 'rm x'",
        "a[0]=1 rm x",
        "sh -c 'rm x'",
        "bash -xc 'ls; rm x'",
        "sh -c \"sh -c 'rm x'\"",
        "echo 'never closed; rm x",
    ],
)
def test_a_command_is_found_wherever_it_stands(line: str) -> None:
    assert RM in (commands_of(line) or ())


@pytest.mark.parametrize(
    "line", ["echo rm x", "echo 'rm x'", "ls rm x", "rmx", "cat <rm", "grep 'a;rm x' log", "# rm x", "'rm x'"]
)
def test_what_is_only_an_argument_is_none(line: str) -> None:
    assert RM not in (commands_of(line) or (RM,))


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (("sh", "-c", "ls"), "ls"),
        (("/bin/bash", "-ec", "ls", "name"), "ls"),
        (("bash", "-c", "-x", "ls"), "ls"),
        (("bash", "--norc", "-o", "pipefail", "-c", "ls"), "ls"),
        (("bash", "--rcfile", "-c", "script"), None),
        (("busybox", "sh", "-c", "ls"), "ls"),
        (("-sh", "-c", "ls"), "ls"),
        (("/bin/busybox-static", "ash", "-c", "ls"), "ls"),
        (("toybox", "sh", "-c", "ls"), "ls"),
        (("tcsh", "-fc", "ls"), "ls"),
        (("fish", "-N", "-C", "cd /etc", "-c", "ls"), "cd /etc\nls"),
        (("fish", "--command=ls", "--init-command", "cd /etc"), "ls\ncd /etc"),
        (("yash", "--cmdline", "ls"), "ls"),
        (("nu", "-n", "--commands", "ls"), "ls"),
        (
            ("pwsh", "-NoProfile", "-ExecutionPolicy", "Bypass", "-Command", "Remove-Item", "x"),
            "Remove-Item x",
        ),
        (("pwsh", "-cwa", "ls"), "ls"),
        (("pwsh", "-File", "script.ps1"), None),
        (("bash", "-c", ""), None),
        (("sh", "script", "-c", "ls"), None),
        (("sh", "-i"), None),
        (("python3", "-c", "print()"), None),
        ((), None),
    ],
)
def test_the_text_that_a_shell_is_given(argv: tuple[str, ...], text: str | None) -> None:
    assert shell_text(argv) == text


def test_a_shell_is_one_in_every_version_of_it() -> None:
    names = [
        "ksh93",
        "ksh2020",
        "zsh5",
        "zsh-5.9",
        "bash5.2",
        "bash-static",
        "/opt/oksh",
        "loksh",
        "yash",
        "csh",
    ]
    for name in [*names, *sorted(SHELLS)]:
        assert shell_text((name, "-c", "rm x")) == "rm x", name
        assert RM in (commands_of(f"{name} -c 'rm x'") or ()), name
    for name in ("bashful", "ssh", "git", "watch", "2", "static", "-"):
        assert shell_text((name, "-c", "rm x")) is None, name


@pytest.mark.parametrize(
    ("line", "rest"),
    [("ls", None), ("ls \\", "ls "), ("ls \\\\", None), ("echo 'a", "echo 'a\n"), ("echo 'a'", None)],
)
def test_what_the_next_line_ends(line: str, rest: str | None) -> None:
    assert goes_on(line) == rest


@pytest.mark.parametrize(
    "line",
    [
        "a" * (MOST_CHARACTERS + 1),
        ";".join(f"a{number}" for number in range(MOST_COMMANDS + 1)),
        "cd /etc;" + " " * MOST_CHARACTERS,
        "eval eval eval eval eval rm x",
    ],
    ids=["a word", "commands", "blanks", "nested"],
)
def test_what_is_too_long_is_not_cut(line: str) -> None:
    assert commands_of(line) is None


def test_the_same_command_many_times_is_one() -> None:
    assert commands_of(";".join(["true"] * 1000)) == (("true",),)


@given(st.text(alphabet="ab rm;|&$()`'\"\\\n<>{}=!-#2", max_size=60))
def test_any_line_is_cut(line: str) -> None:
    assert all(command for command in commands_of(line) or ())
    goes_on(line)
