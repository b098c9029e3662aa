import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.contract.errors import CallerError
from sidecar.contract.identifiers import fresh_id, is_session_id, session_id

moments = st.integers(0, (1 << 48) - 1)
randomness = st.binary(min_size=10, max_size=10)


@given(moments, randomness)
def test_every_id_is_recognised(moment: int, random: bytes) -> None:
    assert is_session_id(session_id(moment, random))


@given(moments, moments, randomness, randomness)
def test_ids_sort_by_time(a: int, b: int, random_a: bytes, random_b: bytes) -> None:
    if a < b:
        assert session_id(a, random_a) < session_id(b, random_b)


@given(moments, randomness)
def test_a_fresh_id_is_of_its_millisecond_and_of_the_randomness_given(moment: int, random: bytes) -> None:
    now = moment * 1_000_000 + 999_999
    assert fresh_id(now, lambda size: random[:size]) == session_id(moment, random)


def test_matches_the_published_example() -> None:
    assert session_id(1469918176385, bytes(10))[:10] == "01aryz6s41"


@pytest.mark.parametrize("text", ["", "01ARYZ6S41TSV4RRFFQ69G5FAV", "8" + "0" * 25, "0" * 25 + "u", "0" * 27])
def test_other_texts_are_not_ids(text: str) -> None:
    assert not is_session_id(text)


def test_refuses_a_time_outside_48_bits() -> None:
    with pytest.raises(CallerError):
        session_id(1 << 48, bytes(10))
