"""Rows of hex dumps: where a number goes on in the next row, and where it is shown a second time.

Known are ``xxd`` (also ``-p``, and other widths and groups), ``hexdump -C``, and ``od -t x1`` and ``x1z``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

Range = tuple[int, int]
# From the last byte of a row to the first of the next: the text column, the offset. The order of the
# alternatives does not matter: a byte of the number follows.
_TEXT = rb"(?: {2,3}\|[^\r\n]{1,16}\|| {2,3}>[^\r\n]{1,16}<|  [^\r\n]{1,32})?"
_OFFSET = rb"(?:[0-9A-Fa-f]{6,16}(?:: {1,2}| {1,2})| )?"
ROW_BREAK = _TEXT + rb"\r?\n" + _OFFSET
# The same, cut off by the end of the buffer.
ROW_BREAK_CUT = (
    rb"(?: {2,3}[^\r\n]{0,34}\r?|\r"
    rb"|(?: {2,3}[^\r\n]{1,34})?\r?\n(?:[0-9A-Fa-f]{1,16}(?:: {0,2}| {0,2})| )?3?)"
)
# A row with an offset has a text column, or may have.
_ROW = re.compile(rb"[0-9A-Fa-f]{6,16}(:)? {1,2}(?=[0-9A-Fa-f]{2})")
_XXD_BYTES = re.compile(rb"(?:[0-9A-Fa-f]{2}){1,32}(?: (?:[0-9A-Fa-f]{2}){1,32}){0,255}")
_BYTES = re.compile(rb"[0-9A-Fa-f]{2}(?: {1,2}[0-9A-Fa-f]{2}(?![0-9A-Fa-f])){0,255}")
_TEXT_AT = re.compile(rb"[ ]*[|>]")
_WIDEST_ROW = 320
_XXD_ROW = 16


def shown_again(buffer: bytes, hidden: Iterable[Range], end: int) -> tuple[tuple[Range, ...], int | None]:
    """Where the text column repeats the bytes whose hex is ``hidden``, of a number that ends at ``end``.

    The second is where the last repetition ends, or ``end`` if there is none; None if that is not known yet.
    """
    again: list[Range] = []
    last: int | None = end
    for start, behind in hidden:
        for at in range(start, behind, 2):
            place, last = _in_text(buffer, at, end)
            if place is not None:
                again.append((place, place + 1))
    return tuple(again), last


def is_dumped(buffer: bytes, at: int) -> bool:
    """Whether ``at`` lies among the hex of a row of ``xxd``, whose groups of four may look like a card's."""
    begin = buffer.rfind(b"\n", max(0, at - _WIDEST_ROW), at) + 1
    head = _ROW.match(buffer, begin, begin + 24) if begin else None
    if head is None or head[1] is None:
        return False
    row = _XXD_BYTES.match(buffer, head.end())
    return row is not None and head.end() <= at < row.end()


def _in_text(buffer: bytes, at: int, end: int) -> tuple[int | None, int | None]:
    """Where the byte whose hex is at ``at`` stands in the text column, and where its row is done with it."""
    begin = buffer.rfind(b"\n", max(0, at - _WIDEST_ROW), at) + 1
    head = _ROW.match(buffer, begin, begin + 24) if begin else None
    if head is None or at < head.end():
        return None, end
    widest = begin + _WIDEST_ROW
    stop = buffer.find(b"\n", at, widest)
    if stop < 0 and len(buffer) >= widest:  # no row of a dump goes on for so long
        stop = widest
    row = buffer[begin : stop if stop >= 0 else len(buffer)]
    xxd, first = head[1] is not None, head.end() - begin
    bytes_ = (_XXD_BYTES if xxd else _BYTES).match(row, first)
    if bytes_ is None or at - begin >= bytes_.end():
        return None, end
    column = _text_column(buffer, begin, row, bytes_, xxd=xxd)
    if column is None:
        return None, max(stop, end) if stop >= 0 else None
    place = begin + column + sum(1 for byte in buffer[head.end() : at] if byte != 0x20) // 2
    if 0 <= stop <= place:
        return None, max(stop, end)
    return place, max(place + 1, end) if place < len(buffer) else None


def _text_column(buffer: bytes, begin: int, row: bytes, bytes_: re.Match[bytes], *, xxd: bool) -> int | None:
    """Where in ``row``, whose hex is ``bytes_``, the text column starts; None if it does not (yet)."""
    first = bytes_.start()
    if not xxd:
        mark = _TEXT_AT.match(row, bytes_.end())
        return mark.end() if mark is not None else None
    text = row[bytes_.end() :]
    blanks = len(text) - len(text.lstrip(b" "))
    least = bytes_.end() + 2
    if blanks < 2 or text == b"  ":  # a third blank would say that the row is short
        return None
    if blanks == 2:
        return least
    above = buffer.rfind(b"\n", max(0, begin - _WIDEST_ROW), begin - 1) + 1
    known = _XXD_BYTES.match(buffer, above + first, begin) if above else None
    if known is not None and _ROW.match(buffer, above) is not None:
        return max(least, known.end() - above + 2)
    group = len(bytes_.group().partition(b" ")[0])
    groups = -(-2 * _XXD_ROW // group)
    return max(least, first + 2 * _XXD_ROW + groups - 1 + 2)
