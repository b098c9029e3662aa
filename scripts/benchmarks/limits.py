"""What figures may not exceed, printed beside them; ``scripts/bench`` ends with 1 where one does.

A benchmark gives the outcome as ``limits`` among its figures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from benchmarks.report import Row, milliseconds, print_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

KEY = "limits"


class Limit(TypedDict):
    """One figure beside what it may be at most."""

    what: str
    figure: float
    at_most: float
    unit: str
    """``s``, or nothing for ratios."""
    held: bool


def seconds(what: str, figure: float, *, at_most: float) -> Limit:
    """Give a time beside its limit."""
    return _limit(what, figure, at_most, "s")


def ratio(what: str, figure: float, *, at_most: float) -> Limit:
    """Give a ratio beside its limit, which it stays below."""
    return _limit(what, figure, at_most, "")


def _limit(what: str, figure: float, at_most: float, unit: str) -> Limit:
    held = figure <= at_most if unit else figure < at_most
    return Limit(what=what, figure=figure, at_most=at_most, unit=unit, held=held)


def print_limits(limits: Iterable[Limit]) -> None:
    """Print them as a table."""
    rows: list[Row] = [
        (limit["what"], _shown(limit, "figure"), _shown(limit, "at_most"), "yes" if limit["held"] else "NO")
        for limit in limits
    ]
    print_table(("limit", "measured", "at most", "held"), rows)


def _shown(limit: Limit, which: str) -> str:
    value = limit["figure"] if which == "figure" else limit["at_most"]
    return milliseconds(value) if limit["unit"] else f"{value:.2f}"


def broken(figures: Mapping[str, Mapping[str, object]]) -> list[str]:
    """Give in words which limits did not hold; ``figures`` are those of all benchmarks, by name."""
    told: list[str] = []
    for name, own in figures.items():
        limits: list[Limit] = own.get(KEY, [])  # pyright: ignore[reportAssignmentType]  what a benchmark gives
        told += [
            f"{name}: {limit['what']}: {_shown(limit, 'figure')}, at most {_shown(limit, 'at_most')}"
            for limit in limits
            if not limit["held"]
        ]
    return told
