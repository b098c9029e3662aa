"""How the digits of a number are grouped, and whether cards are written so."""

from __future__ import annotations

import re

from sidecar.masking.card_table import GROUPINGS

COMMA = b","
_EN, _EM = b"\xe2\x80\x93", b"\xe2\x80\x94"
_DASHES = frozenset((b"-", b"\xe2\x80\x90", b"\xe2\x80\x91", _EN, _EM, b"%2D", b"%2d"))
# First groups of numbers with dashes anywhere behind them: the others are ranges, dates and order numbers.
_BEFORE_DASH = frozenset((4, 6))
_WIDE = b"   "
_DOT = {b"."}
_BLANKS = frozenset((b" ", b"  ", _WIDE))
# Gaps that no number written digit by digit has.
_NEVER_SINGLE = frozenset((b"  ", _WIDE, *(b" %s " % dash for dash in (b"-", _EN, _EM))))
# A number with a mark before every three digits. Shorter ones are counts of bytes or cycles, or lists.
_THOUSANDS = frozenset(((3, 3, 3, 3, 3), (1, 3, 3, 3, 3, 3), (1, 3, 3, 3, 3, 3, 3)))
# With irregular blanks only the first group has more than one digit, and no more than these.
_LONGEST_GROUP = 4


def _beginnings(groupings: frozenset[tuple[int, ...]]) -> frozenset[tuple[int, ...]]:
    return frozenset(grouping[:count] for grouping in groupings for count in range(1, len(grouping)))


_GROUPED, _BY_THOUSANDS = _beginnings(GROUPINGS), _beginnings(_THOUSANDS)
# First groups, as long as a number with other gaps than dashes may have.
FIRST_GROUPS = frozenset({grouping[0] for grouping in GROUPINGS}) | frozenset(range(1, _LONGEST_GROUP + 1))
_LISTED = re.compile(rb"[0-9](?:[-./_+\t ]{1,3}|(?:\x1b\[[0-9;:]{0,24}[mK]){1,4})\Z")
_COLOUR_ENDS = b"mK"
_AFTER_DOT = re.compile(rb"[0-9]\.\Z")
_AFTER_COMMA = re.compile(rb"[0-9],\Z")
_ROW = re.compile(rb"[0-9]+(?: +[0-9]+)+")


def _begins(groupings: frozenset[tuple[int, ...]], counts: list[int]) -> bool:
    """Whether any of ``groupings`` begins as ``counts`` does, with at least as many digits in the last."""
    known, last = tuple(counts[:-1]), counts[-1]
    place = len(known)
    return any(len(each) > place and each[:place] == known and each[place] >= last for each in groupings)


