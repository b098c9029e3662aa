"""Decimal digits of every script are read, alone and fed byte by byte."""

from __future__ import annotations

from unicodedata import category, digit

import pytest
from masking_inputs import cut_everywhere

from sidecar.masking import Engine, Profile

ZEROS = [
    character
    for character in map(chr, range(0x80, 0x110000))
    if category(character) == "Nd" and digit(character) == 0
]


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.load(Profile.STRICT)


@pytest.mark.parametrize("zero", ZEROS, ids=[f"U+{ord(zero):04X}" for zero in ZEROS])
def test_digits_of_a_script(engine: Engine, zero: str) -> None:
    written = [chr(ord(zero) + int(number)).encode() for number in "4532015112830366"]
    data = b"n " + b"".join(written) + b" x"
    out, findings = cut_everywhere(engine.stream, data)
    width = len(written[0])
    assert out[: 2 + 6 * width] == data[: 2 + 6 * width]
    assert out[2 + 12 * width :] == data[2 + 12 * width :]
    hidden = out[2 + 6 * width : 2 + 12 * width]
    assert len({hidden[at : at + width] for at in range(0, 6 * width, width)}) == 1
    assert hidden != data[2 + 6 * width : 2 + 12 * width]
    assert [finding.brand for finding in findings] == ["visa"]
