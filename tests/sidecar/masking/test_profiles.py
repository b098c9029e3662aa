"""The two profiles: which numbers each takes, brand by brand, and that they differ in nothing else."""

from __future__ import annotations

from itertools import accumulate, pairwise
from random import Random

import pytest
from benchmarks.mask_written import numbers, written
from hypothesis import given, settings
from hypothesis import strategies as st
from masking_inputs import EXAMPLES, cut_everywhere, fragments, run
from masking_reference import is_card, load_table

from sidecar.masking import Engine, Profile

MADE = tuple(numbers(Random(5)))
"""A brand and a number with its check digit, for every range and length of the table."""
BRANDS = sorted({brand for brand, _ in MADE})
SHORTEST = {Profile.STRICT: 12, Profile.MODERN: 14}


@pytest.fixture(scope="module")
def strict() -> Engine:
    return Engine.load(Profile.STRICT)


@pytest.fixture(scope="module")
def modern() -> Engine:
    return Engine.load(Profile.MODERN)


def of(brand: str) -> list[str]:
    return [number for name, number in MADE if name == brand]


def shown(engine: Engine, text: str) -> str:
    return engine.masks()(text.encode())[0].decode()


def starred(number: str) -> str:
    return number[:6] + "*" * (len(number) - 10) + number[-4:]


@pytest.mark.parametrize("brand", BRANDS)
def test_numbers_from_twelve_or_fourteen_digits_on(brand: str, strict: Engine, modern: Engine) -> None:
    for number in of(brand):
        for engine in (strict, modern):
            masked = len(number) >= SHORTEST[engine.profile]
            assert shown(engine, f"n {number}\n") == f"n {starred(number) if masked else number}\n"


def test_both_sides_of_the_limit_are_there() -> None:
    assert {len(number) for _, number in MADE} == set(range(12, 20))


@pytest.mark.parametrize("brand", BRANDS)
def test_numbers_with_another_check_digit(brand: str, strict: Engine, modern: Engine) -> None:
    """Profile strict takes those of brands that do not always use it, profile modern none."""
    for number in of(brand):
        wrong = number[:-1] + str((int(number[-1]) + 5) % 10)
        masked = is_card(load_table(), wrong, Profile.STRICT)
        assert masked <= (brand not in {"visa", "mastercard", "amex"})
        assert shown(strict, f"n {wrong}\n") == f"n {starred(wrong) if masked else wrong}\n"
        assert shown(modern, f"n {wrong}\n") == f"n {wrong}\n"


def test_strict_takes_unionpay_without_its_check_digit(strict: Engine, modern: Engine) -> None:
    number = "6212345678901233"
    assert (shown(strict, number), shown(modern, number)) == (starred(number), number)


@pytest.mark.parametrize("number", ["5555555555554444", "378282246310005", "30569309025904"])
def test_every_way_to_write_a_number_is_read_in_both(number: str, strict: Engine, modern: Engine) -> None:
    for text in written("any", number):
        out, findings = cut_everywhere(modern.stream, text.data)
        assert cut_everywhere(strict.stream, text.data) == (out, findings), text.way
        assert all(out[low:high] != text.data[low:high] for low, high in text.hidden)


@pytest.mark.parametrize("number", ["4222222222222", "676770000005"])
def test_short_numbers_are_left_in_every_way(number: str, modern: Engine) -> None:
    for text in written("any", number):
        assert cut_everywhere(modern.stream, text.data) == (text.data, []), text.way


@settings(deadline=None, max_examples=EXAMPLES)
@given(data=fragments(), sizes=st.lists(st.integers(1, 40), max_size=30))
def test_modern_hides_nothing_that_strict_shows(
    strict: Engine, modern: Engine, data: bytes, sizes: list[int]
) -> None:
    wide, _ = run(strict, [data])
    whole = run(modern, [data])
    assert all(
        ours in {given_byte, theirs} for given_byte, ours, theirs in zip(data, whole[0], wide, strict=True)
    )
    ends = [*accumulate(sizes, initial=0), len(data)]
    assert run(modern, [data[low:high] for low, high in pairwise(ends)]) == whole
