"""Search finds what a person could read, and what it finds cannot forge anything."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.collector.plain_text import plain_text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"", ""),
        (b"plain line\n", "plain line"),
        (b"one\r\ntwo\r\n", "one\ntwo"),
        (b"\n\nfar apart\n\n", "far apart"),
        (b"\x1b[1;31mred\x1b[0m and \x1b[4mlined\x1b[m", "red and lined"),
        (b"\x1b]0;title\x07\x1b[?2004hagent@pod:~$ ls\r\n", "agent@pod:~$ ls"),
        (b"\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\", "link"),
        (b"\x1bP1$r0m\x1b\\after", "after"),
        (b"\x1b(Bcharset\x1b7saved\x1b8", "charsetsaved"),
        (b"\x1b]an unfinished command is shown", "an unfinished command is shown"),
        (b"\x1b[38;5;196munfinished \x1b[38", "unfinished 38"),
        (b"10%\r50%\r100%\n", "10%\n50%\n100%"),
        (b"lx\b \bs -l", "ls -l"),
        (b"secret\b\b\b\b\b\b", "secret"),
        (b"N\bNA\bAM\bME\bE", "NAME"),
        (b"pasx\x7fsword", "pasxsword"[:3] + "sword"),
        (b"\x7f\x7f\b", ""),
        (b"abcX\b\x1b[K", "abcX\nabc"),
        (b"cat /tmp/xy\x1b[2D\x1b[Kz", "cat /tmp/xy\ncat /tmp/z"),
        (b"ech hi\x1b[3D\x1b[1@o", "echo hi"),
        (b"echoo hi\x1b[4D\x1b[P", "echoo hi\necho hi"),
        (b"hidden\x1b[2K", "hidden"),
        (b"hidden\x1b[1K\x1b[1Gshown", "hidden\nshown"),
        (b"a\x1b[3Cb\x1b[1Gc\x1b[9Gd", "c   b   d"),
        (b"x\x1b[9999Cy\x1b[9999Gz", "x" + " " * 998 + "z"),
        (b"secret\x1b[2X\x1b[6D\x1b[2X", "secret\n  cret"),
        (b"up \x1b[2A\x1b[10;20Hover", "up over"),
        (b"tab\tseparated", "tab separated"),
        ("Grüße aus Köln, 你好".encode(), "Grüße aus Köln, 你好"),
        (b"bell\x07 and n\x00u\x00l end", "bell and nul end"),
        ("left\u202eright\u2066x".encode(), "leftrightx"),
        (
            b"\x7fELF\x02\x01" + bytes(300) + b"password=x\x00\xff\xfe ab\x00libc.so.6",
            "password=x\nlibc.so.6",
        ),
        (b"\x00\x01\x02\x03\x04\x05", ""),
    ],
)
def test_what_is_left(raw: bytes, text: str) -> None:
    assert plain_text(raw) == text


@given(
    st.lists(
        st.sampled_from(
            [b"number", b"\b", b"\x1b[K", b"\x1b[1K", b"\x1b[2K", b"\x1b[3D", b"\x1b[2P", b"\x1b[4X"]
        )
    )
)
def test_what_was_erased_is_found_all_the_same(pieces: list[bytes]) -> None:
    assert "hidden" in plain_text(b"hidden" + b"".join(piece for piece in pieces if piece != b"number"))
    text = plain_text(b"".join(pieces))
    assert len(text) <= 18 * (1 + sum(map(len, pieces)))


@given(st.binary(max_size=500))
def test_nothing_is_left_that_could_forge(raw: bytes) -> None:
    text = plain_text(raw)
    assert all(character == "\n" or unicodedata.category(character) not in {"Cc", "Cs"} for character in text)
    assert not set(text) & set("\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")


@given(st.text(st.characters(max_codepoint=0x24F, exclude_categories=["Cc", "Cf", "Zs"])))
def test_printable_text_is_kept(text: str) -> None:
    assert plain_text(text.encode()) == text
