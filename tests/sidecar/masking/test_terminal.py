"""What a program shows on a terminal is masked as it stands there, however it was sent."""

from __future__ import annotations

import re
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from masking_inputs import EXAMPLES, NUMBERS, cut_everywhere, put_through

from sidecar.masking import Engine, Finding, Profile, TerminalMasker, edited

if TYPE_CHECKING:
    from collections.abc import Iterable

N = "4111111111111111"
ROW = "x" * 70
AWAY = "\x1b[1;1H41111111\x1b[24;1H"
# How vim makes room for the next row of a line that is typed.
OPENED = "\x1b[2;1H\x1b[2;23r\x1b[2;1H\x1b[L\x1b[1;24r\x1b[2;1H"


def ruled(text: str, column: int = 1, row: int = 1) -> str:
    """``text`` as an editor sends it that shows the column beside every key; blanks are there already."""
    keys = [f"{key.strip(' ')}\x1b[24;65H{at + 1}\x1b[{row};{at + 1}H" for at, key in enumerate(text, column)]
    return f"\x1b[{row};{column}H" + "".join(keys)


CASES = [
    # plain text goes through
    (f"$ cat\r\n{N}\r\n\x1b[32mok\x1b[0m\r\n", "$ cat\r\n411111******1111\r\n\x1b[32mok\x1b[0m\r\n"),
    # a key is erased: as the kernel echoes it, as readline does, with deletions
    ("4111111112\b \b1111111\r\n", "411111****\b \b***1111\r\n"),
    ("4111111112\b\x1b[K1111111\r\n", "411111****\b\x1b[K***1111\r\n"),
    ("4111111112\x1b[D\x1b[P1111111\r\n", "411111****\x1b[D\x1b[P***1111\r\n"),
    ("41111119\b \b\b \b\b \b11111111111\x07\r\n", "411111**\b \b\b \b\b \b1******1111\x07\r\n"),
    (N + "\b \b" * 16 + "ls\r\n", "411111" + "*" * 10 + "\b \b" * 16 + "ls\r\n"),
    # a key is put in between; the rest is drawn again
    (f"411111111111111\b\b\b1111{chr(8) * 3}\r\n", f"411111*********\b\b\b1111{chr(8) * 3}\r\n"),
    # the line is drawn again
    (f"$ 4111111\r$ 41111111\r$ {N}\r\n", "$ 411111*\r$ 411111**\r$ 411111******1111\r\n"),
    (f"$ 41111111\x1b[2K\x1b[G$ {N}\r\n", "$ 411111**\x1b[2K\x1b[G$ 411111******1111\r\n"),
    # every digit put where it belongs
    ("41111111\x1b[9G11111111\r\n", "411111**\x1b[9G****1111\r\n"),
    ("\x1b[5;1H41111111\x1b[5;9H11111111\x1b[6;1Hx", "\x1b[5;1H411111**\x1b[5;9H****1111\x1b[6;1Hx"),
    # the end of a row: readline's way, and that of programs that know the width
    (f"{ROW}4111111111 \r111111\r\n", f"{ROW}411111**** \r**1111\r\n"),
    (f"{ROW}4111111111\r\n111111\r\n", f"{ROW}411111****\r\n**1111\r\n"),
    (f"{ROW}4111 1111 \r\n1111 1111\r\n", f"{ROW}4111 11** \r\n**** 1111\r\n"),
    (f"x{ROW}4111111111\r\n111111\r\n", f"x{ROW}4111111111\r\n111111\r\n"),
    # that of less
    (f"{ROW}4111111111 \b111111\r\n", f"{ROW}411111**** \b**1111\r\n"),
    # the next row is addressed: as vim does, which sends what is in the margin twice, and as watch does
    (f"a\r\n{ROW}41111111111\x1b[3;1H111111 tail\r\n", f"a\r\n{ROW}411111*****\x1b[3;1H**1111 tail\r\n"),
    (f"\x1b[2;1H{ROW}41111111111\x1b[3;1H111111 x", f"\x1b[2;1H{ROW}411111*****\x1b[3;1H**1111 x"),
    (f"\x1b[2;7H{ROW[6:]}4111 1111  \x1b[3;1H1111 1111\r\n",
     f"\x1b[2;7H{ROW[6:]}4111 11**  \x1b[3;1H**** 1111\r\n"),
    (f"{ROW[6:]}{N}1\x1b[3;1Htail", f"{ROW[6:]}411111******1111*\x1b[3;1Htail"),
    (f"a\r\x1b[4d{ROW}4111111111\x1b[5;1H111111 tail\r\n",
     f"a\r\x1b[4d{ROW}411111****\x1b[5;1H**1111 tail\r\n"),
    ("\x1b[3;71H4111111111\x1b[4;1H111111", "\x1b[3;71H411111****\x1b[4;1H**1111"),
    ("\x1b[3;71H4111111111\x1b[4f\x1b[1m111111", "\x1b[3;71H411111****\x1b[4f\x1b[1m**1111"),
    ("\x1b[3;71H4111\x1b[0m111111\x1b[4;1H\x1b[K111111", "\x1b[3;71H4111\x1b[0m11****\x1b[4;1H\x1b[K**1111"),
    ("\x1b[3;71H0000012345\x1b[4;1H" + N, "\x1b[3;71H0000012345\x1b[4;1H411111******1111"),
    (f"\x1b[3;65H{N}\x1b[4;1H{N}", "\x1b[3;65H411111******1111\x1b[4;1H411111******1111"),
    (f"\x1b[3;65H{N}\x1b[4;1Habcdef01", "\x1b[3;65H411111******1111\x1b[4;1Habcdef01"),
    # within the rows of a line
    ("\x1b[3;71H411111111111\x1b[4;3H1111\x1b[3;80H1\x1b[6H",
     "\x1b[3;71H411111******\x1b[4;3H1111\x1b[3;80H*\x1b[6H"),
    # other rows than the next, and other columns than the first
    ("\x1b[3;71H4111111111\x1b[5;1H111111", "\x1b[3;71H4111111111\x1b[5;1H111111"),
    ("\x1b[3;71H4111111111\x1b[4;2H111111", "\x1b[3;71H4111111111\x1b[4;2H111111"),
    ("\x1b[3;70H4111111111\x1b[4;1H111111", "\x1b[3;70H4111111111\x1b[4;1H111111"),
    # both a full row of its own and the number that begins behind it
    (f"{ROW}0000012345\r\n{N}\r\n", f"{ROW}0000012345\r\n411111******1111\r\n"),
    # what does not move the cursor
    ("41111111\x1b[?25l11111111\r\n", "411111**\x1b[?25l****1111\r\n"),
    ("41111111\x0711111111\r\n", "411111**\x07****1111\r\n"),
    (f"\x1b]0;pay {N}\x07$ ls\r\n", "\x1b]0;pay 411111******1111\x07$ ls\r\n"),
    # overstrike
    ("".join(f"_\b{digit}" for digit in N) + "\r\n",
     "".join(f"_\b{digit}" for digit in "411111******1111") + "\r\n"),
    # codes behind their keys
    ("cvv: 12\b \b34\r\n", "cvv: **\b \b**\r\n"),
    # wide characters take two columns
    ("漢" * 35 + "4111111111\r\n111111\r\n", "漢" * 35 + "411111****\r\n**1111\r\n"),
    # typed in an editor with a ruler: the cursor comes back to where the line goes on
    (ruled(N) + "\x1b[2;1H", ruled("411111******1111") + "\x1b[2;1H"),
    (ruled(f"card {N}, x", 7, 3), ruled("card 411111******1111, x", 7, 3)),
    (ruled("4111 1111 1111 1111 x"), ruled("4111 11** **** 1111 x")),
    (ruled("cvv: 123 x"), ruled("cvv: *** x")),
    (ruled("10485760\x1b") + ":", ruled("10485760\x1b") + ":"),
    ("\x1b[1;1H4111111\x1b[24;65H8\x1b[1;8H" + ruled("111111111", 8)[6:] + "x",
     "\x1b[1;1H4111111\x1b[24;65H8\x1b[1;8H" + ruled("*****1111", 8)[6:] + "x"),
    # what is written meanwhile is a text of its own
    (f"\x1b[1;1H4111\x1b[24;1H{N}\x1b[1;5H{N[4:]} ",
     "\x1b[1;1H4111\x1b[24;1H411111******1111\x1b[1;5H11******1111 "),
    # a wrong key is erased
    (ruled("411111112") + "\x1b[24;65H9\x1b[1;9H" + ruled("11111111", 9)[6:] + "x",
     ruled("411111***") + "\x1b[24;65H9\x1b[1;9H" + ruled("****1111", 9)[6:] + "x"),
    # over the end of a row, where vim opens the next
    (ruled(ROW[1:] + N[:11]) + OPENED + ruled(N[11:], 1, 2)[6:] + " ",
     ruled(ROW[1:] + "411111*****") + OPENED + ruled("*1111", 1, 2)[6:] + " "),
    # to another cell, another row, or where more has happened than a look elsewhere
    (f"{AWAY}x\x1b[1;11H11111111", f"{AWAY}x\x1b[1;11H11111111"),
    (f"{AWAY}x\x1b[2;9H11111111", f"{AWAY}x\x1b[2;9H11111111"),
    (f"{AWAY}x\r\n\x1b[1;9H11111111", f"{AWAY}x\r\n\x1b[1;9H11111111"),
    (f"{AWAY}\x1b[J\x1b[1;9H11111111", f"{AWAY}\x1b[J\x1b[1;9H11111111"),
    # other rows are other lines
    ("4111 1111\x1b[3;7H1111 1111\r\n", "4111 1111\x1b[3;7H1111 1111\r\n"),
    ("12%\r13%\r14%\r100%\r\n", "12%\r13%\r14%\r100%\r\n"),
]  # fmt: skip


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.load(Profile.STRICT)


