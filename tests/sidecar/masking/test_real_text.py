"""The engine agrees with the slow reference on real text, with test numbers planted in it and without."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

import pytest
from masking_inputs import LONG, run
from masking_real import KINDS, Planted, cut, planted, real_text
from masking_reference import hidden, is_plain

from sidecar.masking import Engine, Finding, Profile

SIZE = 4_000_000 if LONG else 100_000
"""Of each kind of text."""


class Compared(NamedTuple):
    """Offsets that only one of the two hides."""

    missed: list[int]
    too_many: list[int]


def compare(engine: Engine, data: bytes) -> Compared:
    """The engine and the reference on all of ``data``; what the reference does not know is left out."""
    out, findings = run(engine, [data])
    ours = {at for at, (given, shown) in enumerate(zip(data, out, strict=True)) if given != shown}
    theirs = hidden(data, engine.profile)
    unknown = {
        at
        for finding in findings
        if not known(data, finding)
        for at in range(finding.offset, finding.offset + finding.length)
    }
    return Compared(sorted(theirs - ours), sorted(ours - theirs - unknown))


def known(data: bytes, finding: Finding) -> bool:
    """Whether the reference would know what was found."""
    return finding.rule == "pan" and is_plain(data[finding.offset : finding.offset + finding.length])


@pytest.fixture(scope="module", params=Profile, ids=lambda profile: profile.value)
def engine(request: pytest.FixtureRequest) -> Engine:
    return Engine.load(request.param)


@pytest.fixture(scope="module", params=sorted(KINDS))
def text(request: pytest.FixtureRequest) -> bytes:
    data = real_text(request.param, SIZE)
    assert len(data) > min(SIZE, 50_000)
    return data


@pytest.fixture(scope="module")
def with_numbers(text: bytes) -> Planted:
    return planted(text, Random(len(text)))


def test_agrees_on_text_as_it_is(engine: Engine, text: bytes) -> None:
    assert compare(engine, text) == Compared([], [])


def test_agrees_on_text_with_numbers(engine: Engine, with_numbers: Planted) -> None:
    assert compare(engine, with_numbers.data) == Compared([], [])


def test_numbers_of_their_own_are_masked(engine: Engine, with_numbers: Planted) -> None:
    out, _ = run(engine, [with_numbers.data])
    shortest = 12 if engine.profile is Profile.STRICT else 14
    for start, end in with_numbers.alone:
        digits = [at for at in range(start, end) if with_numbers.data[at : at + 1].isdigit()]
        stars = {out[at : at + 1] for at in digits[6:-4]}
        assert (stars == {b"*"}) == (len(digits) >= shortest)
    assert len(with_numbers.alone) > 10


def test_however_it_is_cut(engine: Engine, with_numbers: Planted) -> None:
    data = with_numbers.data
    whole = run(engine, [data])
    for seed in range(3):
        assert run(engine, cut(data, Random(seed))) == whole
