"""Rules that users write: secrets with a fixed beginning, such as tokens and account numbers.

The beginning, which names the kind of secret, stays visible; a stream holds bytes only behind one.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from sidecar.masking.cards import luhn
from sidecar.masking.model import REMOVED, Reading

if TYPE_CHECKING:
    from collections.abc import Iterable

WIDEST = 256
SHOWN = 4


class Show(Enum):
    """What stays visible behind the beginning."""

    NOTHING = "nothing"
    LAST_FOUR = "last4"


class UserRule(NamedTuple):
    """One rule, checked by ``user_patterns.parse_rule``."""

    name: str
    pattern: bytes
    beginning: bytes
    width: int
    alphabet: bytes
    """Every byte that may stand behind the beginning."""
    show: Show
    luhn: bool


class UserDetector:
    """Finds what one rule describes."""

    def __init__(self, rule: UserRule) -> None:
        self.name = rule.name
        self._rule = rule
        self._pattern = re.compile(rule.pattern, re.DOTALL)
        self._behind = re.compile(
            rb"[%b]{0,%d}" % (re.escape(rule.alphabet), rule.width - len(rule.beginning))
        )

    def read_between(
        self, buffer: bytes, spans: Iterable[tuple[int, int]], found: list[Reading], *, final: bool
    ) -> None:
        """Add the readings that start in ``spans``; the last byte of a ``final`` buffer is the end."""
        rule = self._rule
        for low, high in spans:
            start = buffer.find(rule.beginning, low, high)
            while start >= 0:
                end = self._end(buffer, start)
                decided = final or end < len(buffer)
                end = min(end, len(buffer) - final)
                match = self._pattern.match(buffer, start, end) if decided else None
                if match is not None and self._valid(match.group()):
                    spot = (
                        start + len(rule.beginning),
                        match.end() - (SHOWN if rule.show is Show.LAST_FOUR else 0),
                    )
                    shown = f"0/{SHOWN}" if rule.show is Show.LAST_FOUR else REMOVED
                    found.append(
                        Reading(
                            rule.name, "", start, match.end(), (spot,) if spot[0] < spot[1] else (), shown
                        )
                    )
                start = buffer.find(rule.beginning, start + 1, high)

    def _end(self, buffer: bytes, start: int) -> int:
        """The end of what may belong to a match that begins at ``start``."""
        behind = self._behind.match(buffer, start + len(self._rule.beginning))
        return behind.end() if behind is not None else start + len(self._rule.beginning)

    def _valid(self, value: bytes) -> bool:
        digits = bytes(byte for byte in value if 0x30 <= byte <= 0x39)
        return not self._rule.luhn or luhn(digits)

    def open_from(self, buffer: bytes) -> int:
        """The first byte that must wait at the end of ``buffer``, or its length."""
        size, beginning = len(buffer), self._rule.beginning
        start = buffer.find(beginning, max(0, size - self._rule.width))
        while start >= 0:
            if self._end(buffer, start) == size:
                return min(start + len(beginning), size)
            start = buffer.find(beginning, start + 1)
        return size
