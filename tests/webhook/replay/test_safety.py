"""What a recording may do to the terminal that replays it: draw, and nothing else."""

import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.replay.safety import MAX_STRING, RESET, TerminalFilter, escape_json, printable

DRAWING = [
    "plain text, café, 漢字, 🙂",
    "tab\tbell\abackspace\b\r\n",
    "\x1b[1;31mred\x1b[0m",
    "\x1b[38;2;1;2;3mtrue colour",
    "\x1b[4:3mcurly",
    "\x1b[H\x1b[2J",
    "\x1b[10;20H\x1b[K\x1b[1K\x1b[?2K",
    "\x1b[3A\x1b[3B\x1b[3C\x1b[3D\x1b[5G\x1b[7d",
    "\x1b[2;10r\x1b[r",
    "\x1b[3L\x1b[3M\x1b[3P\x1b[3@\x1b[3X\x1b[5b",
    "\x1b7\x1b8\x1bM\x1bD\x1bE",
    "\x1b(0lqqk\x1b(B\x0e\x0f",
    "\x1b[?1049h\x1b[?1049l",
    "\x1b[?25l\x1b[?25h\x1b[?7l\x1b[?12h",
    "\x1b[4h\x1b[4l",
    "\x1b[2 q",
    "\x1b#8",
]

LEFT_OUT = {
    "clipboard (OSC 52)": "\x1b]52;c;ZXZpbA==\x07",
    "title (OSC 0)": "\x1b]0;owned\x07",
    "title ended by ST": "\x1b]2;owned\x1b\\",
    "title in C1 form": "\x9d0;owned\x9c",
    "hyperlink (OSC 8)": "\x1b]8;;http://evil\x1b\\",
    "colour query (OSC 4)": "\x1b]4;1;?\x07",
    "title report": "\x1b[21t",
    "window size": "\x1b[8;1;1t",
    "cursor report (DSR)": "\x1b[6n",
    "private DSR": "\x1b[?15n",
    "device attributes": "\x1b[c\x1b[>c\x1b[=c",
    "terminal version": "\x1b[>q",
    "answerback (ENQ)": "\x05",
    "DECID": "\x1bZ",
    "DECRQM": "\x1b[?1$p\x1b[1$p",
    "DECRQSS": '\x1bP$q"p\x1b\\',
    "keyboard redefinition (DECUDK)": "\x1bP0;1|17/68\x1b\\",
    "termcap query (XTGETTCAP)": "\x1bP+q544e\x1b\\",
    "sixel": "\x1bPq#0~~\x1b\\",
    "graphics (APC)": "\x1b_Gf=100;AAAA\x1b\\",
    "privacy message": "\x1b^hidden\x1b\\",
    "start of string": "\x1bXhidden\x1b\\",
    "tmux passthrough": "\x1bPtmux;\x1b\x1b]52;c;eA==\x07\x1b\\",
    "screen title": "\x1bkowned\x1b\\",
    "modify other keys": "\x1b[>4;2m",
    "kitty keyboard": "\x1b[>1u\x1b[?u",
    "mouse": "\x1b[?1000h\x1b[?1006h",
    "focus reports": "\x1b[?1004h",
    "bracketed paste": "\x1b[?2004h",
    "application cursor keys": "\x1b[?1h\x1b=\x1b>",
    "keyboard lock": "\x1b[2h",
    "new line mode": "\x1b[20h",
    "80/132 columns": "\x1b[?3h",
    "printer": "\x1b[5i\x1b[4i",
    "erased scrollback": "\x1b[3J",
    "tab stops": "\x1bH\x1b[3g",
    "conformance level": '\x1b[61"p',
    "checksum report": "\x1b[1;1;1;1;1;1*y",
    "highlight tracking": "\x1b[1;1;1;1;1T",
    "locking shift": "\x1bn\x1bo",
    "flow control": "\x11\x13",
    "NUL, DEL": "\x00\x7f",
    "too large a number": "\x1b[99999b",
    "endless parameters": "\x1b[" + "1;" * 100 + "m",
    "cancelled": "\x1b[31\x18\x1b[3\x1a",
}
REMAINS = {"screen title": "owned", "tmux passthrough": ""}


@pytest.mark.parametrize("text", DRAWING)
def test_what_draws_is_shown(text: str) -> None:
    assert TerminalFilter().feed(text) == text


@pytest.mark.parametrize("what", LEFT_OUT)
def test_what_could_harm_is_left_out(what: str) -> None:
    """Nothing of the sequence is shown, everything around it is."""
    shown = TerminalFilter().feed(f"before {LEFT_OUT[what]}after")
    assert shown == f"before {REMAINS.get(what, '')}after"


