"""Card numbers in a buffer: which stretches are valid readings, and from where the end is still open.

A reading starts at a digit that follows a non-digit, takes 12 to 19 digits with at most one gap between two
of them, and ends before a non-digit. It counts when brand, length, check digit and grouping fit. It shows its
first six and last four digits and hides the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.masking.card_table import GROUPINGS
from sidecar.masking.model import Reading
from sidecar.masking.patterns import (
    DIGIT_NEAR_END,
    DIGITS,
    GAP_AT_END,
    GAP_BEFORE_DIGIT,
    LONGEST_GAP,
    MOST_DIGITS,
    SPAN,
    START,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sidecar.masking.cards import CardTable

FIRST, LAST = 6, 4


def _grouped_well(buffer: bytes, groups: list[tuple[int, int]]) -> bool:
    """Whether the digits are grouped as cards are written."""
    if len(groups) == 1 or tuple(count for _, count in groups) in GROUPINGS:
        return True
    gaps = {buffer[at + count : groups[n + 1][0]] for n, (at, count) in enumerate(groups[:-1])}
    return gaps == {b"-"} and groups[0][1] >= 4


def _hidden(groups: list[tuple[int, int]], total: int) -> tuple[tuple[int, int], ...]:
    """The byte ranges of the digits between the first six and the last four."""
    ranges: list[tuple[int, int]] = []
    before = 0
    for at, count in groups:
        low, high = max(FIRST - before, 0), min(total - LAST - before, count)
        if low < high:
            ranges.append((at + low, at + high))
        before += count
    return tuple(ranges)


def readings_from(buffer: bytes, start: int, table: CardTable) -> Iterator[Reading]:
    """Every valid reading that starts at the digit ``start`` and whose end lies inside ``buffer``."""
    groups: list[tuple[int, int]] = []
    digits = b""
    at = start
    while (match := DIGITS.match(buffer, at)) is not None:
        end = match.end()
        groups.append((at, end - at))
        digits += match.group()
        if len(digits) > MOST_DIGITS or end == len(buffer):
            return
        if len(digits) >= table.shortest and _grouped_well(buffer, groups):
            brand = table.brand(digits)
            if brand is not None:
                yield Reading("pan", brand, start, end, _hidden(groups, len(digits)), f"{FIRST}/{LAST}")
        gap = GAP_BEFORE_DIGIT.match(buffer, end)
        if gap is None:
            return
        at = gap.end()


def readings(buffer: bytes, ends: list[int], table: CardTable) -> list[Reading]:
    """Every valid reading of ``buffer`` that ends before one of ``ends`` (what the prefilter reported)."""
    found: list[Reading] = []
    done = 0
    for end in ends:
        low = max(done, end - SPAN - 1)
        for match in START.finditer(buffer, low, end):
            found.extend(readings_from(buffer, match.start(), table))
        done = max(done, end - 1)
    return found


def open_from(buffer: bytes) -> int:
    """The first byte that a number still open at the end of ``buffer`` may hide; its length if there is none.

    Six digits of an open number may always go out: every reading shows its first six.
    """
    size = len(buffer)
    if DIGIT_NEAR_END.search(buffer, max(0, size - 1 - LONGEST_GAP)) is None:
        return size
    for match in START.finditer(buffer, max(0, size - SPAN - 1)):
        seventh = _seventh_if_open(buffer, match.start())
        if seventh is not None:
            return seventh
    return size


def _seventh_if_open(buffer: bytes, start: int) -> int | None:
    """Where the seventh digit of the number at ``start`` is, if that number reaches the end of the buffer."""
    total, at, seventh = 0, start, len(buffer)
    while (match := DIGITS.match(buffer, at)) is not None:
        count = match.end() - at
        if total <= FIRST < total + count:
            seventh = at + FIRST - total
        total += count
        if total > MOST_DIGITS:
            return None
        if match.end() == len(buffer) or GAP_AT_END.match(buffer, match.end()) is not None:
            return seventh
        gap = GAP_BEFORE_DIGIT.match(buffer, match.end())
        if gap is None:
            return None
        at = gap.end()
    return None
