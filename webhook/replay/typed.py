"""Lines that were typed at a terminal, as they stood on its screen when they were entered.

Keys alone do not say what was entered: a line is edited, recalled from the history, completed, pasted. What
a shell echoes does. So a terminal emulator is kept up with the output; a line begins where the cursor was at
its first key and ends where the shell leaves it for the next row. All of it was masked before.
"""

import re
from typing import Final, NamedTuple

import msgspec
import pyte

from webhook.replay.moments import Kind, Moment

MOST_BETWEEN: Final = 16 * 1024
"""Characters of output that are looked at between two inputs: what was shown before has scrolled away."""
_MOST_CELLS: Final = 1000
_MOST_WAITING: Final = 1000
_PASTE: Final = re.compile("\x1b\\[200~.*?(?:\x1b\\[201~|$)", re.DOTALL)
"""What a terminal pastes (bracketed paste): part of the line, whatever is in it."""
_ENTER: Final = re.compile("\r\n|\r|\n")
_ALTERNATE: Final = re.compile("\x1b\\[\\?(?:47|1047|1049)([hl])")
_ABANDON: Final = re.compile("[\x03\x04]")


class TypedLine(msgspec.Struct, frozen=True):
    """A line, ``at`` nanoseconds since the start, when it was entered."""

    at: int
    text: str


class _Place(NamedTuple):
    row: int
    """Counted from the first row there ever was."""
    column: int


class _Screen(pyte.Screen):
    """A screen that knows how many rows it has scrolled away."""

    def __init__(self, columns: int, lines: int) -> None:
        self.scrolled = 0
        super().__init__(columns, lines)

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


class TypedLines:
    """Follows one session at a terminal and gives the lines that were typed in it."""

    def __init__(self, *, rows: int, cols: int) -> None:
        """Begin with a terminal of this size in cells."""
        self._screen = _Screen(*_bounded(rows, cols))
        self._stream = pyte.Stream(self._screen)
        self._shown = ""
        self._start: _Place | None = None
        self._prompt = ""
        self._lowest = 0
        """The last row the cursor was seen in since the line began: it may be drawn again from its start."""
        self._entered: list[int] = []
        self._alternate = False

    def feed(self, moment: Moment) -> list[TypedLine]:
        """Give the lines that end at a moment; one that is entered ends when the shell moves on."""
        match moment.kind:
            case Kind.OUTPUT:
                return self._output(moment.text)
            case Kind.INPUT if not self._alternate:
                self._input(moment)
            case Kind.RESIZE:
                self._follow()
                columns, lines = _bounded(moment.rows, moment.cols)
                self._screen.resize(lines, columns)
            case _:
                pass
        return []

    def _output(self, text: str) -> list[TypedLine]:
        lines: list[TypedLine] = []
        for part, alternate in _parts(text):
            if not self._alternate:
                lines += self._drawn(part)
            self._alternate = self._alternate if alternate is None else alternate
        return lines

    def _drawn(self, text: str) -> list[TypedLine]:
        lines: list[TypedLine] = []
        while self._entered and (end := text.find("\n")) >= 0:
            self._shown += text[:end]
            self._follow()
            entered = self._line()
            at = self._entered.pop(0)
            if entered:
                lines.append(TypedLine(at, entered))
            self._start = None
            self._shown, text = "\n", text[end + 1 :]
        self._shown = (self._shown + text)[-MOST_BETWEEN:]
        return lines

    def _input(self, moment: Moment) -> None:
        self._follow()
        if self._start is None and not self._entered:
            self._start = self._screen.place
            self._prompt = self._screen.text(self._start.row)[: self._start.column]
            self._lowest = self._start.row
        if _ABANDON.search(moment.text):
            self._start = None
        entered = len(_ENTER.findall(_PASTE.sub("", moment.text)))
        self._entered += [moment.at] * min(entered, _MOST_WAITING - len(self._entered))

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
            if self._prompt.strip() and self._screen.text(row).startswith(self._prompt):
                return _Place(row, len(self._prompt))
        return self._start or _Place(self._lowest, 0)


def _bounded(rows: int, cols: int) -> tuple[int, int]:
    return max(1, min(cols, _MOST_CELLS)), max(1, min(rows, _MOST_CELLS))


def _parts(text: str) -> list[tuple[str, bool | None]]:
    """Cut output where a full-screen program takes the terminal or gives it back."""
    parts: list[tuple[str, bool | None]] = []
    at = 0
    for switch in _ALTERNATE.finditer(text):
        parts.append((text[at : switch.start()], switch.group(1) == "h"))
        at = switch.end()
    return [*parts, (text[at:], None)]
