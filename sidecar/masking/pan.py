"""Card numbers in a buffer: which stretches are valid readings, and from where the end is still open.

A reading starts at the first digit of a group, takes 12 to 19 digits with at most one gap between two of
them, and ends before something that is not a digit. It counts when brand, length, check digit and grouping
fit and the text around it does not say otherwise. It shows its first six and last four digits and hides the
rest.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from sidecar.masking.alphabets import LONGEST_NUMBER, MOST_DIGITS
from sidecar.masking.context import LEFT, Verdict, judge
from sidecar.masking.dumps import is_dumped, shown_again
from sidecar.masking.model import FIRST, LAST, MASKED, Reading
from sidecar.masking.patterns import FLOAT
from sidecar.masking.shapes import COMMA, FIRST_GROUPS, Shape, rows_above

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sidecar.masking.alphabets import Alphabet
    from sidecar.masking.cards import CardTable

_NO_DASH = frozenset(bytes([byte]) for byte in b" ./_+\t,")
_START = re.compile(rb"(?<![0-9])[1-9]")
# From so many starts in one buffer on, each is looked at before it is read.
_MANY = 8
# Most lists of figures are none after so many groups; what is left is looked at as a whole.
_FEW = 2
# What no number with irregular blanks stands in: columns.
_COLUMN = b"    "
# Between the hex of a row of a dump and its text, or between two bytes; the end of a row.
_ROW_ENDS = (b"  ", b"\r\n", b"\n")
# Of five groups of three digits only those of Amex are read: lists of three digits are common.
_BY_THREES = frozenset((b"34", b"37"))
_FLOAT = re.compile(FLOAT)
# Behind its digits, and what may become that.
_EXPONENT = re.compile(rb"[Ee]\+?([0-9]{2})(?![0-9])")
_EXPONENT_CUT = re.compile(rb"[Ee]\+?[0-9]{0,2}\Z")


class Group(NamedTuple):
    """Digits of a number with nothing between them."""

    at: int
    digits: int


def hidden(groups: Sequence[Group], total: int, width: int) -> tuple[tuple[int, int], ...]:
    """The byte ranges of the digits between the first six and the last four."""
    ranges: list[tuple[int, int]] = []
    before = 0
    for at, count in groups:
        low, high = max(FIRST - before, 0), min(total - LAST - before, count)
        if low < high:
            ranges.append((at + low * width, at + high * width))
        before += count
    return tuple(ranges)


def seventh(groups: Sequence[Group], width: int, otherwise: int) -> int:
    """Where the seventh digit starts; ``otherwise`` if there are fewer."""
    before = 0
    for at, count in groups:
        if before + count > FIRST:
            return at + (FIRST - before) * width
        before += count
    return otherwise


class NumberReader:
    """Reads numbers of one alphabet against one card table."""

    def __init__(self, alphabet: Alphabet, table: CardTable) -> None:
        self._alphabet = alphabet
        self._table = table
        self._width = alphabet.width
        self._judged = alphabet.name == "text"
        self._dumped = alphabet.name == "hex"
        self._gap_may_be_digit = self._dumped or alphabet.name == "underlined"
        self._digit_by_digit = alphabet.name == "wide"

    def read_between(
        self, buffer: bytes, spans: Iterable[tuple[int, int]], found: list[Reading], done: set[int]
    ) -> int:
        """Add every valid reading that starts in ``spans`` and not in ``done``, which is added to.

        Returns the first byte that must wait because a verdict needs what comes after ``buffer``, or its
        length if nothing must.
        """
        hold = len(buffer)
        starts = self._starts(buffer)
        # Of escaped text, most of what looks like the beginning of a group is none of a number.
        enough = self._alphabet.enough if starts is not _START else None
        known: dict[int, tuple[bytes, int]] = {}
        tried = 0
        for low, high in spans:
            for match in starts.finditer(buffer, low, high):
                start = match.start()
                if start in done:
                    continue
                done.add(start)
                tried += 1
                if tried > _MANY and enough is not None and enough.match(buffer, start) is None:
                    continue
                if tried <= _MANY or self._may_begin(buffer, start, known):
                    hold = min(hold, self.read(buffer, start, found))
        return hold

    def _may_begin(self, buffer: bytes, start: int, known: dict[int, tuple[bytes, int]]) -> bool:
        """Whether any brand issues what begins at ``start``, wherever it ends: a quick look, for many starts.

        ``known`` has the digits of a group and where the next one starts, -1 if there is none, so that every
        group is matched once.
        """
        if _FLOAT.match(buffer, start) is not None:
            return True  # zeros at its end may be left out
        alphabet, at = self._alphabet, start
        digits = b""
        while at >= 0 and len(digits) < MOST_DIGITS:
            group = known.get(at)
            if group is None:
                match = alphabet.digits.match(buffer, at)
                if match is None:
                    break
                step = alphabet.gap.match(buffer, match.end())
                following = step.end() if step is not None else -1
                group = known[at] = (alphabet.read(match.group()), following)
            digits += group[0]
            at = group[1]
        return len(digits) >= self._table.shortest and self._table.begins(digits[:MOST_DIGITS])

    def _starts(self, buffer: bytes) -> re.Pattern[bytes]:
        """The first digit of a group; where no escape can end in a digit by a quicker expression."""
        escaped = not self._judged or b"\\" in buffer or b"%" in buffer
        return self._alphabet.start if escaped else _START

    def read(self, buffer: bytes, start: int, found: list[Reading]) -> int:
        """Add every valid reading that starts at the digit ``start``; returns as ``read_between`` does."""
        alphabet, size, shortest = self._alphabet, len(buffer), self._table.shortest
        if self._hopeless(buffer, start):
            return size
        groups: list[Group] = []
        shape = Shape(buffer, start)
        digits = b""
        hold = size
        at = start
        gap: bytes | None = None
        while (match := alphabet.digits.match(buffer, at)) is not None:
            end = match.end()
            value = alphabet.read(match.group())
            digits += value
            groups.append(Group(at, len(value)))
            shape.add(len(value), gap)
            if end == size or len(digits) > MOST_DIGITS or end - start > LONGEST_NUMBER:
                break
            step = alphabet.gap.match(buffer, end)
            if self._judged and shape.is_float and _FLOAT.match(buffer, start) is not None:
                hold = min(hold, self._read_float(buffer, groups, digits, found))
            if len(digits) >= shortest and self._fits(buffer, start, end, shape, step):
                verdict = self._verdict(buffer, groups, shape, digits, found)
                if verdict is Verdict.MORE:
                    hold = min(hold, seventh(groups, self._width, size))
            if step is None or (step[1] is not None and not shape.may_go_on()):
                break
            if len(groups) == _FEW and alphabet.enough.match(buffer, start) is None:
                break
            at, gap = step.end(), step[1]
        return hold

    def _read_float(self, buffer: bytes, groups: Sequence[Group], digits: bytes, found: list[Reading]) -> int:
        """Add the number if it is written as ``4.111111111111111E15``; returns as ``read_between`` does.

        So do programs print what they have read as floating-point numbers; zeros at the end are left out.
        """
        size = len(buffer)
        end = groups[-1].at + groups[-1].digits
        if _EXPONENT_CUT.match(buffer, end) is not None:
            return seventh(groups, self._width, size)
        exponent = _EXPONENT.match(buffer, end)
        total = int(exponent[1]) + 1 if exponent is not None else 0
        brand = self._table.brand(digits.ljust(total, b"0")) if len(digits) <= total <= MOST_DIGITS else None
        if brand is not None:
            ranges = hidden(groups, total, self._width)
            found.append(Reading("pan", brand, groups[0].at, end, ranges, MASKED))
        return size

    def _fits(self, buffer: bytes, start: int, end: int, shape: Shape, step: re.Match[bytes] | None) -> bool:
        """Whether ``shape`` is one of numbers; it is that of ``start`` to ``end``, which ``step`` follows."""
        if self._digit_by_digit and step is not None and step[1] is None:
            return False  # of a longer run
        alone = step is None or (step[1] == COMMA and not shape.has_commas)
        if shape.fits(alone=alone):
            if shape.by_threes:
                return buffer[start : start + 2] in _BY_THREES
            return not shape.is_row or self._is_no_table(buffer, start, shape)
        if not alone or not shape.is_scattered() or buffer.startswith(_COLUMN, end):
            return False
        return not buffer.endswith(b"  ", 0, start) and self._is_no_table(buffer, start, shape)

    def _is_no_table(self, buffer: bytes, start: int, shape: Shape) -> bool:
        """Whether no row of as many figures stands above, but for one that is a card's number."""
        left = buffer[max(0, start - LEFT) : start]
        return all(self._table.brand(row) for row in rows_above(left, shape.groups))

    def _hopeless(self, buffer: bytes, start: int) -> bool:
        """Whether the first group already rules a number out; a quick look at what most digits are."""
        first = self._alphabet.digits.match(buffer, start)
        if first is None:
            return True
        count = (first.end() - start) // self._width
        return (
            not self._gap_may_be_digit
            and count not in FIRST_GROUPS
            and count < self._table.shortest
            and buffer[first.end() : first.end() + 1] in _NO_DASH
        )

    def _verdict(
        self, buffer: bytes, groups: list[Group], shape: Shape, digits: bytes, found: list[Reading]
    ) -> Verdict:
        """What the digits of ``groups`` are; a card is added to ``found``."""
        if self._digit_by_digit and len(groups) != len(digits):
            return Verdict.OTHER
        brand = self._table.brand(digits, shape.counts)
        if brand is None:
            return Verdict.OTHER
        start, end = groups[0].at, groups[-1].at + groups[-1].digits * self._width
        verdict = Verdict.CARD
        if self._judged:
            if len(groups) > 1 and is_dumped(buffer, start):
                return Verdict.OTHER
            verdict = judge(buffer, start, end, groups=len(groups), digits=digits, brand=brand)
        if verdict is Verdict.CARD:
            ranges = hidden(groups, len(digits), self._width)
            again, last = shown_again(buffer, ranges, end) if self._dumped else ((), end)
            found.append(
                Reading(
                    "pan",
                    brand,
                    start,
                    last or end,
                    ranges,
                    MASKED,
                    self._alphabet.star,
                    last is not None,
                    again,
                )
            )
        return verdict

    def open_from(self, buffer: bytes, reach: int) -> int:
        """The first byte that a number still open at the end of ``buffer`` may hide; else its length.

        Numbers that start more than ``reach`` bytes before the end are not considered.
        """
        hold = len(buffer)
        known: dict[int, int] = {}
        for match in self._alphabet.start.finditer(buffer, max(0, hold - reach)):
            start = match.start()
            if start >= hold:
                break  # what starts later hides nothing before
            # One of few digits may be cut off in an escape, or in the text beside a row of a dump, in which
            # another begins: the first to start need not be the first to hide.
            if self._to_end(buffer, start, known) <= MOST_DIGITS and (waits := self._open(buffer, start)):
                hold = min(hold, waits)
        return hold

    def _to_end(self, buffer: bytes, start: int, known: dict[int, int]) -> int:
        """How many digits there are from ``start`` to the end of the buffer with nothing but gaps between.

        Too many for a number if something else comes first. ``known`` are the answers so far: every group is
        looked at once, however many numbers may start before it.
        """
        alphabet, at = self._alphabet, start
        passed: list[tuple[int, int]] = []
        while at not in known:
            match = alphabet.digits.match(buffer, at)
            if match is None:
                known[at] = 0
                break
            end = match.end()
            passed.append((at, (end - at) // self._width))
            step = alphabet.gap.match(buffer, end)
            if step is None or self._may_be_column(buffer, end):
                is_end = end == len(buffer) or alphabet.cut.match(buffer, end) is not None
                known[end] = 0 if is_end else MOST_DIGITS + 1
                at = end
            else:
                at = step.end()
        total = known[at]
        for group, count in reversed(passed):
            total = known[group] = total + count
        return total

    def _open(self, buffer: bytes, start: int) -> int | None:
        """Where the number at ``start`` must wait if it reaches the end of the buffer."""
        alphabet, size = self._alphabet, len(buffer)
        if self._hopeless(buffer, start):
            return None
        groups: list[Group] = []
        shape = Shape(buffer, start)
        total, at = 0, start
        gap: bytes | None = None
        beside: int | None = None
        while (match := alphabet.digits.match(buffer, at)) is not None:
            end = match.end()
            count = (end - at) // self._width
            total += count
            if total > MOST_DIGITS or end - start > LONGEST_NUMBER or (self._digit_by_digit and count > 1):
                return beside
            groups.append(Group(at, count))
            shape.add(count, gap)
            step = alphabet.gap.match(buffer, end)
            otherwise = self._begun(buffer, end) if total == FIRST else size
            if step is not None and beside is None and shape.may_grow() and self._may_be_column(buffer, end):
                beside = seventh(groups, self._width, otherwise)
            if step is None:
                if not shape.may_grow() or (end < size and alphabet.cut.match(buffer, end) is None):
                    return beside
                last = seventh(groups, self._width, otherwise)
                return last if beside is None else min(last, beside)
            if step[1] is not None and not shape.may_go_on():
                return beside
            at, gap = step.end(), step[1]
        return beside

    def _begun(self, buffer: bytes, end: int) -> int:
        """Where behind ``end`` a digit of several bytes begins that is not complete yet; else the length."""
        size = len(buffer)
        for at in range(max(end, size - self._width + 1), size):
            if self._alphabet.begun.match(buffer, at) is not None:
                return at
        return size

    def _may_be_column(self, buffer: bytes, end: int) -> bool:
        """Whether what is read as more of a number may turn out to be the text or offset of a dump's row."""
        return (
            self._dumped
            and buffer.startswith(_ROW_ENDS, end)
            and self._alphabet.cut.match(buffer, end) is not None
        )