def run(engine: Engine, pieces: Iterable[bytes], columns: int = 80) -> tuple[bytes, list[Finding]]:
    return put_through(engine.terminal(columns), pieces)


@pytest.mark.parametrize(("shown", "masked"), CASES)
def test_case(engine: Engine, shown: str, masked: str) -> None:
    data = shown.encode()
    assert cut_everywhere(lambda: engine.terminal(80), data)[0].decode() == masked


def test_findings_say_where_it_came(engine: Engine) -> None:
    _, findings = run(engine, [b"ok\r\nn 4111111112\b \b1111111\r\n4111111111111111\r\n"])
    assert [(finding.offset, finding.length) for finding in findings] == [(6, 20), (28, 16)]
    assert all("4111" not in repr(finding) for finding in findings)


@pytest.mark.parametrize(
    "undo", ["\x1b[1K", "\b\b", "\r\x1b[2K", "\r$ ls", "\x1b[40X\x1b[G", "\r" + "\x1b[P" * 60]
)
def test_what_was_hidden_of_a_track_is_found_though_it_is_erased(engine: Engine, undo: str) -> None:
    """The end of a track goes out hidden before it is known where it ends."""
    shown = f"%B{N}^DOE/JOHN^2512101 \\u0020 abc".encode()
    data = shown + undo.encode() + b"done\r\n"
    out, findings = cut_everywhere(lambda: engine.terminal(80), data)
    inside = {at for found in findings for at in range(found.offset, found.offset + found.length)}
    changed = {at for at in range(len(data)) if out[at] != data[at]}
    assert set(range(29, len(shown))) <= changed <= inside
    assert [(finding.rule, finding.offset) for finding in findings].count(("track1", 2)) == 1


