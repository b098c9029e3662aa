"""What is typed at a terminal is recorded masked, as the line that it makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from masking_inputs import EXAMPLES, NUMBERS, cut_everywhere, put_through

from sidecar.masking import Engine, Finding, Profile

if TYPE_CHECKING:
    from collections.abc import Iterable

CASES = [
    ("4111111111111111\r", "411111******1111\r"),
    ("4111111112\x7f1111111\r", "411111****\x7f***1111\r"),
    ("4111111112\b1111111\r", "411111****\b***1111\r"),
    ("41111111999\x154111111111111111\r", "411111*****\x15411111******1111\r"),
    ("pay 41111111\x174111111111111111\r", "pay 411111**\x17411111******1111\r"),
    ("41111111111111\x1b[D\x1b[D11\r", "411111******11\x1b[D\x1b[D11\r"),
    ("4111111111111111 x\x01ls \x05y\r", "411111******1111 x\x01ls \x05y\r"),
    ("9411111111\x01\x1b[3~\x051111111\r", "9411111***\x01\x1b[3~\x05***1111\r"),
    ("\x1b[200~4111111111111111\x1b[201~\r", "\x1b[200~411111******1111\x1b[201~\r"),
    ("cvv=12\x7f34\r", "cvv=**\x7f**\r"),
    ("4111111\x1b[A1111111111\r", "4111111\x1b[A1111111111\r"),
    ("a\x01b\x05 3a 20 32 32 32 31 34 33\r\n 38 36 37 39 39 33 38 30 34 33 30 0a\r\n",
     "a\x01b\x05 3a 20 32 32 32 31 34 33\r\n 38 36 37 39 2a 2a 2a 30 34 33 30 0a\r\n"),
    ("ls -l\rcat x\r\x04", "ls -l\rcat x\r\x04"),
]  # fmt: skip


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.load(Profile.STRICT)


def run(engine: Engine, pieces: Iterable[bytes]) -> tuple[bytes, list[Finding]]:
    return put_through(engine.keyboard(), pieces)


@pytest.mark.parametrize(("typed", "masked"), CASES)
def test_case(engine: Engine, typed: str, masked: str) -> None:
    data = typed.encode()
    assert cut_everywhere(engine.keyboard, data)[0].decode() == masked


_KEYS = [
    b"\b", b"\x7f", b"\x17", b"\x15", b"\x0b", b"\x01", b"\x05", b"\x1b[D", b"\x1bOD", b"\x1b[C", b"\x1b[3~",
    b"\r", b"\n", b" ", b"-", b"\t", b"a", b"cvv=123", b"\x1b[A", b"\x1b", b"\x1b[200~", b"\xc3\xa9",
    b"\xe4\xb8\xad", b"\xe2\x80", b"\x1b[", b"\x03", b"\x00", b"\x1bb", b"\x1bf", b"\x1bd", b"\x1b[1;5D",
]  # fmt: skip


@settings(deadline=None, max_examples=EXAMPLES)
@given(
    keys=st.lists(
        st.sampled_from(_KEYS)
        | st.sampled_from(NUMBERS)
        | st.tuples(st.sampled_from(NUMBERS), st.integers(1, 15)).map(lambda pair: pair[0][: pair[1]]),
        max_size=14,
    ),
    sizes=st.lists(st.integers(1, 20), max_size=30),
)
def test_random_pieces_give_the_same(engine: Engine, keys: list[bytes], sizes: list[int]) -> None:
    data = b"".join(keys)
    pieces: list[bytes] = []
    at = 0
    for size in sizes:
        pieces.append(data[at : at + size])
        at += size
    whole = run(engine, [data])
    assert len(whole[0]) == len(data)
    assert run(engine, [*pieces, data[at:]]) == whole
    assert run(engine, [bytes([byte]) for byte in data]) == whole


@pytest.mark.parametrize("piece", [b"1\x7f", b"11\x7f", b"1\x1b[D", b"1\x01", b"\x1b[1"])
def test_what_waits_is_bounded(engine: Engine, piece: bytes) -> None:
    masker = engine.keyboard()
    masker.feed(b"41111111")
    for _ in range(1300):  # what may wait is full after 1100, a byte each
        masker.feed(piece)
        assert masker.held <= 1100
