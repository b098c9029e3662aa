"""Tables that fit a terminal: columns as wide as what they hold, and some of them cut when they must."""

from collections.abc import Sequence
from typing import Final

import msgspec
from rich.text import Text

LONGEST: Final = 200
"""Most characters of a text that may be of any length, where no terminal sets the width."""
_GAP: Final = 2


class Column(msgspec.Struct, frozen=True):
    """A column; one with a weight may be cut, with an ellipsis, to its share of what is left.

    One that is ``unbounded`` is cut even where there is no width to share, so that no other row pays for it.
    """

    title: str
    weight: int = 0
    is_number: bool = False
    unbounded: bool = False


def lay_out(columns: Sequence[Column], rows: Sequence[Sequence[Text]], width: int | None) -> list[Text]:
    """Give the lines of a table, at most ``width`` characters wide; None cuts what is unbounded alone."""
    titles = [Text(column.title, "bold") for column in columns]
    cells = zip(columns, zip(titles, *rows, strict=True), strict=True)
    natural = [_natural(column, column_cells) for column, column_cells in cells]
    widths = natural if width is None else _fit(columns, natural, width - _GAP * (len(columns) - 1))
    return [_line(columns, widths, row) for row in [titles, *rows]]


def _natural(column: Column, cells: Sequence[Text]) -> int:
    widest = max(cell.cell_len for cell in cells)
    return min(widest, LONGEST) if column.unbounded else widest


def _fit(columns: Sequence[Column], natural: Sequence[int], available: int) -> list[int]:
    fixed = sum(size for column, size in zip(columns, natural, strict=True) if not column.weight)
    return share_out(natural, [column.weight for column in columns], available - fixed)


def share_out(wanted: Sequence[int], weights: Sequence[int], available: int) -> list[int]:
    """Share out among those with a weight, none getting more than it wants and each at least 4.

    Those without a weight get what they want, which is not counted as available.
    """
    given = list(wanted)
    left, total = available, sum(weights)
    weighted = [index for index, weight in enumerate(weights) if weight]
    for index in sorted(weighted, key=lambda index: wanted[index] / weights[index]):
        given[index] = min(wanted[index], max(4, left * weights[index] // total))
        left -= given[index]
        total -= weights[index]
    return given


def _line(columns: Sequence[Column], widths: Sequence[int], cells: Sequence[Text]) -> Text:
    line = Text()
    for column, width, cell in zip(columns, widths, cells, strict=True):
        shown = cell.copy()
        shown.truncate(width, overflow="ellipsis")
        shown.align("right" if column.is_number else "left", width)
        line.append(" " * _GAP if line else "").append_text(shown)
    line.rstrip()
    return line
