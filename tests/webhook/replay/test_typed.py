"""Typed lines, from a real shell with line editing on a real pseudo-terminal."""

import contextlib
from collections.abc import Generator
from pathlib import Path

import pexpect
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.commands.typed import MOST_BETWEEN, Typing
from webhook.replay.moments import Kind, Moment
from webhook.replay.typed import TypedLine, TypedLines

PROMPT = "me@pod:~$ "
UP, LEFT, HOME, TAB, BACK, WIPE = "\x1b[A", "\x1b[D", "\x01", "\t", "\x7f", "\x15"


class Typist:
    """Types into a shell, and hears it as a recorder does: input as it is sent, output as it comes."""

    def __init__(self, place: Path, cols: int) -> None:
        self.moments: list[Moment] = []
        environment = {
            "PS1": PROMPT,
            "HOME": str(place),
            "TERM": "xterm",
            "PATH": "/usr/bin:/bin",
            "INPUTRC": "",
        }
        self._shell: pexpect.spawn[str] = pexpect.spawn(
            "bash",
            ["--norc", "--noprofile", "-i"],
            cwd=place,
            env=environment,
            dimensions=(24, cols),
            encoding="utf-8",
            timeout=20,
        )
        self._shell.delaybeforesend = None
        self.wait(PROMPT)

    def type(self, keys: str, shown: str) -> None:
        """Press keys and wait for what they show."""
        self.moments.append(Moment(len(self.moments), Kind.INPUT, keys))
        self._shell.send(keys)
        self.wait(shown)

    def wait(self, shown: str) -> None:
        self._shell.expect_exact(shown)
        text = f"{self._shell.before}{self._shell.after}"
        self.moments.append(Moment(len(self.moments), Kind.OUTPUT, text))

    def enter(self, line: str) -> None:
        """Type a line key by key."""
        for key in line:
            self.type(key, key)
        self.type("\r", PROMPT)

    def close(self) -> None:
        self._shell.close(force=True)


@contextlib.contextmanager
def typist(place: Path, cols: int = 80) -> Generator[Typist]:
    at = Typist(place, cols)
    try:
        yield at
    finally:
        at.close()


def lines(moments: list[Moment], cols: int = 80) -> list[str]:
    typed = TypedLines(rows=24, cols=cols)
    return [line.text for moment in moments for line in typed.feed(moment)]


@pytest.mark.parametrize("cols", [80, 30])
def test_a_line_is_what_the_screen_shows_of_it(tmp_path: Path, cols: int) -> None:
    with typist(tmp_path, cols) as at:
        at.enter("echo one")
        at.enter("cat <<< 'a line that is longer than a row' | wc -l")
    assert lines(at.moments, cols) == ["echo one", "cat <<< 'a line that is longer than a row' | wc -l"]


def test_what_was_edited_recalled_and_completed(tmp_path: Path) -> None:
    (tmp_path / "measurements.txt").touch()
    with typist(tmp_path) as at:
        at.type("ehco", "ehco")
        at.type(BACK * 3, "\b")
        at.type("cho one", "cho one")
        at.type("\r", PROMPT)
        at.type(UP, "echo one")
        at.type(" two\r", PROMPT)
        at.type("cat mea", "cat mea")
        at.type(TAB, "measurements.txt "[len("mea") :])
        at.type("\r", PROMPT)
        at.type("nonsense", "nonsense")
        at.type(WIPE, "\x1b[K")
        at.type("true\r", PROMPT)
    assert lines(at.moments) == ["echo one", "echo one two", "cat measurements.txt", "true"]


def test_a_list_of_completions_is_no_line(tmp_path: Path) -> None:
    for name in ("alpha", "alps"):
        (tmp_path / name).touch()
    with typist(tmp_path) as at:
        at.type("ls al", "ls al")
        at.type(TAB, "p")
        at.type(TAB, "\x07")
        at.type(TAB, f"{PROMPT}ls alp")
        at.type("h*\r", PROMPT)
    assert lines(at.moments) == ["ls alph*"]


def test_pasted_lines_and_those_that_go_on(tmp_path: Path) -> None:
    with typist(tmp_path) as at:
        at.type("for i in 1 2\rdo echo $i\rdone\r", "\r\n2\r\n")
        at.wait(PROMPT)
        at.type("cat <<END\r", "> ")
        at.type("inside\r", "> ")
        at.type("END\r", PROMPT)
        at.type("\x1b[200~echo a\necho b\x1b[201~", "echo b")
        at.type("\r", "\r\nb\r\n")
        at.wait(PROMPT)
        at.enter("true")
    told = lines(at.moments)
    assert told[0] == "for i in 1 2"
    assert told[-5:] == ["cat <<END", "inside", "END", "echo a\necho b", "true"]


