"""Inputs for the masking tests: numbers in every notation, what surrounds them, and what only looks alike."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from random import Random

    from sidecar.masking import Engine, Finding

# How many inputs a property is tried on; the long run of the suite sets the variable.
LONG = bool(os.environ.get("CHAPERONE_LONG"))
EXAMPLES = 100_000 if LONG else 100
FEEDS = 1_000_000 if LONG else 2_000

PLAIN_CASES = [
    ("4111111111111111", "411111******1111"),
    ("x 4111 1111 1111 1111 y", "x 4111 11** **** 1111 y"),
    ("card4111-1111-1111-1111_", "card4111-11**-****-1111_"),
    ("12 4111111111111111 5555555555554444", "12 411111******1111 555555******4444"),
    ("3782 822463 10005", "3782 82**** *0005"),
    ("4222222222222", "422222***2222"),
    ("41111111111111111111", "41111111111111111111"),
    ("4111111111111112", "4111111111111112"),
    ("411111******1111", "411111******1111"),
]

NUMBERS = [
    b"4111111111111111",
    b"5555555555554444",
    b"378282246310005",
    b"30569309025904",
    b"6011000990139424",
    b"6212345678901232",
    b"4222222222222",
    b"6759649826438453",
    b"3530111333300000",
    b"2223003122003222",
    b"676770000005",
]
SEPARATORS = [
    b" ", b"-", b".", b"/", b"_", b"\t", b"+", b"  ", b"   ", b" - ", b",",
    "\u00a0".encode(), "\u2009".encode(),
    "\u2011".encode(), "\u2013".encode(), "\u200b".encode(), "\u00ad".encode(), b"%20", b"%2D", b"\\u0020",
    b"\\u00a0", b"&nbsp;", b"\x1b[31m", b"\x1b[0m\x1b[K", b"\x1b[C", b"%C2%A0", b"\xa0",
    b"%2520", b"=20", b"=2D", b"=\r\n", b"=\n", b"&ensp;", b"&shy;", b"&#x20;", b"&#8209;", b"\\040",
    b" =\r\n", b"-=\n", b"=\n ", b"\\u{20}", b"%u0020",
    "\u05be".encode(), "\u2e3a".encode(), "\u2066".encode(), "\ufe0f".encode(), b"%E3%80%80", b"%C2%AD",
    b"\\u3000", b"\\xc2\\xa0", b"&#x202f;", b"&#x200b;", b"=C2=A0", b"=E2=80=93",
]  # fmt: skip
OTHERS = [
    b"0200723800010881800016", b"1240x1\x0034567", b"0100\xc2777777777777777",
    b"5A08", b"5713", b";", b"37", b"=2512101", b"D2512101",
    b"%3D2512101", b"\\u003d2512101", b"%3D", b"25", b"12101",
    b"%5EDOE%2FJOHN%5E2512101", b"%5e", b"\\u005e", b"\\u005e" + b"N" * 78 + b"\\u005e", b"^DOE/JOHN^",
    b"^^", b"\x1b[m\x1b[K=", b"\x1b[m^", b"&#61;25",
    b"^DOE/JOHN^2512101", b"%B", b"cvv=", b"CVC2: ", b'"cvv": "', b"pin=", b"security code: ", b"123",
    b'["cvv"]=>\n  string(3) "', b'name="cvv"\r\n\r\n', b"<td>CVV</td>\n<td>", b"**CVV:** ", b"cvv: Some(",
    b'{"pin":{"N":', b"cvv........: ", b"pin entered: ", "\u2502 cvv \u2502 ".encode(), b'cvv:\n103) "',
    b"cvv            | ", b"pin:              ", b"cvv: |-\n  ", b" \xe2\x86\x92 ", b"cvv: Int32(",
    b"             ",
    b"5A8108", b"5a 08  41 11 ",
    b"4567", b"0.", b"blk_-", b"imei=", b"+", b"DE89370400440532013000", b"DE89 3704 0044 0532 0130 00",
    b"GB29NWBK60161331926819", b"abcdef0123456789abcdef01", b"550e8400-e29b-41d4-a716-446655440000",
    b"a", b"x", b" ", b"\n", b",", b"=", b"^", b"%", b"\\", b"\x1b", b"\x1b[", b"\xe2", b"\xe2\x80",
    b"\xef\xbc", b"\x00", b"&", b"D", b"3", b"-", b'"', b"?", b"1700000000000",
    b"1.", b"E", b"e+", b"E15", b"e+15", b"E1", b"+", b" \xe2\x80\x93 ",
    b"0", b"000", b"00000000", b"16", b"15", b"19", b"=2", b"=\r", b"&en", b"\x08", b"_", b"_\x08", b"4\x08",
    b"\\0", b"    ", b"1 2 3 4\n", b",", b"=C2=", b"=E2=80", b"\\U0001f4b3", b"\\342\\200\\223", b"&#X20;",
]  # fmt: skip


class AnyMasker(Protocol):
    """A masker of a pipe, a terminal, a keyboard or base64."""

    def feed(self, data: bytes) -> bytes: ...
    def close(self) -> bytes: ...
    def take_findings(self) -> list[Finding]: ...


def run(engine: Engine, pieces: Iterable[bytes]) -> tuple[bytes, list[Finding]]:
    """What comes out of one stream for ``pieces``, and what was found."""
    return put_through(engine.stream(), pieces)


def put_through(masker: AnyMasker, pieces: Iterable[bytes]) -> tuple[bytes, list[Finding]]:
    """What comes out of a masker of any kind for ``pieces``, and what was found."""
    out = b"".join(masker.feed(piece) for piece in pieces) + masker.close()
    return out, masker.take_findings()


def cut_everywhere(masker: Callable[[], AnyMasker], data: bytes) -> tuple[bytes, list[Finding]]:
    """What comes out of a masker for the whole, as must every cut in two and every byte alone."""
    whole = put_through(masker(), [data])
    for cut in range(1, len(data)):
        assert put_through(masker(), [data[:cut], data[cut:]]) == whole
    assert put_through(masker(), [data[at : at + 1] for at in range(len(data))]) == whole
    return whole


def grouped(number: bytes, separator: bytes) -> bytes:
    """``number`` in the groups its brand uses, ``separator`` between them."""
    if len(number) == 15:
        return separator.join((number[:4], number[4:10], number[10:]))
    return separator.join(number[at : at + 4] for at in range(0, len(number), 4))


def as_float(number: bytes, exponent: bytes) -> bytes:
    """``number`` as programs print floating-point numbers: the zeros at its end are left out."""
    return b"%c.%s%s%d" % (number[0], number[1:].rstrip(b"0"), exponent, len(number) - 1)


def by_thousands(number: bytes, separator: bytes) -> bytes:
    """``number`` with ``separator`` before every three digits, counted from its end."""
    lead = len(number) % 3
    groups = [number[:lead], *(number[at : at + 3] for at in range(lead, len(number), 3))]
    return separator.join(group for group in groups if group)


def scattered_by(number: bytes, rng: Random) -> bytes:
    """``number`` with up to three blanks behind most of its digits."""
    return b"".join(b"%c" % byte + b" " * rng.choice((0, 1, 1, 1, 2, 3)) for byte in number).strip()


def _notations(number: bytes) -> list[bytes]:
    digits = [b"%c" % byte for byte in number]
    return [
        number,
        b"".join(b"%3" + digit for digit in digits),
        b"".join(b"\\u003" + digit for digit in digits),
        b"".join(b"&#%d;" % byte for byte in number),
        b"".join(b"&#%03d;" % byte for byte in number),
        b"".join(b"&#x%04x;" % byte for byte in number),
        b"".join(b"\\%03o" % byte for byte in number),
        b"".join(b"\xef\xbc" + bytes([byte + 0x60]) for byte in number),
        b"".join(b"\\uff1" + digit for digit in digits),
        b"".join(b"%EF%BC%9" + digit for digit in digits),
        b"".join(b"\\u066" + digit for digit in digits),
        b"".join(b"%DB%B" + digit for digit in digits),
        number.decode().encode("utf-16-le"),
        number.decode().encode("utf-16-be"),
        b"".join(b"%02x" % byte for byte in number),
        b" ".join(b"%02x" % byte for byte in number),
        b" ".join(digits),
        b"".join(digit + b"\x08" + digit for digit in digits),
        b"".join(b"_\x08" + digit for digit in digits),
        b"000" + number,
        b"%d" % len(number) + number,
    ]


def notated() -> st.SearchStrategy[bytes]:
    """A valid number in any notation."""
    written = st.sampled_from(NUMBERS).flatmap(lambda number: st.sampled_from(_notations(number)))
    spaced = st.tuples(st.sampled_from(NUMBERS), st.sampled_from(SEPARATORS)).map(lambda pair: grouped(*pair))
    thousands = st.sampled_from(NUMBERS).map(lambda number: by_thousands(number, b","))
    scattered = st.tuples(st.sampled_from(NUMBERS), st.randoms(use_true_random=False))
    floats = st.tuples(st.sampled_from(NUMBERS), st.sampled_from([b"E", b"e+", b"e", b"E+"]))
    thousands |= floats.map(lambda pair: as_float(*pair))
    return written | spaced | thousands | scattered.map(lambda pair: scattered_by(*pair))


def fragments() -> st.SearchStrategy[bytes]:
    """Numbers among separators, keys, escapes cut short and look-alikes."""
    part = (
        notated() | st.sampled_from(SEPARATORS) | st.sampled_from(OTHERS) | st.from_regex(rb"\A[0-9]{1,30}\Z")
    )
    return st.lists(part, max_size=8).map(b"".join)
