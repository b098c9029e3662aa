"""Figures beside their limits: what is printed, and what makes ``scripts/bench`` end with 1."""

import pytest
from benchmarks.limits import KEY, amount, broken, print_limits, ratio, reached, seconds


def test_a_limit_holds_up_to_itself_and_a_ratio_below() -> None:
    assert [seconds("x", figure, at_most=0.005)["held"] for figure in (0.0049, 0.005, 0.0051)] == [
        True,
        True,
        False,
    ]
    assert [ratio("x", figure, below=2.0)["held"] for figure in (1.99, 2.0)] == [True, False]
    assert [amount("x", figure, "KiB", at_most=64)["held"] for figure in (64, 64.1)] == [True, False]
    assert [reached("x", figure, at_least=0.9)["held"] for figure in (0.89, 0.9)] == [False, True]


def test_limits_are_printed_beside_what_was_measured(capsys: pytest.CaptureFixture[str]) -> None:
    print_limits([seconds("answers", 0.0012, at_most=0.005), ratio("more", 2.5, below=2.0)])
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows == [
        ["limit", "measured", "bound", "held"],
        ["answers", "1.2", "ms", "at", "most", "5.0", "ms", "yes"],
        ["more", "2.50", "at", "most", "2.00", "NO"],
    ]


def test_what_is_broken_is_named_and_benchmarks_without_limits_are_none() -> None:
    held, over = seconds("answers", 0.001, at_most=0.005), ratio("more", 2.5, below=2.0)
    assert broken({"admission": {KEY: [held, over]}, "images": {"size": 1}}) == [
        "admission: more: 2.50, at most 2.00"
    ]
    assert not broken({"admission": {KEY: [held]}})
