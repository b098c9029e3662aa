"""Which patterns users' rules may have.

A pattern is a literal beginning of at least three characters and then characters, classes and counted
repeats; no groups, alternatives or open repeats, and few ways to divide a text among the repeats. So it is
bounded and quick by construction. Loaded where a rule comes in: few sessions have any.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sidecar.masking.user import SHOWN, WIDEST, Show, UserRule

if TYPE_CHECKING:
    from collections.abc import Sequence

SHORTEST_BEGINNING = 3
MOST_WAYS = 256
"""In so many ways, at most, a text may be divided among a pattern's repeats: Python tries them one by one."""
_ESCAPE = re.compile(r"\\.")
# What Python may come to read as a set within a class, or a difference of two.
_SETS = re.compile(r"\[\^?\[|--|&&|~~|\|\|")
_ELEMENT = re.compile(
    r"(\[\^?(?:\\.|[^\]\\])+\]|\\[dwDW.\-+*?()\[\]{}|^$/\\]|[^\\\[\](){}|*+?.^$])(\{\d{1,4}(?:,\d{1,4})?\}|\?)?"
)
# The bytes that an element behind the beginning takes; how many at least, and at most.
_Part = tuple[frozenset[int], int, int]


class PatternError(ValueError):
    """A pattern that is refused; the text says why."""


def parse_rule(name: str, pattern: str, show: Show, *, check_digit: bool) -> UserRule:
    """A rule from its parts; raises PatternError."""
    if not pattern.isascii():
        raise PatternError("only ASCII characters are allowed: others are several bytes, not one")
    beginning, width, least, at = "", 0, 0, 0
    parts: list[_Part] = []
    while at < len(pattern):
        match = _ELEMENT.match(pattern, at)
        if match is None:
            raise PatternError(
                f"at {pattern[at:]!r}: only characters, classes and repeats like {{2,8}} or ? are allowed, "
                "no groups, alternatives, dots or open repeats"
            )
        unit, repeat = match[1], match[2]
        few, most = _repeats(repeat)
        width, least = width + most, least + few
        if width > WIDEST:
            raise PatternError(f"may match {width} bytes or more; the limit is {WIDEST}")
        literal = unit[-1] if len(unit) == 1 or (unit[0] == "\\" and unit[1] not in "dwDW") else None
        if literal is not None and repeat is None and not parts:
            beginning += literal
        else:
            parts.append((_bytes(unit), few, most))
        at = match.end()
    if len(beginning) < SHORTEST_BEGINNING:
        raise PatternError(f"must begin with at least {SHORTEST_BEGINNING} plain characters")
    if beginning.startswith("\n"):
        raise PatternError("must not begin with the end of a line: a stream has none before its first")
    if least == len(beginning):
        raise PatternError("matches its plain beginning with nothing behind it to hide")
    if show is Show.LAST_FOUR and least <= len(beginning) + SHOWN:
        raise PatternError(f"may match no more than {SHOWN} characters, and {show.value} shows all of them")
    if (ways := _ways(parts)) > MOST_WAYS:
        raise PatternError(
            f"may match one text in {ways} ways, the limit is {MOST_WAYS}: "
            "what may repeat must not be followed by the same characters"
        )
    allowed = bytes(sorted(frozenset[int]().union(*(taken for taken, _, _ in parts))))
    return UserRule(name, pattern.encode(), beginning.encode(), width, allowed, show, check_digit)


def _ways(parts: Sequence[_Part]) -> int:
    """In how many ways a text may be divided among parts that vary in length and can take the same bytes."""
    ways = 1
    for at, (taken, few, most) in enumerate(parts):
        following: set[int] = set()
        for others, least, _ in parts[at + 1 :]:
            following |= others
            if least:
                break
        if taken & following:
            ways *= most - few + 1
    return ways


def _repeats(repeat: str | None) -> tuple[int, int]:
    """How often an element stands at least, and at most."""
    if repeat is None:
        return 1, 1
    if repeat == "?":
        return 0, 1
    low, _, high = repeat[1:-1].partition(",")
    if high and int(high) < int(low):
        raise PatternError(f"repeat {repeat} is empty")
    return int(low), int(high or low)


def _bytes(unit: str) -> frozenset[int]:
    """The bytes that one element stands for."""
    if _SETS.search(_ESCAPE.sub("x", unit)) is not None:
        raise PatternError(f"{unit}: a [ in a class and -- && ~~ || need a backslash")
    try:
        compiled = re.compile(unit.encode(), re.DOTALL)
    except re.error as error:
        raise PatternError(f"{unit}: {error.msg}") from None
    found = frozenset(byte for byte in range(256) if compiled.fullmatch(bytes([byte])) is not None)
    if not found:
        raise PatternError(f"{unit} matches no byte")
    return found
