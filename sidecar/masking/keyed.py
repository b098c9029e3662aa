"""Numbers after a key that names them, such as card verification codes and PINs: removed whole.

What may stand between key and value is what JSON, XML, YAML, forms, query strings, logs, serialisers, tables,
Markdown and colours put there: a bounded list of pieces, each taken for good as it comes first, so that what
is read before a value never depends on what is behind it. A verdict looks two bytes behind the value at most.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sidecar.masking.model import REMOVED, Reading

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sidecar.masking.sad_table import KeyedRule

LONGEST = 128
"""Bytes from the start of a key to its value, at most."""
LONGEST_VALUE = 16
# More than any key takes, and what shows that it ends.
_LONGEST_KEY = 40
ENDS_HEAD = b"u \t\"'\\<>[](){}:=|,#?;+-\n\x00\x0fABDKabdfmnrt0123456789%\xa0\x9a&s*`\x82\x83\x91"
"""Every byte that may stand right before a value."""

_BORDER = rb"\xe2(?:\x94[\x82\x83]|\x95\x91)"  # of a cell of a table
_ARROW = rb"\xe2[\x86\x87]\x92"
_ESCAPES = (
    rb"%(?:25)?(?:3[AaDd]|2[0278BbCcDd]|5[BbDd]|7[BbDd]|0[9AaDd])",
    rb"&(?:quot|nbsp|[lg]t|#3[49]|#x2[27]);",
    rb"\\u00[0-9A-Fa-f]{2}",
    rb"\\[tnr]",
    rb"\x1b\[[0-9;:]{0,16}[mK]",
    rb"\x1b\(B",
    rb"\xc2\xa0",
    rb"\xef\xbc\x9a",  # a colon as wide as the characters around it
)
_WORDS = (
    rb" (?:is|was)(?=[ :])",
    rb" (?:entered|provided|received|submitted|supplied|used)(?= ?[:=])",
    rb"\((?:optional|required)\)",
    rb"(?<![A-Za-z])(?:value|number)(?![A-Za-z0-9])",
    rb"[34][ -]digits?",
)
# Of property lists, XML-RPC and HTML.
_ELEMENTS = rb"b|code|dd|div|dt|em|i4|int|integer|key|label|name|span|string|strong|td|th"
_CALLS = rb"Decimal|Int32|Just|Long|NumberInt|NumberLong|Ok|Optional|Secret|SecretStr|Some|String|int|str"
_PARTS = (
    rb";s:[0-9]{1,3}:",  # PHP's serialize
    rb"<!\[CDATA\[",
    rb" (?!value)[A-Za-z:_-]{1,16}=(?:\"[^\"<>\r\n]{0,64}\"|'[^'<>\r\n]{0,64}')",  # another attribute of XML
    rb"(?:<|&lt;)(?:\\?/)?(?:" + _ELEMENTS + rb")(?=[ &>])",
    rb":(?:\"?[A-Za-z_\\]{1,24}\"?:)?(?:private|protected)(?=\])",  # PHP's print_r and var_dump
    rb"string\([0-9]{1,3}\)",
    # what languages write around a value, and before a string
    rb"(?<![A-Za-z])(?:" + _CALLS + rb")(?=[(\[])",
    rb" Just(?= )",
    rb"(?<![A-Za-z])[bu](?=['\"])",
    # the type of a value, as DynamoDB, Avro, MongoDB, Firestore and XML in JSON name it
    rb"\\?\"(?:S|N|int|long|string|\$number(?:Int|Long)|integerValue|stringValue|#text|\$t|\$|_)\\?\"(?= ?:)",
    rb"!!(?:int|str)(?= )",  # YAML
)
_MARKS = (
    rb"\*\*|(?<=:)\*|\*(?=:)|`",  # Markdown and what is like it
    rb"\.{4,40}+(?= ?[:=])",  # not before a page number
    # columns: values below each other, or what assigns them
    rb" {2,64}+(?=[:=|]|" + _BORDER + rb")|(?:(?<=[:=|])|(?<=" + _BORDER + rb")) {1,63}(?= )",
    _BORDER,
    rb"(?<= )(?:\xe2\x80[\x93\x94]|" + _ARROW + rb")(?= )",  # a dash or an arrow
    rb"!(?==)",  # of two that are compared
    rb"[ \t\"'\\<>\[\](){}:=|,#?;+\x00\x0f-]",
)
_PIECE = rb"(?:" + rb"|".join((*_PARTS, *_ESCAPES, *_WORDS, *_MARKS)) + rb")"
# A new line, where the one before cannot end: behind an assignment, bracket, tag or quote.
_NEW_LINE = rb"(?:(?<=[:=>\"'\[({])|(?<=: [|>])|(?<=: [|>][-+]))\r?\n[ \t]{0,16}+"
# The value of a field of a form is behind its headers and an empty line.
_FORM = rb"(?<=[\"'])(?:\r?\nContent-[A-Za-z-]{1,24}: [^\r\n]{1,48}){0,2}\r?\n\r?\n"
_SEPARATIONS = (
    rb"(?:" + _FORM + rb"|(?:" + _NEW_LINE + _PIECE + rb"{0,6}+){0,2})",
    # Redis numbers lines. A number of three digits may be a value itself and is read as one as well.
    _NEW_LINE + rb"[0-9]{1,3}\) " + _PIECE + rb"{0,6}+",
)
_ASSIGNS = re.compile(
    rb"[:=>|\"']|\xef\xbc\x9a|%(?:25)?3[AaDdEe]|&quot;|&gt;| (?:is|was) |\\u00(?:3[AaDdEe]|22)|"
    rb"(?:" + _BORDER + rb"|" + _ARROW + rb")"
)
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
        head = key_expression(rule.keys) + rb"(" + _PIECE + rb"{1,12}+"
        value = rb"(?:[0-9][0-9A-Fa-f]{%d,%d})" if rule.hex else rb"(?:[0-9]{%d,%d})"
        more = rb"[0-9A-Fa-f]" if rule.hex else rb"[0-9]"
        bounds = (shortest - 1, longest - 1) if rule.hex else (shortest, longest)
        self._key = re.compile(key_expression(rule.keys))
        behind = rb"(" + value % bounds + rb")(?!" + more + rb")"
        self._wholes = [re.compile(head + separation + rb")" + behind) for separation in _SEPARATIONS]
        separation = rb"(?:" + rb"|".join(_SEPARATIONS) + rb"))"
        self._open = re.compile(head + separation + rb"([0-9]" + more + rb"{0,%d})[.:/-]?\Z" % (longest - 1))

    def read_between(self, buffer: bytes, spans: Iterable[tuple[int, int]], found: list[Reading]) -> None:
        """See ``sad.Detector``."""
        size = len(buffer)
        seen: set[int] = set()
        for low, high in spans:
            at = low
            while (key := self._key.search(buffer, at, high + _LONGEST_KEY)) and key.start() < high:
                at = key.start() + 1
                for whole in self._wholes:
                    match = whole.match(buffer, key.start())
                    if match is None:
                        continue
                    start, end = match.span(2)
                    if end < size and start not in seen and self._is_meant(buffer, match, end):
                        seen.add(start)
                        found.append(Reading(self.name, "", start, end, ((start, end),), REMOVED))

    def open_from(self, buffer: bytes) -> int:
        """See ``sad.Detector``."""
        size = len(buffer)
        match = self._open.search(buffer, max(0, size - LONGEST - LONGEST_VALUE - 1))
        return match.start(2) if match is not None else size

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
