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


@given(st.binary(max_size=500))
def test_nothing_is_left_that_could_forge(raw: bytes) -> None:
    text = plain_text(raw)
    assert all(character == "\n" or unicodedata.category(character) not in {"Cc", "Cs"} for character in text)
    assert not set(text) & set("\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")


@given(st.text(st.characters(max_codepoint=0x24F, exclude_categories=["Cc", "Cf", "Zs"])))
def test_printable_text_is_kept(text: str) -> None:
    assert plain_text(text.encode()) == text
