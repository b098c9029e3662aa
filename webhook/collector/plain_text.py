"""Bytes of a terminal as text for search: what a person could read, nothing that could forge. Pure."""

import re
from typing import Final

_ESCAPE: Final = re.compile(
    rb"\x1b(?:"
    rb"\[[0-?]*[ -/]*[@-~]"  # control sequence (ECMA-48 5.4)
    rb"|\][^\x07\x1b\n]*(?:\x07|\x1b\\)"  # operating system command, as xterm ends it
    rb"|[PX^_][^\x1b\n]*\x1b\\"  # device control and other strings (ECMA-48 8.3)
    rb"|[ -/]+[0-~]"  # character sets and the like (ECMA-35)
    rb"|[0-~]"
    rb")?"
)
_PLAIN: Final = bytes(range(0x20, 0x7F)) + b"\n"
_UNPRINTED: Final = bytes(byte for byte in range(0x20) if byte not in b"\b\t\n\r\x1b")
_BLANK: Final = re.compile("[\t\v\f\x80-\x9f\u2028\u2029\ufff9-\ufffd]+")
_UNSEEN: Final = re.compile("[\x00-\x09\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]+")
_EDIT: Final = re.compile(rb"\x1b\[[0-9]{0,4}[@CDGKPX]")
"""Control sequences that edit the line where the cursor is (ECMA-48 8.3), as readline and busybox do."""
_MOVES: Final = re.compile("\x1b\\[([0-9]{0,4})([@CDGKPX])|([\b\x7f])")
_WORD: Final = re.compile(rb"[\x20-\x7e]{4,}")
_BINARY_FROM_BYTES: Final = 256
_UNPRINTED_SHARE: Final = 20
_MOVES_SHARE: Final = 4
"""Data is binary when one byte in so many has no place in a text, or moves back in it."""
_WIDEST: Final = 1000
"""Columns; no cursor moves further to the right."""
_MOST_STATES: Final = 16
"""Of one line that are told; what is erased after so many stays."""


def plain_text(raw: bytes) -> str:
    """Give the readable lines of a piece of a stream, joined by newlines; empty when there are none.

    A line is given as a terminal shows it once it was edited, and before that as it was when something of it
    was erased: nothing that was shown is hidden from a search. Other escapes are removed, and a carriage
    return ends a line. No control character but newline is left, and none that turns the direction of
    writing. Of binary data, what looks like words is left.
    """
    lines = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if _is_binary(lines):
        return _readable_lines(b"\n".join(_WORD.findall(lines)).decode("ascii"))
    shown = _without_escapes(lines) if b"\x1b" in lines else lines
    text = shown.decode(errors="replace")
    if not shown.translate(None, _PLAIN):
        return _readable_lines(text)
    if _MOVES.search(text):
        text = "\n".join(_typed(line) for line in text.split("\n"))
    return _readable_lines(_UNSEEN.sub("", _BLANK.sub(" ", text)))


def _is_binary(data: bytes) -> bool:
    if len(data) < _BINARY_FROM_BYTES:
        return False
    unprinted = len(data) - len(data.translate(None, _UNPRINTED))
    moves = data.count(b"\b") + data.count(b"\x7f")
    return unprinted * _UNPRINTED_SHARE > len(data) or moves * _MOVES_SHARE > len(data)


def _without_escapes(data: bytes) -> bytes:
    """Remove all but those that edit a line."""
    if not _EDIT.search(data):
        return _ESCAPE.sub(b"", data)
    return _ESCAPE.sub(lambda found: found[0] if _EDIT.fullmatch(found[0]) else b"", data)


def _typed(line: str) -> str:
    """Give a line as the cursor left it, behind what it was each time before something was erased."""
    row = _Row()
    at = 0
    for move in _MOVES.finditer(line):
        row.write(line[at : move.start()])
        at = move.end()
        row.edit(move[3] or move[2], move[1] or "")
    row.write(line[at:])
    return "\n".join([*row.before, "".join(row.cells)])


class _Row:
    """One line of a terminal, as wide as it needs."""

    def __init__(self) -> None:
        self.cells: list[str] = []
        self.before: list[str] = []
        """What it was when something was erased."""
        self._cursor = 0
        self._is_new = False
        """Whether something was written since then."""

    def write(self, text: str) -> None:
        """Write over what is there."""
        if text:
            self.cells += " " * (self._cursor - len(self.cells))
            self.cells[self._cursor : self._cursor + len(text)] = text
            self._cursor += len(text)
            self._is_new = True

    def edit(self, how: str, number: str) -> None:
        """Move, insert or erase: a control character, or the last byte of a control sequence."""
        count, cursor = max(1, min(int(number or 1), _WIDEST)), self._cursor
        match how:
            case "\b" | "D":
                self._cursor = max(0, cursor - count)
            case "C":
                self._cursor = max(cursor, min(cursor + count, _WIDEST - 1))
            case "G":
                self._cursor = min(count, _WIDEST) - 1
            case "@":
                self.cells[cursor:cursor] = " " * (count if cursor < len(self.cells) else 0)
            case "\x7f":
                self._cursor = max(0, cursor - 1)
                del self.cells[self._cursor : self._cursor + 1]
            case "P":
                self._erase(cursor, cursor + count, keep_place=False)
            case "X":
                self._erase(cursor, cursor + count)
            case _:  # K
                start = 0 if number in {"1", "2"} else cursor
                self._erase(start, cursor + 1 if number == "1" else len(self.cells))

    def _erase(self, start: int, end: int, *, keep_place: bool = True) -> None:
        erased = self.cells[start:end]
        if self._is_new and any(cell != " " for cell in erased):
            if len(self.before) == _MOST_STATES:
                return
            self.before.append("".join(self.cells))
            self._is_new = False
        self.cells[start:end] = " " * len(erased) if keep_place else ""


def _readable_lines(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.split("\n") if line and not line.isspace())
