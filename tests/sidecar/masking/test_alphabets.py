"""How digits are written: what the readers rest on."""

from __future__ import annotations

import re

import pytest

from sidecar.masking.alphabets import (
    CURSOR_RIGHT,
    ESCAPE_SEQUENCE,
    ESCAPED_GAPS,
    GAP_BEGINS,
    INVISIBLE,
    PLAIN_GAPS,
    UNICODE_GAPS,
    UNIT,
)

BYTES = [bytes([byte]) for byte in range(256)]
GAPS = [*PLAIN_GAPS, *UNICODE_GAPS, *ESCAPED_GAPS, *INVISIBLE, CURSOR_RIGHT, ESCAPE_SEQUENCE]


@pytest.mark.parametrize("gap", GAPS)
def test_every_gap_begins_as_gaps_do(gap: bytes) -> None:
    first = re.compile(UNIT.findall(gap)[0], re.DOTALL)
    begun = [byte for byte in BYTES if first.fullmatch(byte)]
    assert begun
    assert all(re.fullmatch(GAP_BEGINS, byte) for byte in begun)