@pytest.mark.parametrize("end", ["abc\x1b[5C", "abc\x1b[1;31m", "\x1b[65Cabc def", "\x1b[C\x1b[0K abc"])
@pytest.mark.parametrize("undo", ["\x1b[1K", "\b\b", "\r\x1b[2K", "\r$ ls", ""])
def test_what_is_hidden_with_a_track_is_within_its_finding(engine: Engine, end: str, undo: str) -> None:
    """Colours and steps to the right, too, which are hidden with it until the line is edited."""
    data = f"%B{N}^DOE/JOHN^2512101{end}{undo}done\r\n".encode()
    whole = run(engine, [data], 200)
    assert run(engine, [bytes([byte]) for byte in data], 200) == whole
    out, findings = whole
    inside = {at for found in findings for at in range(found.offset, found.offset + found.length)}
    assert {at for at in range(len(data)) if out[at] != data[at]} <= inside
    assert [(finding.rule, finding.offset) for finding in findings] == [("pan", 2), ("track1", 2)]


def test_a_track_that_is_shortened_is_found_once(engine: Engine) -> None:
    """Where the line is gone back to its end had not come yet."""
    track = f"{'x' * 8}%B{N}^DOE/JOHN^2512101{'x' * 60}".encode()
    _, findings = run(engine, [track + b"\x1b[6D\x1b[K\x1b[2K\r\n"], 200)
    assert [(finding.rule, finding.offset) for finding in findings] == [("pan", 10), ("track1", 10)]


