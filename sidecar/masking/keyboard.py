"""What is typed at a terminal, masked as the line stands that it makes.

Editing keys are those of a shell (readline's, in its emacs mode); a key that brings in what was not typed,
such as one of the history, ends the line.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sidecar.masking.controls import CSI, CSI_BEGUN, UTF8, UTF8_BEGUN
from sidecar.masking.following import FollowingMasker
from sidecar.masking.units import Cell, characters

if TYPE_CHECKING:
    from collections.abc import Callable

    from sidecar.masking.edited import EditedLine
    from sidecar.masking.units import Unit

_TOKEN = re.compile(rb"[ -~]+|" + UTF8 + rb"|" + CSI + rb"|\x1b(?:O[A-Za-z]|[bfd\x7f])|.", re.DOTALL)
_UNFINISHED = re.compile(rb"(?:" + CSI_BEGUN + rb"|\x1bO?|" + UTF8_BEGUN + rb")\Z")
_STOP = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_WORD = re.compile(rb"[^ ]* *\Z")
_NEXT_WORD = re.compile(rb" *[^ ]*")
# Pasting begins and ends, the window gains or loses focus, the next key is taken as it is.
_QUIET = frozenset((b"\x1b[200~", b"\x1b[201~", b"\x1b[I", b"\x1b[O", b"\x16", b"\x0c", b"\x00"))


class KeyboardMasker(FollowingMasker):
    """Masks what is typed. Made by ``Engine.keyboard``."""

    def _last_line(self, text: bytes) -> int:
        return max(text.rfind(b"\n"), text.rfind(b"\r")) + 1

    def _stop(self, data: bytes, at: int) -> tuple[int, bool]:
        match = _STOP.search(data, at)
        if match is None:
            return len(data), False
        return match.start(), self._token(data, match.start()) == match.start()

    def _token(self, data: bytes, at: int) -> int:
        if _UNFINISHED.match(data, at) is not None:
            return at
        match = _TOKEN.match(data, at)
        return match.end() if match is not None else len(data)

    def _obey(self, line: EditedLine, unit: Unit, behind: bytes) -> None:
        del behind
        token = unit.raw
        key = _KEYS.get(token)
        if token[0] >= 0x20 and token[0] != 0x7F:
            cells = characters(unit)
            for cell in cells:
                if cell.unit is not None:
                    line.enqueue(cell.unit)
            line.insert(cells)
        elif token == b"\t":
            line.pass_on(unit)
            line.insert([Cell(b"\t")])
        elif key is not None:
            line.pass_on(unit)
            key(line)
        elif token in _QUIET:
            line.pass_on(unit)
        else:
            self._leave(line, unit)

    def _leave(self, line: EditedLine, unit: Unit) -> None:
        """The line is entered, or another takes its place."""
        line.read_all()
        line.cursor = len(line.cells)
        line.pass_on(unit)
        # A return is a key of its own: whether a line feed follows is not known when it is pressed.
        line.write([Cell(unit.raw if unit.raw == b"\r" else b"\n")])
        self._ended = True


def _back(line: EditedLine) -> None:
    line.remove(line.cursor - 1, line.cursor)


def _typed(line: EditedLine, start: int, end: int) -> bytes:
    """One byte for each cell."""
    return b"".join(cell.read[:1] or b"x" for cell in line.cells[start:end])


def _word(line: EditedLine) -> None:
    match = _WORD.search(_typed(line, line.floor, line.cursor))
    if match is not None:
        line.remove(line.floor + match.start(), line.cursor)


def _word_left(line: EditedLine) -> None:
    match = _WORD.search(_typed(line, line.floor, line.cursor))
    if match is not None:
        line.move(line.floor + match.start())


def _next_word(line: EditedLine) -> int:
    match = _NEXT_WORD.match(_typed(line, line.cursor, len(line.cells)))
    return line.cursor + (match.end() if match is not None else 0)


def _word_right(line: EditedLine) -> None:
    line.move(_next_word(line))


def _delete_word(line: EditedLine) -> None:
    line.remove(line.cursor, _next_word(line))


def _delete(line: EditedLine) -> None:
    line.remove(line.cursor, line.cursor + 1)


def _kill(line: EditedLine) -> None:
    line.remove(line.cursor, len(line.cells))


def _discard(line: EditedLine) -> None:
    line.remove(line.floor, line.cursor)


def _left(line: EditedLine) -> None:
    line.move(line.cursor - 1)


def _right(line: EditedLine) -> None:
    line.move(min(line.cursor + 1, len(line.cells)))


def _home(line: EditedLine) -> None:
    line.move(line.floor)


def _end(line: EditedLine) -> None:
    line.move(len(line.cells))


_KEYS: dict[bytes, Callable[[EditedLine], None]] = {
    b"\x7f": _back,
    b"\b": _back,
    **dict.fromkeys((b"\x17", b"\x1b\x7f"), _word),
    **dict.fromkeys((b"\x1bb", b"\x1b[1;5D", b"\x1b[1;3D", b"\x1b[5D"), _word_left),
    **dict.fromkeys((b"\x1bf", b"\x1b[1;5C", b"\x1b[1;3C", b"\x1b[5C"), _word_right),
    b"\x1bd": _delete_word,
    b"\x15": _discard,
    b"\x0b": _kill,
    **dict.fromkeys((b"\x04", b"\x1b[3~"), _delete),
    **dict.fromkeys((b"\x02", b"\x1b[D", b"\x1bOD"), _left),
    **dict.fromkeys((b"\x06", b"\x1b[C", b"\x1bOC"), _right),
    **dict.fromkeys((b"\x01", b"\x1b[H", b"\x1bOH", b"\x1b[1~"), _home),
    **dict.fromkeys((b"\x05", b"\x1b[F", b"\x1bOF", b"\x1b[4~"), _end),
}
