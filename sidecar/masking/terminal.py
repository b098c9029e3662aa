"""What a program writes to a terminal, masked as it stands on the screen.

Where a program goes back in its line - to erase, to overwrite, to draw it again - or a number runs over the
end of a row, the line is followed cell by cell (the control functions are those of ECMA-48 and of xterm).
What moves the cursor elsewhere ends the line, unless it comes right back to where the line goes on, as where
an editor shows the column beside every key that is typed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sidecar.masking.controls import (
    AT_END,
    COLOURS,
    JOINS,
    MARGINS,
    NUMBER,
    OTHER_SCREEN,
    PLACE,
    QUIET,
    STOP,
    STRINGS,
    TOKEN,
    UNFINISHED,
    column_behind,
)
from sidecar.masking.edited import JOINT, EditedLine
from sidecar.masking.following import LONGEST_TEXT, FollowingMasker
from sidecar.masking.rows import EDITS, MOVES, PLACES, Rows, within
from sidecar.masking.units import Cell, Unit, characters

if TYPE_CHECKING:
    from sidecar.masking.stream import Masker

USUAL_COLUMNS = 80
# At so many more places the cursor may be put before it comes back to a line that does not wait for it.
MOST_AWAY = 2


@dataclass
class _Left:
    """A line that the cursor left at its end, and may come back to."""

    line: EditedLine
    rows: Rows
    last: int
    """The row of the screen in which the cursor was."""
    waits: bool
    """Whether its bytes wait for that: the cursor came back before, as where a line is typed."""
    away: int = 0
    """At how many more places the cursor was put since."""


class TerminalMasker(FollowingMasker):
    """Masks what a program writes to a terminal. Made by ``Engine.terminal``."""

    def __init__(self, masker: Masker, columns: int = 0) -> None:
        """``columns`` is the terminal's width, 0 if it is not known."""
        self._rows = Rows(columns or USUAL_COLUMNS)
        self._column: int | None = 0
        self._next_column: int | None = 0
        self._soft = False
        self._wrapped = False
        """Whether the cursor was put at the beginning of the next row and nothing was printed there yet."""
        self._inserts = False
        self._left: list[_Left] = []
        self._came_back = False
        """Whether the cursor left this line and came back."""
        super().__init__(masker)

    def resize(self, columns: int) -> None:
        """The terminal is ``columns`` wide from now on; 0 if that is not known."""
        columns = columns or USUAL_COLUMNS
        if columns != self._rows.columns:
            self._rows.columns = columns
            self._forget_left()
            self._column = self._rows.origin = None if self._text or self._line is not None else 0

    def _stop(self, data: bytes, at: int) -> tuple[int, bool]:
        for match in STOP.finditer(data, at):
            stop = match.start()
            if data[stop] == 0x20 or data[match.end() - 1] == 0x0A:
                if self._ends_row(data, at, stop):
                    return stop, AT_END.match(data, stop) is not None
            else:
                return stop, self._token(data, stop) == stop
        return len(data), False

    def _ends_row(self, data: bytes, at: int, stop: int) -> bool:
        """Whether the text before ``stop`` fills its row and may go on in the next."""
        begin = data.rfind(b"\n", at, stop) + 1
        line = data[begin:stop] if begin else self._text + data[at:stop]
        column = 0 if begin else self._column
        if column is None or len(line) > LONGEST_TEXT:
            return False
        last = line[-1:] if line[-1:] != b"m" else COLOURS.sub(b"", line[-128:])[-1:]
        if last not in JOINS:
            return False
        column = column_behind(line, column, self._rows.columns)
        return column > 0 and column % self._rows.columns == 0

    def _token(self, data: bytes, at: int) -> int:
        match = TOKEN.match(data, at)
        end = match.end() if match is not None else len(data)
        if (
            data[end - 1] == 0x0A
            and end == len(data)
            and (self._line is None or self._rows.go_on(self._line))
        ):
            return at
        if (data[at] in b"\r\x1b" or data[at] >= 0xC2) and UNFINISHED.match(data, at) is not None:
            return at
        return end

    def _close(self) -> bytes:
        self._forget_left()
        return super()._close()

    def _line_begins(self, line: EditedLine | None) -> None:
        if line is None:
            self._forget_left()
            self._rows.row, self._next_column = None, 0
        self._came_back = False
        self._column, self._next_column = self._next_column, 0
        if line is not None:
            self._line_followed(line)

    def _line_followed(self, line: EditedLine) -> None:
        self._rows.origin = None if self._column is None else line.floor - self._column
        self._rows.full = self._soft = self._wrapped = False

    def _column_lost(self) -> None:
        self._column = None

    def _follow(self, line: EditedLine, data: bytes, at: int, out: list[bytes]) -> int:
        if self._wrapped and data[at] >= 0x20 and data[at : at + 1] not in JOINS:
            self._break(line, 0)
            self._end(line)
            out.append(line.take())
            return at
        return super()._follow(line, data, at, out)

    def _obey(self, line: EditedLine, unit: Unit, behind: bytes) -> None:
        token = unit.raw
        first = token[0]
        if first >= 0x20 and first != 0x7F:
            self._print(line, unit)
        elif first == 0x1B:
            self._control(line, unit)
        elif token[-1] == 0x0A:
            self._newline(line, unit, behind)
        elif first in b"\b\r\t":
            self._place(line, unit, PLACES[token](self._rows, line))
        elif first in b"\x0b\x0c":
            self._leave(line, unit, None)
        else:
            line.pass_on(unit)

    def _print(self, line: EditedLine, unit: Unit) -> None:
        joined = self._soft and unit.raw[:1].isdigit() and line.cells[line.cursor - 1].read[-1:].isdigit()
        cells = characters(unit, JOINT if joined else b"")
        for cell in cells:
            if cell.unit is not None:
                line.enqueue(cell.unit)
        if self._inserts:
            line.insert(cells)
        else:
            line.write(cells)
        self._soft = self._wrapped = False
        self._rows.written(line)

    def _newline(self, line: EditedLine, unit: Unit, behind: bytes) -> None:
        self._forget_left()
        if self._rows.go_on(line) and behind in JOINS:
            line.pass_on(unit)
            self._soft, self._rows.full = True, False
            return
        line.read_all()
        line.cursor = len(line.cells)
        line.enqueue(unit)
        line.write([Cell(unit.raw, unit)])
        self._ended, self._rows.row = True, None

    def _leave(self, line: EditedLine, unit: Unit, column: int | None) -> None:
        """The cursor goes where this line is not, and no other that is known."""
        self._forget_left()
        self._end_here(line, unit, column)

    def _end_here(self, line: EditedLine, unit: Unit, column: int | None) -> None:
        line.read_all()
        line.pass_on(unit)
        self._break(line, column)
        self._ended, self._rows.row = True, None

    def _break(self, line: EditedLine, column: int | None) -> None:
        """The line ends without a byte that says so; the next begins in ``column``."""
        line.cursor = len(line.cells)
        line.write([Cell(b"\n")])
        self._next_column = column

    def _place(self, line: EditedLine, unit: Unit, to: int | None) -> None:
        """Put the cursor at the cell ``to``; None is no cell of this line."""
        self._rows.full = self._soft = self._wrapped = False
        to = within(line, to)
        if to is None:
            self._leave(line, unit, 0 if unit.raw[:1] == b"\r" else None)
            return
        line.pass_on(unit)
        line.move(to, b"\t" if unit.raw == b"\t" else b" ")

    def _control(self, line: EditedLine, unit: Unit) -> None:
        token = unit.raw
        if token[1:2] in STRINGS and len(token) > 2:
            self._aside(unit)
            line.enqueue(unit)
            return
        number = NUMBER.match(token)
        act = EDITS.get(token[-1:]) if number is not None else None
        if act is not None and number is not None:
            row, count = self._rows.begin(line), int(number[1] or 0)
            if row is None:
                row = line.floor
            line.pass_on(unit)
            if token[-1:] == b"J":
                self._forget_left()
            act(line, count, row, row + self._rows.columns)
            return
        move = MOVES.get(token[-1:]) if number is not None else None
        if move is not None and number is not None:
            self._place(line, unit, move(self._rows, line, max(1, int(number[1] or 1))))
        elif token in {b"\x1b[4h", b"\x1b[4l"}:
            self._inserts = token[-1:] == b"h"
            line.pass_on(unit)
        elif len(token) == 1 or (QUIET.match(token) and not OTHER_SCREEN.match(token)):
            line.pass_on(unit)
        else:
            self._address(line, unit)

    def _address(self, line: EditedLine, unit: Unit) -> None:
        """What puts the cursor in a row of the screen, or does what is not known."""
        token = unit.raw
        place, number = PLACE.match(token), NUMBER.match(token)
        if place is not None:
            self._put(line, unit, max(1, int(place[1] or 1)), max(1, int(place[2] or 1)))
        elif number is not None and token[-1:] == b"d":
            self._put(line, unit, max(1, int(number[1] or 1)), self._rows.cursor_column(line))
        elif MARGINS.match(token):
            self._put(line, unit, 1, 1)
        elif token[-1:] == b"L" and number is not None and self._rows.next_begins(line):
            line.pass_on(unit)
        else:
            self._leave(line, unit, None)

    def _put(self, line: EditedLine, unit: Unit, row: int, column: int | None) -> None:
        """Within the rows of the line, in the row behind it if it is full, or in a line that was left."""
        rows, known = self._rows, self._rows.row is not None
        to = rows.cell_at(line, row, column)
        if to is not None:
            self._place(line, unit, to)
            above = rows.rows_above(line)
            if not known:
                rows.row = row - above
            self._soft = to > line.floor and (not known or (column == 1 and above > 0))
            self._wrapped = self._soft and column == 1 and to == len(line.cells)
        elif column is None:
            self._leave(line, unit, None)
            rows.row = row
        elif not self._come_back(line, unit, row, column):
            self._go_away(line, unit, row, column)
            rows.row = row

    def _go_away(self, line: EditedLine, unit: Unit, row: int, column: int) -> None:
        """The cursor is put at another place; where it was at the end of ``line``, it may come back."""
        kept = [left for left in self._left if self._may_come_back(left, row)]
        left = self._left_open(line)
        if left is not None and left.waits:
            line.pass_on(unit)
            self._line = EditedLine(self._fresh.fork(), 0, [])
            self._line.queue = line.queue
            self._next_column = column - 1
            self._line_begins(self._line)
        else:
            self._end_here(line, unit, column - 1)
        self._left = kept if left is None else [*kept, left]

    def _left_open(self, line: EditedLine) -> _Left | None:
        """``line`` as it is left; None if it is not where more text would go on."""
        rows = self._rows
        if rows.origin is None or rows.row is None or line.cursor != len(line.cells):
            return None
        last = rows.row + rows.rows_above(line)
        if self._came_back:
            return _Left(line, rows.moved(0), last, waits=True)
        line.read_all()
        fork = line.fork()
        return _Left(fork, rows.moved(fork.floor - line.cursor), last, waits=False)

    def _may_come_back(self, left: _Left, row: int) -> bool:
        """Whether the cursor may come back to ``left`` after it was put in ``row``; else that line ends."""
        left.away += 1
        comes = left.away <= MOST_AWAY and left.last != row and not left.waits
        if not comes:
            self._forget(left)
        return comes

    def _come_back(self, line: EditedLine, unit: Unit, row: int, column: int) -> bool:
        """Go on with a line that was left, if it has a cell in ``row`` and ``column`` of the screen.

        Or the next, as a blank that is there already is not sent.
        """
        for left in reversed(self._left):
            to = left.rows.cell_at(left.line, row, column)
            if to is not None and to <= len(left.line.cells) + 1:
                line.finish()
                self._findings += line.take_findings()
                left.line.queue = line.queue
                self._line, self._rows, self._left, self._came_back = left.line, left.rows, [], True
                self._put(left.line, unit, row, column)
                return True
        return False

    def _forget_left(self) -> None:
        """The cursor comes back to no line that it left."""
        for left in self._left:
            self._forget(left)
        self._left = []

    def _forget(self, left: _Left) -> None:
        if left.waits:
            left.line.finish()
            self._findings += left.line.take_findings()
