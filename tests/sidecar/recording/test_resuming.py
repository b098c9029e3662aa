"""Output whose beginning another recorder had: no part of a number, and nothing hidden that need not be."""

import base64
import re
import textwrap
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.recording.resuming import MOST_LEFT_OUT, Resumed

REMARK = b"\nmissing\n"


def shown(*parts: bytes) -> bytes:
    resumed = Resumed(REMARK)
    return b"".join(resumed.feed(part) for part in parts)


@pytest.mark.parametrize(
    ("given_bytes", "expected"),
    [
        (b"0990139424 tail\nnext line 12\n", REMARK + b"**** line 12\n"),
        (b"4111\n1111 1111-1111 after 12\n", REMARK + b"**** ****-**** after 12\n"),
        (b"4111\n1111\n1111\nup 12\n", REMARK + b"****\n****\nup 12\n"),
        (b"tail\r\nsh-5.1$ ", REMARK + b"****.1$ "),
        (b"no end of a line", b""),
        (b"", b""),
    ],
)
def test_the_line_that_was_cut_is_left_out(given_bytes: bytes, expected: bytes) -> None:
    assert shown(given_bytes) == expected


@given(st.text("ab1 \n\r-", max_size=60), st.lists(st.integers(0, 60)))
def test_cuts_change_nothing(text: str, cuts: list[int]) -> None:
    data, places = text.encode(), sorted({0, *cuts})
    parts = [data[a:b] for a, b in zip(places, [*places[1:], None], strict=True)]
    joined = re.sub(rb"^\s+", b"", shown(*parts).removeprefix(REMARK))
    assert joined == re.sub(rb"^\s+", b"", shown(data).removeprefix(REMARK))


def test_so_much_without_the_end_of_a_line_is_shown_again() -> None:
    data = bytes(MOST_LEFT_OUT) + b"1111 rest"
    assert shown(data) == REMARK + b"**** rest"
    assert shown(data[:100], data[100:]) == REMARK + b"**** rest"


def wrapped_hex(data: bytes) -> bytes:
    return "\n".join(textwrap.wrap(data.hex(), 60)).encode()


@pytest.mark.parametrize(
    "encode",
    [base64.encodebytes, wrapped_hex],
    ids=["base64", "hex"],
)
def test_no_later_line_of_an_encoded_number_is_shown(encode: Callable[[bytes], bytes]) -> None:
    encoded = encode(b'{"card": "4111111111111111"}, ' * 20)
    rest = shown(encoded[len(encoded) // 4 :] + b"\nand more 12\n").removeprefix(REMARK)
    assert re.fullmatch(rb"[*\n]+ more 12\n", rest)


def test_the_rest_passes_untouched() -> None:
    resumed = Resumed(REMARK)
    resumed.feed(b"\nx ")
    assert resumed.feed(b"4111\n2222") == b"4111\n2222"
