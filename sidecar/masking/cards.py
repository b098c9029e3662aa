"""Which digit strings are card numbers: brand, length and check digit. Lookups in the compiled table."""

from __future__ import annotations

from bisect import bisect_right

from sidecar.masking.card_table import BRANDS, ENTRIES, STARTS, WIDTH
from sidecar.masking.model import Profile

_VALUES = bytes(byte - 48 if 48 <= byte <= 57 else 0 for byte in range(256))
_DOUBLED = bytes((2 * value if value < 5 else 2 * value - 9) for value in _VALUES)


def luhn(digits: bytes) -> bool:
    """Whether ASCII ``digits`` carry a correct check digit (ISO/IEC 7812-1, annex B)."""
    return (sum(digits[-1::-2].translate(_VALUES)) + sum(digits[-2::-2].translate(_DOUBLED))) % 10 == 0


class CardTable:
    """The brand table as one profile reads it."""

    def __init__(self, profile: Profile) -> None:
        self._lenient = profile is Profile.STRICT
        self.shortest = 12 if profile is Profile.STRICT else 14
        self.longest = 19

    def begins(self, digits: bytes) -> bool:
        """Whether any beginning of ``digits``, of at least ``WIDTH``, is a card's number."""
        for index in ENTRIES[bisect_right(STARTS, int(digits[:WIDTH])) - 1]:
            _, lengths, optional, _ = BRANDS[index]
            known = [length for length in lengths if self.shortest <= length <= len(digits)]
            if known and ((optional and self._lenient) or any(luhn(digits[:length]) for length in known)):
                return True
        return False

    def brand(self, digits: bytes, counts: tuple[int, ...] = ()) -> str | None:
        """The brand that issues ``digits`` (ASCII, 12 to 19 of them), or None if no scheme does.

        ``counts`` are the digits of each group where there are several: some numbers are written in few ways.
        Where several brands share a range the longest prefix names it.
        """
        length = len(digits)
        if length < self.shortest or length > self.longest:
            return None
        prefix = int(digits[:WIDTH])
        at = bisect_right(STARTS, prefix) - 1
        checked: bool | None = None
        for index in ENTRIES[at]:
            name, lengths, optional, only = BRANDS[index]
            if length not in lengths or (only and len(counts) > 1 and counts not in only):
                continue
            if optional and self._lenient:
                return name
            if checked is None:
                checked = luhn(digits)
            if checked:
                return name
        return None


def length_classes() -> dict[tuple[int, int], list[bytes]]:
    """Every four-digit beginning that some brand issues, by the shortest and longest number it may have."""
    scale = 10 ** (WIDTH - 4)
    lengths: dict[int, set[int]] = {}
    for at, low in enumerate(STARTS):
        high = STARTS[at + 1] - 1 if at + 1 < len(STARTS) else 10**WIDTH - 1
        for prefix in range(low // scale, high // scale + 1) if ENTRIES[at] else ():
            lengths.setdefault(prefix, set()).update(*(BRANDS[index][1] for index in ENTRIES[at]))
    classes: dict[tuple[int, int], list[bytes]] = {}
    for prefix, known in sorted(lengths.items()):
        classes.setdefault((min(known), max(known)), []).append(b"%04d" % prefix)
    return classes
