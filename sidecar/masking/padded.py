"""Numbers with digits of a record format right before them: zeros up to the width of a field, or the length.

A field of fixed width is filled up with zeros on the left; a field of variable length has its length in two
digits before it (LLVAR, ISO 8583-1). The number stands alone and without gaps. What waits of it is what waits
of any run of digits (``tracks.Track2.open_from``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sidecar.masking.context import Verdict, judge
from sidecar.masking.model import FIRST, LAST, MASKED, Reading

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sidecar.masking.cards import CardTable

# More than a field and the byte behind it.
_LONGEST = 32


class PaddedReader:
    """Reads them against one card table. Shorter numbers than 14 digits are counters more often."""

    _whole = re.compile(
        rb"(?<![0-9])(?:0{1,8}(?=[1-9][0-9]{13,18}(?![0-9]))"
        rb"|15(?=[0-9]{15}(?![0-9]))|16(?=[0-9]{16}(?![0-9]))|19(?=[0-9]{19}(?![0-9])))([1-9][0-9]+)"
    )

    def __init__(self, table: CardTable) -> None:
        self._table = table

    def read_between(self, buffer: bytes, spans: Iterable[tuple[int, int]], found: list[Reading]) -> int:
        """Add every valid reading whose field starts in ``spans``.

        Returns the first byte that must wait because a verdict needs what comes after ``buffer``, or its
        length if nothing must.
        """
        hold = size = len(buffer)
        for low, high in spans:
            for match in self._whole.finditer(buffer, low, min(size, high + _LONGEST)):
                if match.start() >= high:
                    break
                start, end = match.span(1)
                brand = self._table.brand(match[1])
                if brand is None or end == size:
                    continue
                verdict = judge(buffer, match.start(), end, groups=1, digits=match[0], brand=brand)
                if verdict is Verdict.CARD:
                    found.append(Reading("pan", brand, start, end, ((start + FIRST, end - LAST),), MASKED))
                elif verdict is Verdict.MORE:
                    hold = min(hold, start + FIRST)
        return hold
