"""Where a terminal's rows lie in the cells of a line, and what control functions do to them (ECMA-48)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.masking.columns import TAB
from sidecar.masking.controls import JOINS
from sidecar.masking.units import Cell

if TYPE_CHECKING:
    from collections.abc import Callable

    from sidecar.masking.edited import EditedLine

MOST_FILLED = 512


class Rows:
    """The rows of a followed line, as the terminal breaks it."""

    __slots__ = ("columns", "full", "origin", "row")

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.origin: int | None = 0
        """The cell in column 0 of the first row; None where the column is not known."""
        self.full = False
        """Whether the last column was just written and the cursor is still in that row."""
        self.row: int | None = None
        """The row of the screen in which the first row is, once the cursor was put there."""

    def moved(self, by: int) -> Rows:
        """The same rows, ``by`` cells further in a line."""
        moved = Rows(self.columns)
        moved.origin, moved.full, moved.row = self.origin, self.full, self.row
        if moved.origin is not None:
            moved.origin += by
        return moved

    def written(self, line: EditedLine) -> None:
        """Text was written up to the cursor."""
        self.full = self.origin is not None and (line.cursor - self.origin) % self.columns == 0

    def begin(self, line: EditedLine) -> int | None:
        """The cell at which the row of the cursor begins."""
        if self.origin is None:
            return None
        return self.origin + max(0, line.cursor - self.origin - self.full) // self.columns * self.columns

    def left(self, line: EditedLine, count: int = 1) -> int:
        """BS and CUB."""
        lowest = line.floor if self.origin is None else max(line.floor, self.origin)
        return max(lowest, line.cursor - count)

    def right(self, line: EditedLine, count: int) -> int:
        """CUF."""
        row = self.begin(line)
        return line.cursor + count if row is None else min(line.cursor + count, row + self.columns - 1)

    def tab(self, line: EditedLine) -> int:
        """HT."""
        row = self.begin(line)
        column = line.cursor - (line.floor if row is None else row)
        return self.right(line, TAB - column % TAB)

    def column(self, line: EditedLine, number: int) -> int | None:
        """CHA."""
        row = self.begin(line)
        return None if row is None else row + min(number, self.columns) - 1

    def cursor_column(self, line: EditedLine) -> int | None:
        """The column of the cursor, counted from 1."""
        row = self.begin(line)
        return None if row is None else min(line.cursor - row, self.columns - 1) + 1

    def rows_above(self, line: EditedLine) -> int:
        """How many rows of the line are above that of the cursor; the column must be known."""
        row = self.begin(line)
        return 0 if row is None or self.origin is None else (row - self.origin) // self.columns

    def twice_at_margin(self, line: EditedLine) -> bool:
        """Whether the character in the last column was sent again, or a blank, so that the terminal wraps.

        As vim does before it puts the cursor at the beginning of the row (``screen_line``).
        """
        at = line.cursor
        if self.rows_above(line) == 0 or self.cursor_column(line) != 2 or at != len(line.cells):
            return False
        return at - 2 >= line.floor and line.cells[at - 1].read in (line.cells[at - 2].read, b" ")

    def go_on(self, line: EditedLine) -> bool:
        """Whether the line may go on behind an end of the row."""
        return self.full and 0 < line.cursor == len(line.cells) and line.cells[-1].read[-1:] in JOINS

    def next_begins(self, line: EditedLine) -> bool:
        """Whether the cursor is at the end of the line and nothing is in its row yet."""
        return line.cursor == len(line.cells) and self.begin(line) == line.cursor

    def cell_at(self, line: EditedLine, row: int, column: int | None) -> int | None:
        """The cell in ``row`` and ``column`` of the screen; None if it is not this line's, or may not be.

        If the row of the line is not known, only the cell in which the cursor is and the first of the next
        row are.
        """
        if self.origin is None or column is None:
            return None
        if self.row is None:
            if column == 1 and row > 1 and (self.go_on(line) or self.twice_at_margin(line)):
                return line.cursor if self.full else line.cursor - 1
            to = self.column(line, column)
            return to if to == line.cursor and row > self.rows_above(line) else None
        to = self.origin + (row - self.row) * self.columns + min(column, self.columns) - 1
        if row - self.row == self.rows_above(line) or to < len(line.cells):
            return within(line, to)
        goes_on = 0 < to == len(line.cells) and column == 1 and line.cells[-1].read[-1:] in JOINS
        return to if goes_on else None

    def up(self, line: EditedLine, count: int) -> int | None:
        """CUU, within the rows of the line."""
        to = line.cursor - count * self.columns
        return to if self.origin is not None and to >= self.origin else None

    def down(self, line: EditedLine, count: int) -> int | None:
        """CUD, within the rows of the line."""
        to = line.cursor + count * self.columns
        return to if self.origin is not None and to <= len(line.cells) else None


def within(line: EditedLine, cell: int | None) -> int | None:
    """``cell``, if the cursor may be put there: not before what is decided, nor far behind the end."""
    return cell if cell is not None and line.floor <= cell <= len(line.cells) + MOST_FILLED else None


MOVES: dict[bytes, Callable[[Rows, EditedLine, int], int | None]] = {
    b"A": Rows.up,
    b"B": Rows.down,
    b"C": Rows.right,
    b"D": Rows.left,
    b"G": Rows.column,
}
PLACES: dict[bytes, Callable[[Rows, EditedLine], int | None]] = {
    b"\b": Rows.left,
    b"\r": Rows.begin,
    b"\t": Rows.tab,
}


def _delete(line: EditedLine, count: int, _row: int, _end: int) -> None:
    line.remove(line.cursor, line.cursor + max(1, count))


def _erase(line: EditedLine, count: int, _row: int, _end: int) -> None:
    line.blank(line.cursor, line.cursor + max(1, count))


def _open(line: EditedLine, count: int, _row: int, _end: int) -> None:
    at = line.cursor
    line.insert([Cell(b" ") for _ in range(min(max(1, count), MOST_FILLED))])
    line.cursor = at


def _repeat(line: EditedLine, count: int, _row: int, _end: int) -> None:
    if line.cursor > line.floor:
        last = line.cells[line.cursor - 1].read
        line.write([Cell(last) for _ in range(min(max(1, count), MOST_FILLED))])


def _erase_in_line(line: EditedLine, kind: int, row: int, end: int) -> None:
    """EL: to the end of the row, from its beginning, or all of it."""
    if kind in {1, 2}:
        line.blank(row, line.cursor + 1)
    if kind in {0, 2}:
        if end < len(line.cells):
            line.blank(line.cursor, end)
        else:
            line.remove(line.cursor, len(line.cells))


def _erase_below(line: EditedLine, kind: int, row: int, _end: int) -> None:
    """ED: everything behind the cursor; the whole screen as well, as far as this line is concerned."""
    if kind == 0:
        line.remove(line.cursor, len(line.cells))
    else:
        line.blank(row, len(line.cells))


EDITS: dict[bytes, Callable[[EditedLine, int, int, int], None]] = {
    b"P": _delete,
    b"X": _erase,
    b"@": _open,
    b"b": _repeat,
    b"K": _erase_in_line,
    b"J": _erase_below,
}
