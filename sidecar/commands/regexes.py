"""Regular expressions that cannot be catastrophic: Hyperscan's automata, linear in the text.

Back references and look-around are refused, and so is what would take long to compile. Expressions are read
as bytes of UTF-8, so they are ASCII.
"""

import math
import re
from typing import Final
from weakref import WeakValueDictionary

from sidecar.contract.errors import BugError
from sidecar.masking.hyperscan_safe import Scanner, compile_database
from sidecar.masking.patterns import Trigger

MAX_REPEATS: Final = 5000
"""Product of all counted repeats of one expression."""
_REPEAT: Final = re.compile(r"\{(\d*)(?:,(\d*))?\}")
_SENTINEL: Final = b"\x02"
"""Before texts that must fit as a whole, so that none is empty: Hyperscan refuses to match nothing."""


class RegexError(ValueError):
    """An expression that is refused; the text says why."""


class Regex:
    """A compiled expression, used by one thread at a time."""

    def __init__(self, pattern: str, *, whole: bool) -> None:
        """Compile it, for texts that fit as a whole or anywhere. Raises RegexError."""
        self.pattern = pattern
        _check(pattern, whole=whole)
        self._before = _SENTINEL if whole else b""
        frame = rb"\A\x02(?:%b)\z" if whole else rb"(?:%b)"
        triggers = (Trigger(frame % pattern.encode(), "regex"),)
        try:
            self._scanner = Scanner(compile_database(triggers))
        except BugError:
            why = "it may match nothing at all, is too large, or looks back or around"
            raise RegexError(f"Hyperscan refuses {pattern!r}: {why}") from None

    def fits(self, text: str) -> bool:
        """Tell whether a text fits."""
        return bool(self._scanner.hits(self._before + text.encode(errors="replace")))


class Regexes:
    """Compiled expressions, kept as long as somebody uses them: compiling takes milliseconds."""

    def __init__(self) -> None:
        self._kept: WeakValueDictionary[tuple[str, bool], Regex] = WeakValueDictionary()

    def get(self, pattern: str, *, whole: bool) -> Regex:
        """Give an expression. Raises RegexError."""
        key = (pattern, whole)
        regex = self._kept.get(key)
        if regex is None:
            regex = self._kept[key] = Regex(pattern, whole=whole)
        return regex


def _check(pattern: str, *, whole: bool) -> None:
    if not pattern.isascii():
        raise RegexError("a regular expression is ASCII; use a glob or CEL for other characters")
    if whole and (pattern.startswith("^") or pattern.endswith("$")):
        raise RegexError("the whole line is meant, so leave ^ and $ out")
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise RegexError(f"no regular expression: {error}") from None
    counts = [int(high or low or 1) for low, high in _REPEAT.findall(pattern)]
    if math.prod(max(count, 1) for count in counts) > MAX_REPEATS:
        raise RegexError(f"its counted repeats multiply to more than {MAX_REPEATS}; use * or +")
