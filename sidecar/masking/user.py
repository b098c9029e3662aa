"""Rules that users write: secrets with a fixed beginning, such as tokens and account numbers.

A pattern is a literal beginning of at least three characters and then characters, classes and counted
repeats; no groups, alternatives or open repeats. So it is bounded and linear by construction, a stream holds
bytes only behind a beginning, and the beginning itself, which names the kind of secret, stays visible.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from sidecar.masking.cards import luhn
from sidecar.masking.model import Reading

if TYPE_CHECKING:
    from collections.abc import Iterable

WIDEST = 256
SHORTEST_BEGINNING = 3
_ELEMENT = re.compile(
    r"(\[\^?(?:\\.|[^\]\\])+\]|\\[dwDW.\-+*?()\[\]{}|^$/\\]|[^\\\[\](){}|*+?.^$])(\{\d+(?:,\d+)?\}|\?)?"
)


class Show(Enum):
    """What stays visible behind the beginning."""

    NOTHING = "nothing"
    LAST_FOUR = "last4"


class PatternError(ValueError):
    """A pattern that is refused; the text says why."""


class UserRule(NamedTuple):
    """One rule, checked by ``parse_rule``."""

    name: str
    pattern: bytes
    beginning: bytes
    width: int
    alphabet: bytes
    """Every byte that may stand behind the beginning."""
    show: Show
    luhn: bool


def parse_rule(name: str, pattern: str, show: Show, *, check_digit: bool) -> UserRule:
    """A rule from its parts; raises PatternError."""
    beginning, counted, width, allowed, at = "", False, 0, set[int](), 0
    while at < len(pattern):
        match = _ELEMENT.match(pattern, at)
        if match is None:
            raise PatternError(
                f"at {pattern[at:]!r}: only characters, classes and repeats like {{2,8}} or ? are allowed, "
                "no groups, alternatives, dots or open repeats"
            )
        unit, repeat = match[1], match[2]
        most = _most(repeat)
        width += most
        literal = unit[-1] if len(unit) == 1 or (unit[0] == "\\" and unit[1] not in "dwDW") else None
        if literal is not None and repeat is None and not counted:
            beginning += literal
        else:
            counted = True
            allowed |= _bytes(unit)
        at = match.end()
    if len(beginning) < SHORTEST_BEGINNING:
        raise PatternError(f"must begin with at least {SHORTEST_BEGINNING} plain characters")
    if not counted:
        raise PatternError("has nothing behind its plain beginning to hide")
    if width > WIDEST:
        raise PatternError(f"may match {width} bytes; the limit is {WIDEST}")
    return UserRule(
        name, pattern.encode(), beginning.encode(), width, bytes(sorted(allowed)), show, check_digit
    )


def _most(repeat: str | None) -> int:
    if repeat is None or repeat == "?":
        return 1
    low, _, high = repeat[1:-1].partition(",")
    if high and int(high) < int(low):
        raise PatternError(f"repeat {repeat} is empty")
    return int(high or low)


def _bytes(unit: str) -> set[int]:
    """The bytes that one element stands for."""
    try:
        compiled = re.compile(unit.encode(), re.DOTALL)
    except re.error as error:
        raise PatternError(f"{unit}: {error.msg}") from None
    found = {byte for byte in range(256) if compiled.fullmatch(bytes([byte])) is not None}
    if not found:
        raise PatternError(f"{unit} matches no byte")
    return found


class UserDetector:
    """Finds what one rule describes."""

    def __init__(self, rule: UserRule) -> None:
        self.name = rule.name
        self._rule = rule
        self._pattern = re.compile(rule.pattern, re.DOTALL)
        self._behind = re.compile(
            rb"[%b]{0,%d}" % (re.escape(rule.alphabet), rule.width - len(rule.beginning))
        )

    def read_between(self, buffer: bytes, spans: Iterable[tuple[int, int]], found: list[Reading]) -> None:
        """Add the readings that start in ``spans``."""
        rule = self._rule
        for low, high in spans:
            start = buffer.find(rule.beginning, low, high)
            while start >= 0:
                end = self._end(buffer, start)
                match = self._pattern.match(buffer, start, end) if end < len(buffer) else None
                if match is not None and self._valid(match.group()):
                    spot = (
                        start + len(rule.beginning),
                        match.end() - (4 if rule.show is Show.LAST_FOUR else 0),
                    )
                    shown = "0/4" if rule.show is Show.LAST_FOUR else "0/0"
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
