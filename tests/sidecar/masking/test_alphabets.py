"""How digits are written: what the readers rest on."""

from __future__ import annotations

import re
import time
import unicodedata

import pytest

from sidecar.masking.alphabets import alphabet
from sidecar.masking.gaps import (
    CURSOR_RIGHT,
    ESCAPE_SEQUENCE,
    ESCAPED_GAPS,
    GAP_BEGINS,
    INVISIBLE,
    PLAIN_GAPS,
    UNICODE_GAPS,
    UNIT,
    alternatives,
)

BYTES = [bytes([byte]) for byte in range(256)]
GAPS = [*PLAIN_GAPS, *UNICODE_GAPS, *ESCAPED_GAPS, *INVISIBLE, CURSOR_RIGHT, ESCAPE_SEQUENCE]


@pytest.mark.parametrize("gap", GAPS)
def test_every_gap_begins_as_gaps_do(gap: bytes) -> None:
    first = re.compile(UNIT.findall(gap)[0], re.DOTALL)
    begun = [byte for byte in BYTES if first.fullmatch(byte)]
    assert begun
    assert all(re.fullmatch(GAP_BEGINS, byte) for byte in begun)


def test_spaces_and_dashes_of_unicode_are_gaps() -> None:
    gap = re.compile(alternatives(*PLAIN_GAPS, *UNICODE_GAPS))
    kinds = {letter for letter in map(chr, range(0x110000)) if unicodedata.category(letter) in {"Pd", "Zs"}}
    assert len(kinds) > 40
    assert [letter for letter in sorted(kinds) if gap.fullmatch(letter.encode()) is None] == [
        "\u30a0",
        "\U00010ead",
    ]


@pytest.mark.parametrize("name", ["text", "hex"])
def test_many_blanks_are_not_read_in_every_way_there_is(name: str) -> None:
    begun = alphabet(name).cut
    start = time.process_time()
    for _ in range(1000):
        assert begun.match(b" " * 39 + b"00000000  61 62 63 64 65") is None
    assert time.process_time() - start < 5
