"""Lines that are typed at a terminal, as they stand on its screen. Pure.

Keys alone do not say what is entered: a line is edited, recalled from the history, completed, pasted. What a
shell echoes does. So a terminal emulator is kept up with the output; a line begins where the cursor was at
its first key and ends where the shell leaves it for the next row.
"""

import re
import unicodedata
from typing import Final, NamedTuple

import pyte

MOST_BETWEEN: Final = 16 * 1024
"""Characters of output that are looked at between two inputs: what was shown before has scrolled away."""
_MOST_CELLS: Final = 1000
_MOST_COMBINED: Final = 16
"""Characters in one cell, more than any script stacks on one. Each costs as much as all before it."""
_MARGIN: Final = 2
_MARKS: Final = ("<", ">", "*", "+")
"""At the right end of a row, at most so far from the edge: there is more on that side, or on both."""
_ROWS: Final = 24
_COLUMNS: Final = 80
_MOST_WAITING: Final = 1000
_PASTE: Final = re.compile("\x1b\\[200~.*?(?:\x1b\\[201~|$)", re.DOTALL)
"""What a terminal pastes (bracketed paste): part of the line, whatever is in it."""
_ENTER: Final = re.compile("\r\n|\r|\n")
_ALTERNATE: Final = re.compile("\x1b\\[\\?(?:47|1047|1049)([hl])")
_ABANDON: Final = re.compile("[\x03\x04]")


class _Place(NamedTuple):
    row: int
    """Counted from the first row there ever was."""
    column: int


class _Screen(pyte.Screen):
    """A screen that knows how many rows it has scrolled away."""

    def __init__(self, columns: int, lines: int) -> None:
        self.scrolled = 0
        super().__init__(columns, lines)

    def resize(self, lines: int | None = None, columns: int | None = None) -> None:
        """Take another size: of fewer rows, those above the cursor scroll away as far as they must."""
        lines = lines or self.lines
        if lines < self.lines:
            self.set_margins()
            row, self.cursor.y = self.cursor.y, self.lines - 1
            for _ in range(row + 1 - lines):
                self.index()
            self.cursor.y = min(row, lines - 1)
            for below in range(lines, self.lines):
                self.buffer.pop(below, None)
            self.lines = lines
        super().resize(lines, columns)

    def draw(self, data: str) -> None:
        """Show characters, but leave out what is stacked on a full cell."""
        if data.isascii():
            super().draw(data)
            return
        for character in data:
            if not unicodedata.combining(character) or self._has_room:
                super().draw(character)

    @property
    def _has_room(self) -> bool:
        """Whether the character before the cursor takes another one on it."""
        row, column = self.cursor.y, self.cursor.x - 1
        if column < 0:
            row, column = row - 1, self.columns - 1
        return row < 0 or len(self.buffer[row][column].data) < _MOST_COMBINED

    def index(self) -> None:
        """Move down a row, scrolling at the last one."""
        margins = self.margins
        if self.cursor.y == (self.lines - 1 if margins is None else margins.bottom):
            self.scrolled += 1
        super().index()

    @property
    def place(self) -> _Place:
        return _Place(self.scrolled + self.cursor.y, self.cursor.x)

    def text(self, row: int) -> str:
        """Give a whole row; empty when it has scrolled away."""
        at = row - self.scrolled
        if not 0 <= at < self.lines:
            return ""
        cells = self.buffer[at]
        return "".join(cells[column].data for column in range(self.columns))


