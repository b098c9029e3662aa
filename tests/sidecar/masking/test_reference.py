"""The engine agrees with the slow reference."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from masking_inputs import (
    EXAMPLES,
    NUMBERS,
    PLAIN_CASES,
    SEPARATORS,
    by_thousands,
    grouped,
    run,
    scattered_by,
)
from masking_reference import masked

from sidecar.masking import Engine, Profile

LOOKALIKES = [
    b"DE89370400440532013000", b"DE89 3704 0044 0532 0130 00", b"BE68539007547034", b"0.", b"blk_-",
    b"imei=", b"+", b"abcdef0123456789abcdef01", b"550e8400-e29b-41d4-a716-446655440000", b"a", b"x",
    b" ", b"\n", b",", b"1700000000000", b"\\u0020", b"%20", b"12/25 ", b"4111-", b" 123", b"\x1b[",
    b"\x1b[31", b"\xe2\x80", b"4 1 1 1 ", b"1 2 3 4 5 6 ",
    b"\\U0001f4b3", b"\\342\\200\\223", b"=C2", b"\\u300",
]  # fmt: skip


def plain_inputs() -> st.SearchStrategy[bytes]:
    number = st.sampled_from(NUMBERS)
    spaced = st.tuples(number, st.sampled_from([*SEPARATORS, b""])).map(lambda pair: grouped(*pair))
    thousands = st.tuples(number, st.sampled_from(SEPARATORS)).map(lambda pair: by_thousands(*pair))
    scattered = st.tuples(number, st.randoms(use_true_random=False)).map(lambda pair: scattered_by(*pair))
    listed = number.map(lambda digits: b" ".join(digits[at : at + 1] for at in range(len(digits))))
    anything = st.from_regex(rb"\A[0-9]{1,22}\Z")
    part = (
        spaced
        | thousands
        | scattered
        | listed
        | anything
        | st.sampled_from(SEPARATORS)
        | st.sampled_from(LOOKALIKES)
    )
    return st.lists(part, max_size=7).map(b"".join)


@pytest.fixture(scope="module", params=Profile, ids=lambda profile: profile.value)
def engine(request: pytest.FixtureRequest) -> Engine:
    return Engine.load(request.param)


@pytest.mark.parametrize("text", [case[0] for case in PLAIN_CASES])
def test_agrees_on_the_cases(engine: Engine, text: str) -> None:
    assert run(engine, [text.encode()])[0] == masked(text.encode(), engine.profile)


@settings(deadline=None, max_examples=EXAMPLES)
@given(data=plain_inputs())
def test_agrees_on_anything_plain(engine: Engine, data: bytes) -> None:
    assert run(engine, [data])[0] == masked(data, engine.profile)
