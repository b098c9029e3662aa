"""What figures must keep to, printed beside them; ``scripts/bench`` ends with 1 where one does.

A benchmark gives the outcome as ``limits`` among its figures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from benchmarks.report import Row, milliseconds, print_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

KEY = "limits"


class Limit(TypedDict):
    """One figure beside its limit."""

    what: str
    figure: float
    limit: float
    least: bool
    """Whether it is the least that will do, and not the most."""
    unit: str
    """``s`` for times, else whatever the figure counts, or nothing for ratios."""
    held: bool


def seconds(what: str, figure: float, *, at_most: float) -> Limit:
    """Give a time beside its limit."""
    return Limit(what=what, figure=figure, limit=at_most, least=False, unit="s", held=figure <= at_most)


def ratio(what: str, figure: float, *, below: float) -> Limit:
    """Give a ratio beside its limit, which it stays below."""
    return Limit(what=what, figure=figure, limit=below, least=False, unit="", held=figure < below)


def amount(what: str, figure: float, unit: str, *, at_most: float) -> Limit:
    """Give what is counted in ``unit`` beside its limit."""
    return Limit(what=what, figure=figure, limit=at_most, least=False, unit=unit, held=figure <= at_most)


def reached(what: str, figure: float, unit: str = "", *, at_least: float) -> Limit:
    """Give what is to be reached, counted in ``unit`` (nothing: a ratio)."""
    return Limit(what=what, figure=figure, limit=at_least, least=True, unit=unit, held=figure >= at_least)


def print_limits(limits: Iterable[Limit]) -> None:
    """Print them as a table."""
    rows: list[Row] = [
        (limit["what"], _shown(limit, limit["figure"]), _bound(limit), "yes" if limit["held"] else "NO")
        for limit in limits
    ]
    print_table(("limit", "measured", "bound", "held"), rows)


def _bound(limit: Limit) -> str:
    return f"at {'least' if limit['least'] else 'most'} {_shown(limit, limit['limit'])}"


def _shown(limit: Limit, value: float) -> str:
    if limit["unit"] == "s":
        return milliseconds(value)
    shown = f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"
    return f"{shown} {limit['unit']}".rstrip()


def broken(figures: Mapping[str, Mapping[str, object]]) -> list[str]:
    """Give in words which limits did not hold; ``figures`` are those of all benchmarks, by name."""
    told: list[str] = []
    for name, own in figures.items():
        limits: list[Limit] = own.get(KEY, [])  # pyright: ignore[reportAssignmentType]  what a benchmark gives
        told += [
            f"{name}: {limit['what']}: {_shown(limit, limit['figure'])}, {_bound(limit)}"
            for limit in limits
            if not limit["held"]
        ]
    return told
