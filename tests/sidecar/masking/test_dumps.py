"""Hex dumps: a number over any rows is masked in the hex and in the text column, wherever it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from masking_inputs import cut_everywhere, run

from sidecar.masking import Engine, Profile

if TYPE_CHECKING:
    from collections.abc import Callable

NUMBERS = [
    (b"4111111111111111", b"411111******1111"),
    (b"4111-1111-1111-1111", b"4111-11**-****-1111"),
    (b"5555 5555 5555 4444", b"5555 55** **** 4444"),
]


def _rows(data: bytes, width: int) -> list[tuple[int, bytes]]:
    return [(at, data[at : at + width]) for at in range(0, len(data), width)]


def _text(row: bytes) -> bytes:
    return bytes(byte if 32 <= byte < 127 else 46 for byte in row)


def xxd(data: bytes, group: int = 2, width: int = 16) -> bytes:
    """As ``xxd -g GROUP -c WIDTH``."""
    out = b""
    room = 2 * width + width // group
    for at, row in _rows(data, width):
        hexes = b" ".join(row[n : n + group].hex().encode() for n in range(0, len(row), group))
        out += b"%08x: %s %s\n" % (at, hexes.ljust(room), _text(row))
    return out


def hexdump(data: bytes) -> bytes:
    """As ``hexdump -C``."""
    out = b""
    for at, row in _rows(data, 16):
        halves = b"  ".join(row[n : n + 8].hex(" ").encode() for n in (0, 8))
        out += b"%08x  %s  |%s|\n" % (at, halves.ljust(48), _text(row))
    return out


def od(data: bytes) -> bytes:
    """As ``od -t x1z``."""
    return b"".join(
        b"%07o %s  >%s<\n" % (at, row.hex(" ").encode().ljust(47), _text(row)) for at, row in _rows(data, 16)
    )


def bare(data: bytes) -> bytes:
    """As ``od -An -tx1``."""
    return b"".join(b" %s\n" % row.hex(" ").encode() for _, row in _rows(data, 16))


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.load(Profile.STRICT)


@pytest.mark.parametrize("dump", [xxd, hexdump, od, bare])
@pytest.mark.parametrize(("number", "masked"), NUMBERS)
@pytest.mark.parametrize("before", [0, 3, 9, 14])
def test_every_place_in_a_row(
    engine: Engine, dump: Callable[[bytes], bytes], number: bytes, masked: bytes, before: int
) -> None:
    start, end = b"y" * before + b"=", b", and more\n text after that\n"
    data = dump(start + number + end)
    assert cut_everywhere(engine.stream, data)[0] == dump(start + masked + end)


def _short_rows(data: bytes) -> bytes:
    """As ``xxd -c 8``, and rows as ``hexdump -C`` writes them, of eight bytes, too."""
    rows = b"".join(
        b"%08x  %s  |%s|\n" % (at, row.hex(" ").encode(), _text(row)) for at, row in _rows(data, 8)
    )
    return rows + xxd(data, 2, 8)


@pytest.mark.parametrize("dump", [xxd, hexdump, od, bare, _short_rows])
def test_rows_end_as_terminals_end_them(engine: Engine, dump: Callable[[bytes], bytes]) -> None:
    data = dump(b"abc1 2 3 4 5 6 =3530111333300000, 12/27 22660412/27 \n").replace(b"\n", b"\r\n")
    out, findings = cut_everywhere(engine.stream, data)
    assert out.count(b"2a 2a") or out.count(b"2a2a")
    assert len(findings) == len(set(findings))


def test_what_may_be_an_offset_is_waited_for(engine: Engine) -> None:
    data = b"\r\n6136323130353536\r\n3031313130343835\r\n323039340DE89 3704 00 \n"
    assert [finding.length for finding in cut_everywhere(engine.stream, data)[1]] == [50]


def test_text_stands_behind_the_hex(engine: Engine) -> None:
    data = b'\n00000030  31 22                    |1"|\r00000000  0a 36 32 33 34 33 30 37 36 38 35 34 38 20 '
    assert cut_everywhere(engine.stream, data)[0] == data.replace(b"37 36", b"2a 2a")


@pytest.mark.parametrize(("group", "width"), [(1, 16), (1, 8), (2, 32), (2, 24)])
def test_other_widths_and_groups(engine: Engine, group: int, width: int) -> None:
    for before in range(width):
        start, end = b"y" * before + b"=", b", and more text, enough of it for another row or so\n"
        data = xxd(start + NUMBERS[0][0] + end, group, width)
        masked = xxd(start + NUMBERS[0][1] + end, group, width)
        assert run(engine, [data])[0] == masked
        if before % 8 == 3:
            assert cut_everywhere(engine.stream, data)[0] == masked


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_rows_without_offsets_or_blanks(engine: Engine, end: bytes) -> None:
    digits = NUMBERS[0][0].hex().encode()
    shown = NUMBERS[0][1].hex().encode()
    for at in range(0, len(digits), 2):
        data = digits[:at] + end + digits[at:] + b"0a" + end
        assert cut_everywhere(engine.stream, data)[0] == shown[:at] + end + shown[at:] + b"0a" + end


@pytest.mark.parametrize(
    "rest", [b"", b"              ", b"              \n", b"\n", b"  abc4111\n00000030: 31\n"]
)
def test_a_row_without_all_of_its_text_is_found(engine: Engine, rest: bytes) -> None:
    before = xxd(b"abcdefplain words, and more of t", 2, 32)
    data = before + b"00000020: 6865 6d0a 3630 3131 3139 3937 3833 3039 3838 3738" + rest
    out, findings = cut_everywhere(engine.stream, data)
    assert out != data
    inside = {at for found in findings for at in range(found.offset, found.offset + found.length)}
    assert {at for at in range(len(data)) if out[at] != data[at]} <= inside


def test_groups_of_hex_are_no_number(engine: Engine) -> None:
    data = xxd(b"....55 4444,\n more of it..." + b"55 444444" + b" and so on, until the row is full")
    assert run(engine, [data]) == (data, [])


@pytest.mark.parametrize(
    "data",
    [
        # the row above is short and goes on as another
        (
            b"00000018: 3036 362c       06600000000: 6162 6364 6566 6768 2c35 3030 3030 3630"
            b"  abcdefgh,5000060\n"
            b"00000010: 3630 3631 3239 3730 3030 3170 6c61 696e  60612970001plain\n"
        ),
        # what begins in the text beside a row, before which six digits of another number stand
        (
            b" 6f 66 20 33 33 33 6d\n 0a 32 32 30 30 35 32 36\n 30 34 39 39 39 38 31 32\n"
            b" 2f 32 37  61 62 44 34 37 34 34 39 35 36 35 30 31 36 32 35\n 33 35 30 22"
        ),
    ],
)
def test_every_cut_of_broken_rows_gives_the_same(engine: Engine, data: bytes) -> None:
    assert cut_everywhere(engine.stream, data)[1]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_finding_in_a_row_that_never_ends_is_not_lost(engine: Engine, size: int) -> None:
    """Its text was waited for without bound, until the number was out of sight."""
    row = b"0000023632353535 35 35 35 353534333 3436 32 35 35 35 35 35 " + 400 * b"\xc2\xa0"
    output, findings = run(engine, [row[at : at + size] for at in range(0, len(row), size)])
    assert (output, findings) == run(engine, [row])
    changed = [at for at, byte in enumerate(output) if byte != row[at]]
    assert changed
    [finding] = findings
    assert finding.offset <= changed[0] <= changed[-1] < finding.offset + finding.length
