"""A session's streams as passages of text for search, frame by frame. Pure.

A passage holds whole lines of one frame, up to 4 KiB; a line that is not finished waits for the frames
that finish it. What waits is part of the session's record, so whoever takes the next frame continues.
"""

from typing import Final, NamedTuple

from sidecar.contract.events import Data, Program
from webhook.collector.plain_text import plain_text
from webhook.store.contract import Passage, Unfinished

PASSAGE_BYTES: Final = 4096
_LONGEST_CHARACTER: Final = 4
_LONGEST_ESCAPE: Final = 32


class _Piece(NamedTuple):
    start: int
    end: int


class Passages:
    """The text of one session, from wherever its record stands."""

    def __init__(self, session: str, unfinished: tuple[Unfinished, ...]) -> None:
        self._session = session
        self._waiting = {part.channel: part for part in unfinished}

    @property
    def unfinished(self) -> tuple[Unfinished, ...]:
        """What waits for the rest of its line."""
        return tuple(self._waiting.values())

    def feed(self, sequence: int, event: Data) -> list[Passage]:
        """Give the passages that a frame finishes."""
        before = self._waiting.pop(event.channel, None)
        data = event.data if before is None else before.data + event.data
        here = Unfinished(event.channel, sequence, event.at, b"")
        pieces, rest = _cut(data)
        borrowed = 0 if before is None else len(before.data)
        passages = [
            self._passage(
                before if before and piece.start < borrowed else here, data[piece.start : piece.end]
            )
            for piece in pieces
        ]
        if rest < len(data):
            origin = before if before and rest < borrowed else here
            self._waiting[event.channel] = Unfinished(event.channel, origin.sequence, origin.at, data[rest:])
        return [passage for passage in passages if passage.text]

    def finish(self) -> list[Passage]:
        """Give what waits, finished or not: the session is over."""
        waiting = [self._passage(part, part.data) for part in self._waiting.values()]
        self._waiting.clear()
        return [passage for passage in waiting if passage.text]

    def _passage(self, origin: Unfinished, data: bytes) -> Passage:
        return Passage(self._session, origin.sequence, origin.at, origin.channel, plain_text(data))


def program_passage(session: str, sequence: int, event: Program) -> Passage:
    """Give a program as a passage, cut where its command line is very long."""
    text = f"{event.executable}: {' '.join(event.argv)}"[:PASSAGE_BYTES]
    return Passage(session, sequence, event.at, None, plain_text(text.encode()))


def _cut(data: bytes) -> tuple[list[_Piece], int]:
    """Give the pieces of at most PASSAGE_BYTES to pass on, and where the unfinished rest starts."""
    pieces: list[_Piece] = []
    start = 0
    while len(data) - start > PASSAGE_BYTES:
        end = _line_end(data, start, start + PASSAGE_BYTES) or _gap(data, start, start + PASSAGE_BYTES)
        pieces.append(_Piece(start, end))
        start = end
    end = _line_end(data, start, len(data))
    if end:
        pieces.append(_Piece(start, end))
    return pieces, end or start


def _line_end(data: bytes, start: int, end: int) -> int:
    """Give the place after the last line that ends between two places, 0 for none."""
    return max(data.rfind(b"\n", start, end), data.rfind(b"\r", start, end)) + 1


def _gap(data: bytes, start: int, end: int) -> int:
    """Give where to cut a very long line: after a space, else in no escape and no character."""
    space = data.rfind(b" ", start + PASSAGE_BYTES // 2, end)
    if space >= 0:
        return space + 1
    escape = data.rfind(b"\x1b", end - _LONGEST_ESCAPE, end)
    if escape > start:
        return escape
    for place in range(end, end - _LONGEST_CHARACTER, -1):
        if data[place] & 0xC0 != 0x80:
            return place
    return end