class Shape:
    """The groups of one number, as far as it has been read.

    Any number of visible gaps is allowed that makes one of the table's groupings; dashes may stand anywhere
    behind a first group of four digits or six. What is no part of a longer list may also be written digit by
    digit, by the thousand, or with irregular blanks.
    """

    __slots__ = ("_after_comma", "_after_dot", "_counts", "_gaps", "_listed", "_sizes")

    def __init__(self, buffer: bytes, start: int) -> None:
        """The shape of the number that starts at ``start``."""
        reach = 4 if buffer[start - 1] not in _COLOUR_ENDS else 112
        before = buffer[max(0, start - reach) : start]
        self._listed = _LISTED.search(before) is not None
        self._after_dot = _AFTER_DOT.search(before) is not None
        self._after_comma = _AFTER_COMMA.search(before) is not None
        self._counts: list[int] = []
        self._gaps: set[bytes] = set()
        self._sizes: list[int] = []

    def add(self, digits: int, gap: bytes | None) -> None:
        """Digits after a visible ``gap``, or directly after the ones before where it is None."""
        if gap is not None:
            self._gaps.add(gap)
            self._sizes.append(len(gap))
            self._counts.append(digits)
        elif self._counts:
            self._counts[-1] += digits
        else:
            self._counts.append(digits)

    @property
    def counts(self) -> tuple[int, ...]:
        """The digits of each group."""
        return tuple(self._counts)

    @property
    def groups(self) -> int:
        """How many groups there are."""
        return len(self._counts)

    @property
    def by_threes(self) -> bool:
        """Whether all groups are of three digits, as those of many lists are."""
        return self._counts == [3, 3, 3, 3, 3]

    @property
    def has_commas(self) -> bool:
        """Whether a gap is a comma, which nothing else than thousands has."""
        return COMMA in self._gaps

    @property
    def is_row(self) -> bool:
        """Whether single digits stand in blanks, as those of tables do."""
        return max(self._counts) == 1 and self._gaps == {b" "}

    @property
    def is_float(self) -> bool:
        """Whether it is one digit, a dot and more, as floating-point numbers with an exponent begin."""
        return len(self._counts) == 2 and self._counts[0] == 1 and self._gaps == _DOT and not self._after_dot

    def may_go_on(self) -> bool:
        """Whether a visible gap may follow."""
        counts, gaps = self._counts, self._gaps
        if tuple(counts) in _GROUPED and COMMA not in gaps:
            return True
        if (counts[0] in _BEFORE_DASH and gaps <= _DASHES) or counts == [1]:
            return True
        if self._listed or (self._after_comma and COMMA in gaps):
            return False
        if len(gaps) <= 1 and (self._single() or tuple(counts) in _BY_THOUSANDS):
            return True
        return self._may_scatter()

    def may_grow(self) -> bool:
        """Whether a number may come of it, with or without more digits in the last group.

        Never so again once it is not: what was given out of a stream is not asked for later.
        """
        counts, gaps = self._counts, self._gaps
        if len(counts) == 1:
            return True
        if (COMMA not in gaps and _begins(GROUPINGS, counts)) or self.is_float:
            return True
        if counts[0] in _BEFORE_DASH and gaps <= _DASHES:
            return True
        if self._listed or (self._after_comma and COMMA in gaps):
            return False
        if len(gaps) == 1 and not gaps & _NEVER_SINGLE and (self._single() or _begins(_THOUSANDS, counts)):
            return True
        return self._may_scatter()

    def fits(self, *, alone: bool) -> bool:
        """Whether a number may end here; ``alone`` says that no digit follows after another gap."""
        counts = self._counts
        if len(counts) == 1:
            return True
        if tuple(counts) in GROUPINGS and not (COMMA in self._gaps or _WIDE in self._gaps):
            return True
        if counts[0] in _BEFORE_DASH and self._gaps <= _DASHES:
            return True
        if not alone or self._listed or len(self._gaps) != 1:
            return False
        if tuple(counts) in _THOUSANDS:
            return not self._gaps & _NEVER_SINGLE
        return self._single()

    def is_scattered(self) -> bool:
        """Whether the gaps are blanks, irregular or wide, and not those of columns of one width."""
        counts = self._counts
        if self._listed or not self._gaps <= _BLANKS:
            return False
        if tuple(counts) in GROUPINGS:
            return True
        return self._may_scatter() and len(set(self._sizes)) > 1

    def _single(self) -> bool:
        return max(self._counts) == 1 and not self._gaps & _NEVER_SINGLE and COMMA not in self._gaps

    def _may_scatter(self) -> bool:
        counts = self._counts
        return counts[0] <= _LONGEST_GROUP and max(counts[1:], default=1) == 1 and self._gaps <= _BLANKS


def rows_above(left: bytes, groups: int) -> list[bytes]:
    """Figures in a row of ``groups`` in the line above the one that ``left`` ends in: perhaps of a table."""
    begin = left.rfind(b"\n")
    if begin < 0:
        return []
    above = left[left.rfind(b"\n", 0, begin) + 1 : begin]
    rows = [row.split() for row in _ROW.findall(above)]
    return [b"".join(row) for row in rows if len(row) == groups]
