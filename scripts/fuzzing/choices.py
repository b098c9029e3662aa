"""Decisions drawn from bytes, so that random bytes, a fuzzer's bytes and a saved file all tell a story."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Choices:
    """Draws decisions from ``data`` until it is used up; from then on every draw gives the first choice."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        """Bytes not used yet."""
        return len(self._data) - self._at

    def below(self, limit: int) -> int:
        """A number from 0 to ``limit`` - 1, of one byte up to 256 and of two beyond."""
        width = 1 if limit <= 256 else 2
        raw = self._data[self._at : self._at + width]
        self._at = min(len(self._data), self._at + width)
        return int.from_bytes(raw, "little") % limit

    def one_of(self, among: Sequence[T]) -> T:
        """One of ``among``."""
        return among[self.below(len(among))]

    def raw(self, most: int) -> bytes:
        """Up to ``most`` bytes as they are."""
        count = self.below(most + 1)
        taken = self._data[self._at : self._at + count]
        self._at += len(taken)
        return taken