class Typing:
    """Follows one terminal and gives the lines that are typed at it."""

    def __init__(self, *, rows: int, cols: int) -> None:
        """Begin with a terminal of this size in cells."""
        self._screen = _Screen(*_bounded(rows, cols))
        self._stream = pyte.Stream(self._screen)
        self._shown = ""
        self._start: _Place | None = None
        self._prompt = ""
        self._lowest = 0
        """The last row the cursor was seen in since the line began: it may be drawn again from its start."""
        self._missing = -1
        """The last row of which something was not seen: too much was shown at once, or it was cut off."""
        self._entered: list[int] = []
        self.in_full_screen = False
        """Whether a full-screen program has the terminal."""

    def shown(self, text: str) -> list[tuple[int, str]]:
        """Take output; give the lines that end with it, and when they were entered."""
        lines: list[tuple[int, str]] = []
        for part, alternate in _parts(text):
            if not self.in_full_screen:
                lines += self._drawn(part)
            self.in_full_screen = self.in_full_screen if alternate is None else alternate
        return lines

    def typed(self, at: int, text: str) -> None:
        """Take keys. A line that is entered with them ends when the shell moves on."""
        if self.in_full_screen:
            return
        self._follow()
        if self._start is None and not self._entered:
            self._start = self._screen.place
            self._prompt = self._screen.text(self._start.row)[: self._start.column]
            self._lowest, self._missing = self._start.row, -1
        if _ABANDON.search(text):
            self._start = None
        entered = len(_ENTER.findall(_PASTE.sub("", text)))
        self._entered += [at] * min(entered, _MOST_WAITING - len(self._entered))

    def resize(self, rows: int, cols: int) -> None:
        """The terminal has another size."""
        self._follow()
        columns, lines = _bounded(rows, cols)
        drawn = range(self._begin().row, self._lowest + 1)
        if any(self._screen.text(row)[columns:].strip() for row in drawn):
            self._missing = self._lowest
        self._screen.resize(lines, columns)

    @property
    def line(self) -> str:
        """The line that is being typed, as it stands there now; empty while an earlier one is under way."""
        self._follow()
        return self._line() if self._start is not None and not self._entered else ""

    @property
    def line_is_cut(self) -> bool:
        """Whether some of that line may not be on the screen, for it is longer, or has not been looked at."""
        self._follow()
        begin = self._begin()
        first, height = begin.row, self._lowest - begin.row + 1
        is_gone = first <= self._missing or first < self._screen.scrolled or height >= self._screen.lines
        return is_gone or (height == 1 and self._is_scrolled_sideways(begin))

    def _is_scrolled_sideways(self, begin: _Place) -> bool:
        """Whether a shell that shows a line in one row (ksh) has marked that there is more of it."""
        row = self._screen.text(begin.row)
        shown = row.rstrip()
        ends_marked = len(row) - len(shown) <= _MARGIN and shown[-1:] in _MARKS
        begins_marked = "<" in (
            row[begin.column : begin.column + 1],
            row[:1] if self._prompt[:1] != "<" else "",
        )
        return ends_marked or begins_marked

    def _drawn(self, text: str) -> list[tuple[int, str]]:
        lines: list[tuple[int, str]] = []
        while self._entered and (end := text.find("\n")) >= 0:
            self._shown += text[:end]
            self._follow()
            entered = self._line()
            at = self._entered.pop(0)
            if entered:
                lines.append((at, entered))
            self._start = None
            self._shown, text = "\n", text[end + 1 :]
        self._shown += text
        if len(self._shown) > MOST_BETWEEN:
            self._shown = self._shown[-MOST_BETWEEN:]
            self._missing = max(self._lowest, self._screen.place.row)
        return lines

    def _follow(self) -> None:
        self._stream.feed(self._shown)
        self._shown = ""
        self._lowest = max(self._lowest, self._screen.place.row)

    def _line(self) -> str:
        start = self._begin()
        rows = [self._screen.text(row) for row in range(start.row, self._lowest + 1)]
        rows = [rows[0][start.column :], *rows[1:]] if rows else []
        return "".join(row if row[-1:].strip() else f"{row.rstrip()}\n" for row in rows).strip()

    def _begin(self) -> _Place:
        """Give where the line begins: what completes it may have drawn the prompt again further down."""
        first = self._start.row if self._start else self._lowest
        for row in range(self._lowest, first - 1, -1):
            is_new = row == first or not self._screen.text(row - 1)[-1:].strip()
            if is_new and self._prompt.strip() and self._screen.text(row).startswith(self._prompt):
                return _Place(row, len(self._prompt))
        return self._start or _Place(self._lowest, 0)


def _bounded(rows: int, cols: int) -> tuple[int, int]:
    """Give columns and rows; of a terminal without a size, what programs take it for."""
    return min(cols or _COLUMNS, _MOST_CELLS), min(rows or _ROWS, _MOST_CELLS)


def _parts(text: str) -> list[tuple[str, bool | None]]:
    """Cut output where a full-screen program takes the terminal or gives it back."""
    parts: list[tuple[str, bool | None]] = []
    at = 0
    for switch in _ALTERNATE.finditer(text):
        parts.append((text[at : switch.start()], switch.group(1) == "h"))
        at = switch.end()
    return [*parts, (text[at:], None)]
