"""A session as lines of plain text, about as they stood on the screen when each was finished.

Line editing is followed (carriage return, backspace, cursor left and right, erase in line); what programs
draw over the whole screen comes out in the order in which they drew it.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from webhook.replay.moments import Kind, Moment

_TOKEN: Final = re.compile(r"\x1b\[([0-9:;? ]*)([@-~])|\x1b[#()]?[^\[#()]|[\x00-\x1f]|[^\x00-\x1f]+")
_MAX_LINE: Final = 64 * 1024


class Line(msgspec.Struct, frozen=True):
    """One line of a stream, ``at`` nanoseconds since the start, when its first character came."""

    at: int
    kind: Kind
    text: str


def transcript(moments: Iterable[Moment]) -> Iterator[Line]:
    """Give the lines of what was shown. Standard error has lines of its own."""
    pages = {Kind.OUTPUT: _Page(Kind.OUTPUT), Kind.ERROR_OUTPUT: _Page(Kind.ERROR_OUTPUT)}
    for moment in moments:
        if moment.kind in pages:
            yield from pages[moment.kind].feed(moment)
    for page in pages.values():
        yield from page.close()


class _Page:
    """The line being written on one stream."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._cells: list[str] = []
        self._column = 0
        self._at: int | None = None

    def feed(self, moment: Moment) -> Iterator[Line]:
        for token in _TOKEN.finditer(moment.text):
            self._at = moment.at if self._at is None else self._at
            if token.group() == "\n" or len(self._cells) > _MAX_LINE:
                yield from self.close(keep_empty=True)
            if token.group(2):
                self._control(token.group(1), token.group(2))
            elif token.group() > "\x1f":
                self._write(token.group())
            else:
                self._move(token.group())

    def close(self, *, keep_empty: bool = False) -> Iterator[Line]:
        text = "".join(self._cells).rstrip()
        if text or keep_empty:
            yield Line(self._at or 0, self._kind, text)
        self._cells.clear()
        self._column = 0
        self._at = None

    def _write(self, text: str) -> None:
        self._pad()
        self._cells[self._column : self._column + len(text)] = text
        self._column += len(text)

    def _pad(self) -> None:
        self._cells.extend(" " * (self._column - len(self._cells)))

    def _move(self, token: str) -> None:
        match token:
            case "\r":
                self._column = 0
            case "\b":
                self._column = max(0, self._column - 1)
            case "\t":
                self._write(" " * (8 - self._column % 8))
            case _:
                pass

    def _control(self, parameters: str, final: str) -> None:
        number = int(parameters) if parameters.isdigit() else 1
        match final:
            case "C":
                self._column = min(self._column + number, _MAX_LINE)
            case "D":
                self._column = max(0, self._column - number)
            case "G":
                self._column = min(number, _MAX_LINE) - 1
            case "P":
                del self._cells[self._column : self._column + number]
            case "@":
                self._pad()
                self._cells[self._column : self._column] = " " * min(number, _MAX_LINE)
            case "K":
                self._erase(parameters)
            case _:
                pass

    def _erase(self, parameters: str) -> None:
        if parameters in ("", "0"):
            del self._cells[self._column :]
        elif parameters == "1":
            self._cells[: self._column] = " " * min(self._column, len(self._cells))
        elif parameters == "2":
            self._cells.clear()
