"""The first look at a text: whether there is anything in it that calls for a second, and where.

Most text holds nothing, so this is what the engine costs. Where the C of ``quiet`` is there it finds the
blocks worth a look, and the gate of ``patterns`` looks at those; otherwise the gate looks at everything.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from sidecar.masking.keyed import LONGEST, LONGEST_VALUE
from sidecar.masking.patterns import PIECES, Sieve
from sidecar.masking.quiet import BLOCK, next_loud, passes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sidecar.masking.hyperscan_safe import Hit, Scanner

# What opens a second look stands within so many bytes before what it is looked at for.
JOINT = 160
# Behind twelve digits the next are looked for so many bytes later; no more than one in SPARSE are few.
STEP, SPARSE = 64, 4096
_DIGITS = b"0123456789"
# The number of the gate's expression for hex with colons; the one behind it is for soft line breaks.
_COLONS = len(PIECES) + 1
# Behind a piece of a key: the rest of it, what separates, a value.
_VALUE = re.compile(
    rb"[0-9A-Za-z_]{0,24}?[^0-9A-Za-z_/].{0,144}?(?:[0-9]{3}|[0-9][0-9A-Fa-f]{15})", re.DOTALL
)


class Look(NamedTuple):
    """What the first look at a stretch of a buffer has found."""

    start: int = 0
    """Where the stretch starts."""
    numbers: Sequence[Hit] = ()
    """What looks like a plain number; ends count from ``start``."""
    words: Sequence[Hit] = ()
    """Pieces of keys with something like a value behind them, in the same way."""
    rare: bool = False
    """Whether any byte is rare in text."""
    long: bool = False
    """Whether there may be hex with colons."""
    user: bool = False
    """Whether a rule of a user begins anywhere."""

    @property
    def is_empty(self) -> bool:
        """Whether there is no reason for a second look."""
        return not (self.numbers or self.words or self.rare or self.long or self.user)


class Gate:
    """Takes the first look. One per stream."""

    def __init__(self, scanners: Mapping[Sieve, Scanner], user: Scanner | None) -> None:
        self._gate = scanners[Sieve.GATE]
        self._again, self._digits = scanners[Sieve.AGAIN], scanners[Sieve.DIGITS]
        self._numbers_sieve = scanners[Sieve.NUMBERS]
        self._user = user

    def look(self, buffer: bytes, start: int = 0) -> Look | None:
        """The first look at a buffer from ``start`` on; None if it holds nothing rare and nothing to mask."""
        numbers: list[Hit] = []
        words: list[Hit] = []
        rare = long = False
        for low, high in self._loud(buffer):
            part = buffer[low:high]
            opened = 0
            for number, at in self._gate.hits(part):
                if number == 0:
                    opened = at
                elif number > len(PIECES):
                    long, rare = long or number == _COLONS, rare or number != _COLONS
                else:
                    words.append((number, low + at))
            if opened:
                more, is_rare = self._numbers(part, opened)
                rare = rare or is_rare
                numbers.extend((number, low + end) for number, end in more)
        user = self._user is not None and bool(self._user.hits(buffer))
        if not (numbers or words or rare or long or user):
            return None
        words = [hit for hit in words if _VALUE.match(buffer, *_behind(hit[1]))]
        return Look(start, numbers, words, rare, long, user)

    def passes(self, before: bytes, data: bytes) -> bool:
        """Whether ``data`` may go out behind ``before``, by the quickest look; it may say no too often."""
        return passes is not None and self._user is None and passes(before, data)

    def _loud(self, buffer: bytes) -> list[tuple[int, int]]:
        """Stretches outside of which there is nothing to look at."""
        size = len(buffer)
        if next_loud is None:
            return [(0, size)]
        stretches: list[tuple[int, int]] = []
        at = 0
        while (at := next_loud(buffer, at)) >= 0:
            if len(stretches) >= size // SPARSE:
                stretches.append((max(0, at - JOINT), size))
                break
            stretches.append((max(0, at - JOINT), at + BLOCK + JOINT))
            at += BLOCK
        return merged(stretches) if stretches else stretches

    def _numbers(self, buffer: bytes, at: int) -> tuple[list[Hit], bool]:
        """What looks like a plain number, and whether any byte is rare; the gate first opened at ``at``."""
        rare, size = False, len(buffer)
        stretches: list[tuple[int, int]] = []
        sieve = self._again
        while True:
            if buffer[at - 1] in _DIGITS:
                if len(stretches) >= size // SPARSE:
                    stretches.append((max(0, at - JOINT), size))
                    rare = rare or _has_rare(buffer[at:])
                    break
                stretches.append((max(0, at - JOINT), at + STEP + JOINT))
                rare = rare or _has_rare(buffer[at : at + STEP])
                at += STEP
            else:
                rare, sieve = True, self._digits
            hits = sieve.hits(buffer[at:])
            if not hits:
                break
            at += hits[0][1]
        scan = self._numbers_sieve.hits
        return [
            (number, low + end) for low, high in merged(stretches) for number, end in scan(buffer[low:high])
        ], rare

    def has_pieces(self, buffer: bytes) -> bool:
        """Whether there is a piece of a key in ``buffer``."""
        if next_loud is not None and next_loud(buffer, 0) < 0:
            return False
        return any(0 < number <= len(PIECES) for number, _ in self._gate.hits(buffer))


def _has_rare(buffer: bytes) -> bool:
    """Whether any byte of ``buffer`` is rare in text."""
    return not buffer.isascii() or any(byte in buffer for byte in b"\x1b%\\&\x00\b")


def _behind(key: int) -> tuple[int, int]:
    """Where the value of a key may be of which a piece ends at ``key``."""
    return key, key + LONGEST + LONGEST_VALUE


def merged(stretches: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ascending and disjoint, covering the same."""
    result: list[tuple[int, int]] = []
    for low, high in sorted(stretches):
        if result and low <= result[-1][1]:
            result[-1] = (result[-1][0], max(result[-1][1], high))
        else:
            result.append((low, high))
    return result
