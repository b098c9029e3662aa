"""Numbers after a key that names them, such as card verification codes and PINs: removed whole.

What may stand between key and value is what JSON, XML, YAML, forms, query strings, logs, serialisers and
colours put there. A verdict looks two bytes behind the value at most.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sidecar.masking.model import Reading

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sidecar.masking.sad_table import KeyedRule

REMOVED = "0/0"
LONGEST = 128
"""Bytes from the start of a key to its value, at most."""
LONGEST_VALUE = 16
# More than any key takes, and what shows that it ends.
_LONGEST_KEY = 40
ENDS_HEAD = b"u \t\"'\\<>[](){}:=|,#?;+-\n\x00\x0fABDKabdfmnrt0123456789%\xa0\x9a&s"
"""Every byte that may stand right before a value."""
AFTER_KEY = rb"[ \t\r\n\"'\\<>\[\](){}:=|,#?;+%&\x00\x0f\x1b\xc2\xef-]"
"""Every byte that may stand right behind a key."""

_ESCAPES = (
    rb"%(?:25)?(?:3[AaDd]|2[0278BbCcDd]|5[BbDd]|7[BbDd]|0[9AaDd])",
    rb"&(?:quot|nbsp|#3[49]|#x2[27]);",
    rb"\\u00[0-9A-Fa-f]{2}",
    rb"\\[tnr]",
    rb"\x1b\[[0-9;:]{0,16}[mK]",
    rb"\x1b\(B",
    rb"\xc2\xa0",
    rb"\xef\xbc\x9a",  # a colon as wide as the characters around it
)
_WORDS = (
    rb" (?:is|was) ",
    rb"(?<![A-Za-z])(?:value|number)(?![A-Za-z0-9])",
    rb"[34][ -]digits?",
)
_PARTS = (
    rb";s:[0-9]{1,3}:",  # PHP's serialize
    rb"<!\[CDATA\[",
    rb" (?!value)[A-Za-z:_-]{1,16}=(?:\"[^\"<>\r\n]{0,24}\"|'[^'<>\r\n]{0,24}')",  # another attribute of XML
)
_PIECE = (
    rb"(?:" + rb"|".join((*_ESCAPES, *_WORDS, *_PARTS, rb"[ \t\"'\\<>\[\](){}:=|,#?;+\x00\x0f-]")) + rb")"
)
# One new line, where the one before cannot end: behind an assignment, bracket or quote. Redis numbers lines.
_NEW_LINE = (
    rb"(?:(?:(?<=[:=\"'\[({])|(?<=: [|>]))\r?\n[ \t]{0,16}(?:- |[0-9]{1,3}\) )?" + _PIECE + rb"{0,3})?"
)
_SEPARATION = _PIECE + rb"{1,12}" + _NEW_LINE
_ASSIGNS = re.compile(rb"[:=>|\"']|\xef\xbc\x9a|%(?:25)?3[AaDdEe]|&quot;| (?:is|was) |\\u00(?:3[AaDdEe]|22)")
_GOES_ON = re.compile(rb"[0-9A-Za-z]|[.:-][0-9A-Fa-f]|/[0-9A-Za-z]")
# What a key is set off by: no letter, an escape that ends in a letter, or case.
_SET_OFF = (
    rb"(?<![A-Za-z])|(?<=[a-z])(?=[A-Z])|(?<=%[0-9A-Fa-f][A-Fa-f])|(?<=[0-9;\[][mK])|(?<=\\[tnr])"
    rb"|(?<=\\u[0-9A-Fa-f]{4})"
)


class Keyed:
    """One rule of ``policies/masking/sad.yaml``: any of its keys, what separates, then the value."""

    def __init__(self, rule: KeyedRule) -> None:
        self.name = rule.name
        self._assigned = rule.assigned
        shortest, longest = rule.length
        head = key_expression(rule.keys) + rb"(" + _SEPARATION + rb")"
        value = rb"(?:[0-9][0-9A-Fa-f]{%d,%d})" if rule.hex else rb"(?:[0-9]{%d,%d})"
        more = rb"[0-9A-Fa-f]" if rule.hex else rb"[0-9]"
        bounds = (shortest - 1, longest - 1) if rule.hex else (shortest, longest)
        self._key = re.compile(key_expression(rule.keys))
        self._whole = re.compile(rb"(?=" + head + rb"(" + value % bounds + rb")(?!" + more + rb"))")
        self._open = re.compile(head + rb"([0-9]" + more + rb"{0,%d})[.:/-]?\Z" % (longest - 1))

    def read_between(self, buffer: bytes, spans: Iterable[tuple[int, int]], found: list[Reading]) -> None:
        """See ``sad.Detector``."""
        size = len(buffer)
        seen: set[int] = set()
        for low, high in spans:
            at = low
            while (key := self._key.search(buffer, at, high + _LONGEST_KEY)) and key.start() < high:
                at = key.start() + 1
                match = self._whole.match(buffer, key.start())
                if match is None:
                    continue
                start, end = match.span(2)
                if end < size and start not in seen and self._is_meant(buffer, match, end):
                    seen.add(start)
                    found.append(Reading(self.name, "", start, end, ((start, end),), REMOVED))

    def open_from(self, buffer: bytes) -> int:
        """See ``sad.Detector``."""
        size = len(buffer)
        for match in self._open.finditer(buffer, max(0, size - LONGEST - LONGEST_VALUE - 1)):
            return match.start(2)
        return size

    def _is_meant(self, buffer: bytes, match: re.Match[bytes], end: int) -> bool:
        """Whether the value is one: not far from its key, and not the beginning of something longer.

        A key that often means something else must have it assigned; another may only stand before it.
        """
        if match.start(2) - match.start() > LONGEST:
            return False
        assigned = _ASSIGNS.search(match[1]) is not None
        if self._assigned:
            return assigned and _GOES_ON.match(buffer, end) is None
        return assigned or not buffer[end : end + 1].isalpha()


def key_expression(keys: tuple[bytes, ...]) -> bytes:
    """Any of ``keys`` as a word, or as the end of one that case or a mark sets off."""
    words = b"|".join(key.replace(b"_", rb"[ _-]?") for key in sorted(keys, key=lambda key: (-len(key), key)))
    return rb"(?:" + _SET_OFF + rb")(?i:" + words + rb")(?![A-Za-z0-9])"
