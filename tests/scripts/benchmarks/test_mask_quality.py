"""What the quality benchmark counts: misses are seen, and named without a middle digit."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from benchmarks.mask_lookalikes import LOOKALIKES, check_digit
from benchmarks.mask_quality import false_positives, recall_of_sets, recall_of_ways
from benchmarks.mask_sets import KnownSet
from benchmarks.mask_written import DIGITS, GAPS, numbers, table, written

from sidecar.masking import Engine, Profile
from sidecar.masking.cards import luhn
from sidecar.masking.stream import Masker

if TYPE_CHECKING:
    import pytest

# Of these nothing may be masked (whatever the profile), by what each of them is.
NEVER = (
    "IMEI", "UUID", "epoch ms in JSON", "git hash", "HDFS block id", "phone number", "IBAN", "float in JSON",
    "SHA-256", "IPv4 and port", "latitude, longitude",
)  # fmt: skip


def test_every_brand_and_length_is_written() -> None:
    made = {(brand, len(number)) for brand, number in numbers(random.Random(1))}
    assert made == {(row.name, length) for row in table().brands for length in row.lengths}
    assert all(luhn(number.encode()) for _, number in numbers(random.Random(2)))


def test_the_hidden_bytes_are_the_middle_digits() -> None:
    number = "4539148803436467"
    for text in written("visa", number):
        token = next((DIGITS[name] for name in DIGITS if name == text.way), str.encode)
        assert [text.data[low:high] for low, high in text.hidden] == [token(digit) for digit in number[6:12]]
    assert {text.way for text in written("visa", number)} > set(GAPS) | set(DIGITS)


def test_every_generated_card_is_masked() -> None:
    figures = recall_of_ways(random.Random(3))
    assert figures.pop("brands") == {}
    assert [way for way, counts in figures.items() if counts["missed"]] == []


def test_sets_are_counted_and_misses_named_without_their_middle(capsys: pytest.CaptureFixture[str]) -> None:
    known = [
        KnownSet("good", ("4111111111111111",)),
        KnownSet("odd", ("4539148803436467x1", "4111111111111111")),
    ]
    assert recall_of_sets([*known, KnownSet("gone", (), "not fetched: why")]) == {
        "good": {"valid": 1, "masked": 1},
        "odd": {"valid": 2, "masked": 1},
        "gone": {"valid": 0, "masked": 0},
    }
    shown = capsys.readouterr().out
    assert "no. 1: '453914*******467x1'" in shown
    assert "8803436" not in shown
    assert "not fetched: why" in shown


def test_look_alikes_are_left_alone() -> None:
    figures = false_positives(1000, seed=1)
    assert {name: figures[name] for name in NEVER} == {name: {"strict": 0, "modern": 0} for name in NEVER}
    assert all(LOOKALIKES[name].reason for name, row in figures.items() if any(row.values()))


def test_a_masker_that_sees_nothing_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(_: Masker, data: bytes) -> bytes:
        return data

    monkeypatch.setattr(Masker, "feed", nothing)
    assert recall_of_sets([KnownSet("one", ("4111111111111111",))])["one"]["masked"] == 0


def test_check_digits() -> None:
    assert check_digit("411111111111111") == "4111111111111111"
    assert Engine.load(Profile.MODERN).masks()(b"4111111111111111")[1][0].brand == "visa"