@pytest.mark.parametrize("shown", [f"card {N} x", f"%B{N}^DOE/JOHN^2512101 1", "cvv=123;x"])
def test_a_line_that_is_drawn_again_for_ever_takes_no_more_memory(
    engine: Engine, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edited, "MOST_SEEN", 16)
    masker = engine.terminal(80)
    sizes: list[int] = []
    found = 0
    for count in (500, 500, 1500):  # the first fills what Python keeps of expressions
        for _ in range(count):
            masker.feed(f"\r{shown}".encode())
            found += len(masker.take_findings())
        sizes.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.start()
    tracemalloc.stop()
    assert found >= 2400
    assert sizes[2] < sizes[1] + 150_000


def test_what_was_found_before_a_line_is_followed_is_remembered(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = f"{N}^DOE/JOHN^\x1b[65Cé378282246310005x\x1b[A".encode()
    whole = run(engine, [data], 200)
    monkeypatch.setattr(edited, "MOST_SEEN", 1)
    assert run(engine, [data], 200) == whole


def test_a_number_is_found_once_though_the_cursor_was_elsewhere_meanwhile(engine: Engine) -> None:
    for shown in (
        f"\x1b[1;1H{N}\x1b[24;65H8\x1b[1;17H x",
        ruled(f"{N} x"),
        f"\x1b[1;1H{N}\x1b[24;65H8\x1b[1;17H",
    ):
        _, findings = run(engine, [shown.encode()])
        assert [finding.rule for finding in findings] == ["pan"]


def test_what_is_typed_beside_a_ruler_is_shown_when_the_cursor_moves_on(engine: Engine) -> None:
    """Six digits at once, and all of what is no card as soon as the cursor is put elsewhere."""
    masker = engine.terminal(80)
    keys = ruled("104857")
    assert masker.feed(keys.encode()) == keys.encode()
    rest = ruled("60", 7)[6:]
    assert masker.feed(rest.encode()) == b""
    down = b"\x1b[24;63H2,9\x1b[2;9H"
    assert masker.feed(down) == rest.encode() + down


@pytest.mark.parametrize(
    "piece", [b"\x1b[24;63H1\x1b[1;9H", b"1\b\x1b[24;63H1\x1b[1;9H", b"\x1b[24;63H1\x1b[2;1H1"]
)
def test_what_waits_for_the_cursor_is_bounded(engine: Engine, piece: bytes) -> None:
    masker = engine.terminal(80)
    masker.feed(ruled("41111111").encode())
    for _ in range(1300):
        masker.feed(piece)
        assert masker.held <= 1100


def test_the_first_six_digits_are_echoed_at_once(engine: Engine) -> None:
    masker = engine.terminal(80)
    keys = [b"$", b" ", b"\b", b" ", b"4", b"1", b"1", b"1", b"1", b"1", b"1"]
    assert [masker.feed(key) for key in keys] == [*keys[:-1], b""]


def test_text_is_shown_at_once(engine: Engine) -> None:
    masker = engine.terminal(80)
    for piece in (
        b"\x1b[?2004h",
        b"$ ",
        b"l",
        b"s",
        b"\b \b",
        b"\x1b[K",
        b"\r\n",
        "é".encode(),
        b"\t",
        b"\x07",
    ):
        assert masker.feed(piece) == piece


def test_the_width_changes(engine: Engine) -> None:
    masker = engine.terminal(80)
    assert masker.feed(b"$ \r\n") == b"$ \r\n"
    masker.resize(20)
    row = b"xxxxxxxxxx4111111111"
    assert masker.feed(row + b"\r\n111111x\r\n") == row[:-4] + b"****\r\n**1111x\r\n"
    masker.resize(0)
    assert masker.feed(row + b"\r\n111111x\r\n") == row + b"\r\n111111x\r\n"


@pytest.mark.parametrize(
    "piece",
    [
        *(
            b"1\b",
            b"1\b1",
            b"11\b",
            b"1\x1b[D",
            b"1\x1b[C",
            b"1\x1b[@",
            b"4111111 \b",
            b"1\x1b[2b",
            b"\x1b]1",
        ),
        *(b"\r", b" \r"),
    ],
)
def test_what_waits_is_bounded(engine: Engine, piece: bytes) -> None:
    masker = engine.terminal(80)
    masker.feed(b"41111111")
    for _ in range(1300):  # what may wait is full after 1100, a byte each
        masker.feed(piece)
        assert masker.held <= 1100


@pytest.mark.parametrize("count", [7, 8, 9, 30])
@pytest.mark.parametrize("before", ["12%", f"{ROW}4111111111", f"{ROW}411111111 "])
def test_any_number_of_returns(engine: Engine, count: int, before: str) -> None:
    data = (before + "\r" * count + f"\n111111\r\n{N}" + "\r" * count).encode()
    whole = run(engine, [data])
    assert whole[0][-16 - count :] == b"411111******1111" + b"\r" * count
    for cut in range(len(before), len(data)):
        assert run(engine, [data[:cut], data[cut:]]) == whole
    assert run(engine, [bytes([byte]) for byte in data]) == whole


def test_more_blanks_than_may_wait_are_the_same_however_they_came(engine: Engine) -> None:
    shown = b"9\x08^DOE/JOHN^2512101" + b" " * 1200 + b"0827"
    cut_everywhere(lambda: engine.terminal(80), shown)


def _parts() -> st.SearchStrategy[bytes]:
    edits = st.sampled_from([
        b"\b", b"\b \b", b"\b\x1b[K", b"\x1b[D", b"\x1b[P", b"\x1b[C", b"\r", b"\r\n", b"\n", b" \r", b" ",
        b"\x1b[K", b"\x1b[31m", b"\x1b[0m", b"\x07", b"\x1b[?25l", b"\t", b"a", b"cvv=123", b"\x1b[3G",
        b"\x1b[2K", b"\x1b[A", b"\x1b[H", b"\x1b[1;5H", b"\x1b]0;4111111111111111\x07", b"\xc3\xa9",
        b"\xe4\xb8\xad", b"\xe2\x80", b"\x1b[", b"\x1b", b"\x00", b"\x7f", b"\x1b[2@", b"\x1b[3X", b"\x1b[4h",
        b"\x1b[4l", b"\x1b[2b", b"$ ", b"_\b", b"\xef\xbc\x94",
        b"\r\r\n", b"\r" * 9, b" \b", b"\x1b[2;1H", b"\x1b[3H", b"\x1b[2d", b"\x1b[2;23r", b"\x1b[L",
        b"\x1b[1;9H", b"\x1b[2;2H", b"7" * 10,
    ])  # fmt: skip
    pieces = st.tuples(st.sampled_from(NUMBERS), st.integers(1, 15)).map(lambda pair: pair[0][: pair[1]])
    typed = st.tuples(st.sampled_from(NUMBERS), st.integers(1, 12), st.integers(1, 3))
    ruler = typed.map(lambda of: ruled(of[0].decode(), of[1], of[2]).encode())
    return (
        edits
        | pieces
        | ruler
        | st.sampled_from(NUMBERS)
        | st.integers(1, 18).map(lambda count: b"\b \b" * count)
    )


@settings(deadline=None, max_examples=EXAMPLES)
@given(
    parts=st.lists(_parts(), max_size=14),
    columns=st.sampled_from([10, 16, 20, 80]),
    sizes=st.lists(st.integers(1, 20), max_size=30),
)
def test_random_pieces_give_the_same(
    engine: Engine, parts: list[bytes], columns: int, sizes: list[int]
) -> None:
    data = b"".join(parts)
    pieces: list[bytes] = []
    at = 0
    for size in sizes:
        pieces.append(data[at : at + size])
        at += size
    whole = run(engine, [data], columns)
    assert len(whole[0]) == len(data)
    assert run(engine, [*pieces, data[at:]], columns) == whole
    assert run(engine, [bytes([byte]) for byte in data], columns) == whole


@settings(deadline=None, max_examples=EXAMPLES)
@given(parts=st.lists(_parts(), max_size=20), every=st.integers(1, 20))
def test_an_edit_goes_back_no_further_than_it_must(engine: Engine, parts: list[bytes], every: int) -> None:
    """However far apart the places are that an edit goes back to, and however few findings are remembered."""
    data = b"".join(parts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(edited, "MARK_EVERY", 1 << 30)
        whole = run(engine, [data], 200)
        patch.setattr(edited, "MARK_EVERY", every)
        patch.setattr(edited, "MOST_SEEN", 1)
        assert run(engine, [data], 200) == whole


_words = st.sampled_from(
    [b"paid ", b"card", b" = ", b"12", b"\r\n", b"2026-11-23 ", b"-", b"x" * 300 + b"\r\n"]
)


@settings(deadline=None, max_examples=EXAMPLES)
@given(parts=st.lists(_words | st.sampled_from(NUMBERS), max_size=20))
def test_text_without_edits_is_masked_as_anywhere(engine: Engine, parts: list[bytes]) -> None:
    data = b"".join(parts)
    assert run(engine, [data], 1000) == (*engine.masks()(data),)


@settings(deadline=None, max_examples=EXAMPLES)
@given(
    number=st.sampled_from([number for number in NUMBERS if len(number) > 12]),
    typed=st.lists(st.integers(0, 9) | st.none(), max_size=40),
)
def test_what_is_typed_shows_ten_digits_at_most(
    engine: Engine, number: bytes, typed: list[int | None]
) -> None:
    """Wrong keys are erased before the next right one; the screen shows the number masked."""
    echoed = b""
    rest = number
    for key in typed:
        if key is None and rest:
            echoed, rest = echoed + rest[:1], rest[1:]
        elif key is not None:
            echoed += b"%d\b \b" % key
    out, _ = run(engine, [b"$ " + echoed + rest + b"\r\n"])
    screen = _screen(out)
    hidden = len(number) - 10
    assert screen == b"$ " + number[:6] + b"*" * hidden + number[-4:]


@settings(deadline=None, max_examples=EXAMPLES)
@given(
    number=st.sampled_from([number for number in NUMBERS if len(number) > 12]),
    bursts=st.lists(st.integers(1, 6), max_size=19),
    wrong=st.sets(st.integers(0, 18)),
    column=st.integers(1, 60),
)
def test_what_is_typed_beside_a_ruler_shows_ten_digits_at_most(
    engine: Engine, number: bytes, bursts: list[int], wrong: set[int], column: int
) -> None:
    """However many keys come between two looks at the ruler; a wrong key is erased before the next."""
    typed = b"\x1b[2;%dHx" % column
    at = 0
    for burst in [*bursts, *[1] * len(number)]:
        if at < len(number) and at in wrong:
            typed += b"7\x1b[24;65H%d\x1b[2;%dH\x1b[24;65H" % (at + 2, column + at + 2)
            typed += b"%d\x1b[2;%dH" % (at + 1, column + at + 1)
        typed += number[at : at + burst]
        at = min(len(number), at + burst)
        typed += b"\x1b[24;65H%d\x1b[2;%dH" % (at, column + at + 1)
    out, _ = run(engine, [typed + b" \x1b[5;1H"])
    rows = _rows(out)
    assert rows[2].strip() == b"x" + number[:6] + b"*" * (len(number) - 10) + number[-4:]


def _rows(out: bytes) -> dict[int, bytes]:
    """The rows of a screen that knows only characters and CUP."""
    rows: dict[int, bytearray] = {}
    row = column = 1
    for place, key in re.findall(rb"\x1b\[([0-9;]+)H|(.)", out):
        if place:
            row, column = map(int, place.split(b";"))
            continue
        line = rows.setdefault(row, bytearray(b" " * 200))
        line[column - 1 : column] = key
        column += 1
    return {row: bytes(line) for row, line in rows.items()}


def _screen(out: bytes) -> bytes:
    """The line as a terminal shows it that knows only characters, BS, CR and LF."""
    line = bytearray()
    at = 0
    for byte in out:
        if byte == 8:
            at = max(0, at - 1)
        elif byte >= 32:
            line[at : at + 1] = bytes([byte])
            at += 1
    return bytes(line).rstrip()


def test_a_masker_of_a_terminal_is_one_masker(engine: Engine) -> None:
    assert isinstance(engine.terminal(), TerminalMasker)
    masker = engine.terminal()
    masker.feed(b"4111111111111111")
    assert masker.close() == b"******1111"
    assert masker.close() == b""
