"""Lines that a terminal shows in part are judged whole or not entered, told as transcripts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shell_terminal import resized, terminal

from sidecar.contract.events import Channel


@pytest.mark.parametrize(("rows", "judged"), [(24, "rm x"), (5, None), (1, None)])
def test_a_line_of_which_the_beginning_has_scrolled_away_is_not_entered(
    rows: int, judged: str | None
) -> None:
    for harmless in (False, True):
        shell = terminal()
        resized(shell, rows, 20)
        shell.type("\x1b[A\r")
        shell.show(("ls; " if harmless else "rm x; ") + 80 * "a")
        shell.wait()
        assert len(shell.denied) == (0 if harmless and judged else 1)
        assert shell.given[-1:] == (b"\r" if harmless and judged else b"\x03")


@pytest.mark.parametrize(
    "shown",
    ["\r" + 77 * "a" + "< ", "ls; " + 73 * "a" + ">", "\r" + 77 * "a" + "* ", "\r<aaa", "<aaa"],
    ids=["ksh, its end", "ksh, its beginning", "ksh, its middle", "readline", "zsh"],
)
def test_a_line_that_a_shell_shows_in_part_is_not_entered(shown: str) -> None:
    shell = terminal()
    shell.type("\x1b[A\r")
    shell.show(shown)
    shell.wait()
    assert len(shell.denied) == 1


def test_a_smaller_terminal_hides_no_line() -> None:
    for rows, cols in ((5, 80), (24, 20), (1, 80)):
        shell = terminal()
        shell.show(20 * "\r\n" + "$ ")
        shell.type("\x1b[A")
        shell.show(30 * " " + "; rm x")
        resized(shell, rows, cols)
        shell.type("\r")
        shell.wait()
        assert len(shell.denied) == 1, (rows, cols)


def test_a_line_behind_much_output_is_entered_at_the_next_prompt() -> None:
    shell = terminal()
    shell.type("\x1b[A")
    shell.show("rm x" + 20_000 * "\a")
    shell.type("\r")
    shell.wait()
    assert len(shell.denied) == 1
    shell.show("^C\r\n$ ")
    shell.type("\x1b[A\r")
    shell.show("ls")
    shell.wait()
    assert shell.given.endswith(b"\x03\x1b[A\r")


def test_a_wrapped_line_is_no_prompt() -> None:
    shell = terminal()
    resized(shell, 24, 20)
    shell.type("\x1b[A\r")
    shell.show("rm x; : aaaaaaaaaa$ ls")
    shell.wait()
    assert len(shell.denied) == 1


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.text("a$ <*\r\n\b\x1b[ABHJKMc0123;", max_size=90), st.integers(0, 30)), max_size=9)
)
def test_whatever_a_program_shows_each_line_passes_or_is_denied(shown: list[tuple[str, int]]) -> None:
    shell = terminal()
    for text, size in shown:
        resized(shell, size, 30 - size)
        shell.show(text)
        shell.type("\x1b[A\r")
        while not shell.played.session.wants(Channel.STDIN):
            shell.wait()
    assert shell.given.count(b"\r") + len(shell.denied) == len(shown)