def test_what_is_abandoned_or_answers_a_program_in_raw_mode_is_no_line(tmp_path: Path) -> None:
    with typist(tmp_path) as at:
        at.type("sleep 5", "sleep 5")
        at.type("\x03", PROMPT)
        at.type("true\r", PROMPT)
    assert lines(at.moments) == ["true"]


def test_lines_stay_right_when_the_screen_scrolls(tmp_path: Path) -> None:
    with typist(tmp_path) as at:
        for number in range(30):
            at.enter(f"echo {number}")
        at.type("seq 1 20000\r", "\r\n20000\r\n")
        at.wait(PROMPT)
        at.enter("echo last")
    assert lines(at.moments) == [*(f"echo {n}" for n in range(30)), "seq 1 20000", "echo last"]


def test_full_screen_programs_are_left_out() -> None:
    shown = [
        Moment(0, Kind.OUTPUT, PROMPT),
        Moment(1, Kind.INPUT, "vi x\r"),
        Moment(2, Kind.OUTPUT, "vi x\r\n\x1b[?1049h\x1b[2J\x1b[H~\r\n~\r\n"),
        Moment(3, Kind.INPUT, "isecret\r\x1b:wq\r"),
        Moment(4, Kind.OUTPUT, "secret\r\n\x1b[?1049l" + PROMPT),
        Moment(5, Kind.INPUT, "true\r"),
        Moment(6, Kind.OUTPUT, "true\r\n" + PROMPT),
    ]
    assert lines(shown) == ["vi x", "true"]


def test_a_line_has_the_time_it_was_entered_at() -> None:
    typed = TypedLines(rows=24, cols=80)
    typed.feed(Moment(1, Kind.OUTPUT, "$ "))
    typed.feed(Moment(7, Kind.INPUT, "ls\r"))
    assert typed.feed(Moment(9, Kind.OUTPUT, "ls\r\na b\r\n$ ")) == [TypedLine(7, "ls")]


MOMENTS = st.builds(
    Moment,
    st.just(1),
    st.sampled_from([Kind.INPUT, Kind.OUTPUT, Kind.RESIZE]),
    st.text(st.sampled_from("ab$ \r\n\t\b\x1b[]?;0149HJKhlm\x03\x04\x07é漢"), max_size=40),
    st.integers(0, 70_000),
    st.integers(0, 70_000),
)


@settings(deadline=None)
@given(st.lists(MOMENTS, max_size=30))
def test_nothing_a_program_draws_breaks_it(shown: list[Moment]) -> None:
    """Nor makes up a line: there are at most as many as there were keys that enter one."""
    entered = sum(len(m.text) for m in shown if m.kind is Kind.INPUT)
    told = lines(shown)
    assert len(told) <= entered
    assert sum(map(len, told)) <= (len(told) + 1) * 1000 * 1000


def test_what_is_stacked_on_one_character_is_bounded() -> None:
    for stacked, most in (("\u0301\x1b[m", 16), ("\u0301\u0302", 16)):
        typing = Typing(rows=24, cols=80)
        typing.typed(1, "a")
        typing.shown("a" + stacked * 3000 + "b")
        assert 2 < len(typing.line) <= most + 1
        assert (typing.line[0], typing.line[-1]) == ("\u00e1", "b")


def test_much_output_costs_no_more_than_its_end() -> None:
    typed = TypedLines(rows=24, cols=80)
    typed.feed(Moment(1, Kind.OUTPUT, "$ "))
    typed.feed(Moment(2, Kind.INPUT, "cat big\r"))
    typed.feed(Moment(3, Kind.OUTPUT, "cat big\r\n"))
    for _ in range(2000):
        typed.feed(Moment(4, Kind.OUTPUT, "x" * MOST_BETWEEN))
    typed.feed(Moment(5, Kind.OUTPUT, "\r\n$ "))
    typed.feed(Moment(6, Kind.INPUT, "true\r"))
    assert typed.feed(Moment(7, Kind.OUTPUT, "true\r\n")) == [TypedLine(6, "true")]
