"""Card numbers in messages between banks (ISO 8583)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sidecar.masking.model import FIRST, LAST, MASKED, Reading
from sidecar.masking.patterns import BITMAPS, TYPES
from sidecar.masking.sad import DIGITS, every

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sidecar.masking.cards import CardTable


class Iso8583:
    """ISO 8583 messages in ASCII: type, bitmap with bit 2 set, length, number, all without a gap.

    The bitmap is in hex or in bytes. Fields follow the number, so it lies in at least 20 digits in a row.
    Types are those that the first look knows: another would be read where it stands near one of these, and
    only there.
    """

    name = "iso8583"

    def __init__(self, table: CardTable) -> None:
        self._table = table
        heads = [rb"(?:" + rb"|".join(TYPES) + rb")" + bitmap for bitmap in BITMAPS]
        self._shapes = [re.compile(rb"(?=" + head + rb"(1[2-9])([0-9]{12}))", re.DOTALL) for head in heads]

    def read_between(self, buffer: bytes, spans: Iterable[tuple[int, int]], found: list[Reading]) -> None:
        """See ``Detector``."""
        for low, high in spans:
            self._read(buffer, low, high, found)

    def _read(self, buffer: bytes, low: int, high: int, found: list[Reading]) -> None:
        for shape in self._shapes:
            for match in every(shape, buffer, low, high):
                start = match.start(2)
                end = start + int(match[1])
                digits = buffer[start:end]
                if len(digits) == end - start and digits.isdigit() and self._run(buffer, end) >= 20:
                    brand = self._table.brand(digits)
                    if brand is not None:
                        spots = ((start + FIRST, end - LAST),)
                        found.append(Reading("iso8583", brand, start, end, spots, MASKED))

    @staticmethod
    def _run(buffer: bytes, end: int) -> int:
        """How many digits in a row there are around ``end``, 40 to either side at most."""
        left, right = buffer[max(0, end - 40) : end], buffer[end : end + 40]
        return len(left) - len(left.rstrip(DIGITS)) + len(right) - len(right.lstrip(DIGITS))

    def open_from(self, buffer: bytes) -> int:
        """See ``Detector``: the digits wait as those of any run do (``tracks.Track2.open_from``)."""
        return len(buffer)
