"""What the benchmark of masking promises: every limit of its own, held and broken."""

from __future__ import annotations

from typing import Any

import pytest
from benchmarks.limits import KEY, broken
from benchmarks.mask_limits import quality_limits, speed_limits


def figures() -> dict[str, Any]:
    """Figures that are just good enough."""
    return {
        "throughput": {
            "text 64K": {"engine": 900.0, "ratio": 0.8},
            "text 4K": {"engine": 300.0, "ratio": 0.5},
            "json 4K": {"engine": 75.0, "ratio": 0.15},
        },
        "peers": {"re2 text": 750.0, "presidio text": 60.0},
        "feed_us": {"p50": 1.0, "p99": 3.0, "p99 with noise": 30.0},
        "load": {"load_ms": 5.0, "memory_kib": 6144.0},
    }


def quality() -> dict[str, Any]:
    """The same of what is masked."""
    return {
        "sets": {"PyPI braintree": {"valid": 27, "masked": 27}},
        "written": {"dash": {"tried": 400, "missed": 0}, "brands": {}},
        "lookalikes": {"IMEI": {"strict": 0, "modern": 0}, "EAN-13": {"strict": 7, "modern": 0}},
    }


def told(limits: list[Any]) -> list[str]:
    return broken({"mask": {KEY: limits}})


def test_what_is_just_good_enough_holds() -> None:
    assert len(speed_limits(figures())) == 9
    assert not told(speed_limits(figures()))
    assert not told(quality_limits(quality()))


@pytest.mark.parametrize(
    ("group", "name", "value", "expected"),
    [
        (
            "throughput",
            "text 64K",
            {"engine": 900.0, "ratio": 0.79},
            "raw Hyperscan, text 64K: 0.79, at least 0.80",
        ),
        (
            "throughput",
            "text 4K",
            {"engine": 300.0, "ratio": 0.49},
            "raw Hyperscan, text 4K: 0.49, at least 0.50",
        ),
        (
            "throughput",
            "json 4K",
            {"engine": 75.0, "ratio": 0.1},
            "raw Hyperscan, json 4K: 0.10, at least 0.15",
        ),
        ("peers", "re2 text", 800.0, "re2, text 64K: 1.12, at least 1.20"),
        ("peers", "presidio text", 90.0, "presidio, text 64K: 10.00, at least 15.00"),
        ("feed_us", "p50", 1.1, "one byte fed, p50: 1.10 µs, at most 1.00 µs"),
        ("feed_us", "p99", 3.1, "one byte fed, p99: 3.10 µs, at most 3.00 µs"),
        ("load", "load_ms", 5.1, "first load of serialised databases: 5.1 ms, at most 5.0 ms"),
        ("load", "memory_kib", 6200.0, "memory of its own over bare Python: 6,200.00 KiB, at most 6,144 KiB"),
    ],
)
def test_each_limit_of_speed_can_break(group: str, name: str, value: object, expected: str) -> None:
    measured = figures()
    measured[group][name] = value
    (line,) = told(speed_limits(measured))
    assert line.endswith(expected)


def test_others_are_judged_only_where_they_were_measured() -> None:
    assert len(speed_limits(figures() | {"peers": {}})) == 7


@pytest.mark.parametrize(
    ("group", "name", "value", "expected"),
    [
        (
            "sets",
            "PyPI braintree",
            {"valid": 27, "masked": 26},
            "cards of PyPI braintree missed: 1, at most 0",
        ),
        (
            "sets",
            "npm",
            {"valid": 0, "masked": 0},
            "cards of npm, not fetched: 0, at least 1",
        ),
        ("written", "dot", {"tried": 400, "missed": 1}, "generated cards missed: 1, at most 0"),
        ("lookalikes", "UUID", {"strict": 2, "modern": 1}, "UUID masked: 3, at most 0"),
    ],
)
def test_each_limit_of_what_is_masked_can_break(group: str, name: str, value: object, expected: str) -> None:
    counted = quality()
    counted[group][name] = value
    (line,) = told(quality_limits(counted))
    assert line == f"mask: {expected}"


def test_kinds_asked_for_alone_are_judged_alone() -> None:
    (limit,) = quality_limits({"lookalikes": {"IMEI": {"strict": 0, "modern": 0}}})
    assert limit["held"]