@pytest.mark.parametrize("text", [*DRAWING, *LEFT_OUT.values()])
def test_the_result_does_not_depend_on_the_cut(text: str) -> None:
    text = f"a{text}b"
    whole = TerminalFilter().feed(text)
    for cut in range(len(text) + 1):
        halves = TerminalFilter()
        assert halves.feed(text[:cut]) + halves.feed(text[cut:]) == whole
    single = TerminalFilter()
    assert "".join(map(single.feed, text)) == whole


ALLOWED = re.compile(
    r"[^\x00-\x06\x10-\x1f\x7f-\x9f]|\x1b(\[[0-9;:?]*[A-Za-z@`]|\[[0-6]? q|[78DEM]|[()][0AB]|#8)"
)
PIECES = st.lists(
    st.sampled_from(
        [*"\x1b\x1b\x1b[]P_X^\\?;:0152cmhltnqpJKHrRu\x07\x18\x9b\x9d\x90\x9c\n\r\x05aé $\"'*>=#(", "1049"]
    )
).map("".join)


@given(PIECES)
def test_only_complete_allowed_sequences_come_out(text: str) -> None:
    shown = TerminalFilter().feed(text)
    assert ALLOWED.sub("", shown) == ""
    assert TerminalFilter().feed(shown) == shown


@given(PIECES, st.data())
def test_no_cut_of_any_text_changes_the_result(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    cut = TerminalFilter()
    assert "".join(map(cut.feed, pieces)) == TerminalFilter().feed(text)


def test_c1_controls_come_out_in_their_seven_bit_form() -> None:
    assert TerminalFilter().feed("\x9b31mred\x85") == "\x1b[31mred\x1bE"


def test_allowed_modes_stay_when_others_of_the_sequence_go() -> None:
    assert TerminalFilter().feed("\x1b[?1000;25;2004l") == "\x1b[?25l"


@pytest.mark.parametrize(
    ("left", "undone"),
    [
        ("\x1b[31m", "\x1b[0m"),
        ("\x1b[2;10r", "\x1b[r"),
        ("\x1b(0", "\x1b(B"),
        ("\x1b)0", "\x1b)B"),
        ("\x0e", "\x0f"),
        ("\x1b[?25l", "\x1b[?25h"),
        ("\x1b[?7l", "\x1b[?7h"),
        ("\x1b[?5h", "\x1b[?5l"),
        ("\x1b[?12h", "\x1b[?12l"),
        ("\x1b[4h", "\x1b[4l"),
        ("\x1b[2 q", "\x1b[0 q"),
    ],
)
def test_what_a_recording_leaves_behind_is_undone(left: str, undone: str) -> None:
    assert TerminalFilter().feed(left) == left
    assert undone in RESET


def test_a_full_reset_becomes_a_cleared_screen() -> None:
    shown = TerminalFilter().feed("\x1bc")
    assert "\x1b[2J" in shown
    assert "\x1bc" not in shown


def test_a_line_end_gives_up_a_title_so_that_nothing_hides_behind_it() -> None:
    assert TerminalFilter().feed("\x1b]0;title without end\nshown") == "\nshown"


def test_an_endless_string_is_given_up() -> None:
    shown = TerminalFilter().feed("\x1bP" + "x" * MAX_STRING + "shown")
    assert shown == "shown"


def test_the_alternate_screen_is_known() -> None:
    terminal = TerminalFilter()
    terminal.feed("\x1b[?1049h")
    assert terminal.alternate
    terminal.feed("\x1b[?1049l")
    assert not terminal.alternate


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain café 🙂", "plain café 🙂"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\x9b", "\\x9b"),
        ("\u202egpj.exe", "\\u202egpj.exe"),
        ("\U000e0041", "\\U000e0041"),
        ("line\u2028separator", "line\\u2028separator"),
    ],
)
def test_names_become_one_harmless_line(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text())
def test_json_keeps_its_meaning_when_made_harmless(text: str) -> None:
    written = escape_json(json.dumps(text, ensure_ascii=False))
    assert json.loads(written) == text
    assert not any("\x7f" <= character <= "\x9f" or character in "\u202e\u2028" for character in written)


def test_json_holds_no_character_that_is_there_and_not_seen() -> None:
    """Controls, separators, and format characters, those beyond the first plane too."""
    everything = map(chr, range(0x20, 0x110000))
    unseen = "".join(c for c in everything if unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp"})
    written = escape_json(json.dumps(unseen, ensure_ascii=False))
    assert json.loads(written) == unseen
    assert written.isascii()
