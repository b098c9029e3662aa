"""What Hyperscan looks for: where the exact readers have to look, and no verdict.

Every expression may report too much and must never report too little. They are sorted into databases so that
ordinary text meets few of them: three are scanned always and report nothing there; the others are scanned
only where one of those three gave a reason that every reading of theirs contains. What the first three cost
is what text costs, so they are as small as Hyperscan runs fast: a change here needs ``scripts/bench mask``.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from sidecar.masking.alphabets import (
    ESCAPED_GAPS,
    HEX_FILLERS,
    HEX_GAPS,
    INVISIBLE,
    LONGEST_NUMBER,
    UNICODE_GAPS,
    alternatives,
)
from sidecar.masking.cards import length_classes
from sidecar.masking.dumps import ROW_BREAK
from sidecar.masking.sad_table import KEYED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sidecar.masking.user import UserRule

EXOTIC_SPAN = LONGEST_NUMBER + 8
# A plain number up to its twelfth digit, in any grouping.
GROUPED_SPAN = 24
WORD_SPAN = 24


class Sieve(Enum):
    """The databases."""

    FIRST = "first"
    """Twelve digits of a number as cards are written, or bytes in hex with blanks between them."""
    WORDS = "words"
    """A piece of every name of a secret."""
    RARE = "rare"
    """Bytes that do not occur in plain text: escapes of every kind, everything beyond ASCII."""
    NUMBERS = "numbers"
    """Plain card numbers, tracks and EMV values."""
    ODD = "odd"
    """Numbers with anything but plain separators, or with other digits."""
    LONG = "long"
    """Hex, and ISO 8583."""


ALWAYS = (Sieve.FIRST, Sieve.WORDS, Sieve.RARE)
Route = tuple["str | Sieve", int]
"""Where a hit leads: a reader, or another sieve, and how far before the hit the reader must start."""


class Trigger(NamedTuple):
    """One expression: the reader it calls, and how far before its end that reader must start.

    ``reader`` is the name of a reader or several with commas, or a sieve to be used where the expression
    matches at all. A
    ``literal`` is plain text; a database of nothing else is much faster.
    """

    expression: bytes
    reader: str | Sieve
    span: int = 0
    caseless: bool = False
    literal: bool = False


_GAP = rb"[-./_+\t ]"
_DUMPED = rb"(?:3[0-9]|2[0dDeEfF]|09)"
_DUMP_GAP = rb"(?:[ :]| {2})"
_SINGLE = rb"[0-9](?:" + _GAP + rb"[0-9]){11}"
# Lengths of the first groups of all groupings, as far as they make twelve digits.
_GROUPED = (
    rb"[0-9]{4}G(?:[0-9]{4}G[0-9]{4}|[0-9]{6}G[0-9]{4}|[0-9]{5}G[0-9]{6}|[0-9]{3}G[0-9]{3}G[0-9]{3})"
).replace(b"G", _GAP + rb"{1,3}")
_SPACED = rb"[0-9][0-9A-Fa-f]{0,7}(?:[-/_+\t ]{1,2}[0-9][0-9A-Fa-f]{0,7}){5}"
_DASHED = rb"[0-9](?:[-:]?[0-9]){11}"

# Every key in ``sad_table`` contains one of these; a test compares. Each one more makes all text slower.
PIECES = (
    *(b"cvv", b"cvc", b"cvx", b"cvn", b"csc", b"av2", b"cid", b"pin", b"pvv"),
    *(b"card", b"urity", b"rific", b"uefn", b"togr"),
)


def keyed_rules(piece: bytes) -> tuple[str, ...]:
    """The keyed rules with a key that contains ``piece``."""
    return tuple(rule.name for rule in KEYED if any(piece in key for key in rule.keys))


def _first() -> tuple[Trigger, ...]:
    stretch = b"|".join((_DASHED, _GROUPED, _SINGLE, _SPACED))
    return (Trigger(stretch, Sieve.NUMBERS),)


def _words() -> tuple[Trigger, ...]:
    return tuple(
        Trigger(piece, ",".join(keyed_rules(piece)), WORD_SPAN, caseless=True, literal=True)
        for piece in PIECES
    )


def _rare() -> tuple[Trigger, ...]:
    return (Trigger(rb"[\x00%\\&\x1b\x80-\xff]", Sieve.ODD),)


def beginning() -> bytes:
    """A number without gaps up to its twelfth digit, or fourteenth where no brand issues shorter ones."""
    shortest: dict[bytes, int] = {}
    for (least, _), prefixes in length_classes().items():
        for prefix in prefixes:
            shortest[prefix[:1]] = min(least, shortest.get(prefix[:1], least))
    long = b"".join(sorted(digit for digit, least in shortest.items() if least >= 14))
    short = b"".join(sorted(digit for digit, least in shortest.items() if least < 14))
    return rb"(?:[" + long + rb"][0-9]{2}|[" + short + rb"])[0-9]{11}"


def _dashed() -> bytes:
    """Twelve digits with at least one dash behind the fourth, or one behind more digits."""
    parts: list[bytes] = [rb"[0-9]{7,8}-[0-9]"]
    for before in range(4, 11):
        digits = b"[0-9]{%d}" % (before - 4) if before > 4 else b""
        parts.append(digits + rb"-(?:[0-9]-?){%d}[0-9]" % (11 - before))
    return rb"[0-9]{4}(?:" + b"|".join(parts) + rb")"


def _numbers() -> tuple[Trigger, ...]:
    emv = rb"5(?:[Aa] ?0[6-9Aa]|7 ?(?:0[A-Fa-f]|1[0-3])) ?[1-9](?: ?[0-9]){3}"
    return (
        # A fraction is never a card, see ``context``.
        Trigger(rb"(?:[^0-9.]|[^0-9]\.)" + beginning(), "plain", 16),
        Trigger(_GROUPED, "text", GROUPED_SPAN),
        Trigger(_SINGLE, "text", GROUPED_SPAN),
        Trigger(_dashed(), "text", GROUPED_SPAN),
        Trigger(rb"[0-9]{12}[=Dd][0-9]{2}[01][0-9]{4}", "track2", 16),
        Trigger(rb"[0-9]{12}\^", "track1", GROUPED_SPAN),
        Trigger(emv, "emv", 16),
        Trigger(rb"[0-9]{20}", Sieve.LONG),
        Trigger(rb"3[0-9]\r?\n ?" + _DUMPED, Sieve.LONG),
        Trigger(rb"3[0-9]" + _DUMP_GAP + _DUMPED, Sieve.LONG),
    )


def _long() -> tuple[Trigger, ...]:
    types = b"|".join(
        b"%d%d%d%d" % (version, kind, function, origin)
        for version in (0, 1, 2)
        for kind in (1, 2, 4)
        for function in (0, 1, 2, 3)
        for origin in (0, 1)
    )
    bitmap = rb"(?:[4-7][0-9A-Fa-f]{15}|[C-Fc-f][0-9A-Fa-f]{31})"
    filler = alternatives(*HEX_FILLERS) + rb"?"
    gap = rb"(?:" + alternatives(*HEX_GAPS) + filler + rb")?"
    return (
        Trigger(rb"3[0-9](?:" + filler + gap + rb"3[0-9]){11}", "hex", EXOTIC_SPAN),
        # A digit at the end of a row, and one at the beginning of the next.
        Trigger(
            rb"3[0-9](?: {0,2}" + _DUMPED + rb")?" + ROW_BREAK + rb"(?:" + _DUMPED + rb" ?)?3[0-9]",
            "hex",
            EXOTIC_SPAN,
        ),
        Trigger(rb"(?:" + types + rb")" + bitmap + rb"1[2-9][0-9]{12}", "iso8583", 64),
    )


def _odd() -> tuple[Trigger, ...]:
    escape = rb"(?:%(?:25)?[0-9A-Fa-f]|\\u[0-9A-Fa-f]{3}|\\x[0-9A-Fa-f])[0-9]"
    exotic = alternatives(*UNICODE_GAPS, *ESCAPED_GAPS, *INVISIBLE, rb"\x1b(?:\[[0-9;:]*[mKC]|\([A-Z0-9])")
    gaps = rb"(?:" + _GAP + rb"|" + exotic + rb")*"
    odd_gap = _GAP + rb"*(?:" + exotic + _GAP + rb"*)+"
    return (
        Trigger(escape + rb"[1-9][0-9]{11}", "text", GROUPED_SPAN),
        # The first odd gap of a number stands behind eight digits, or before five.
        Trigger(rb"[0-9]" + odd_gap + rb"[0-9](?:" + gaps + rb"[0-9]){4}", "text", EXOTIC_SPAN),
        Trigger(rb"[0-9](?:" + gaps + rb"[0-9]){7}" + odd_gap + rb"[0-9]", "text", EXOTIC_SPAN),
        Trigger(rb"[0-9].{0,2}\x00{1,3}(?:.{0,2}\x00{1,3})?[0-9]", "wide", EXOTIC_SPAN),
        Trigger(rb"\xef\xbc[\x90-\x99]", "full-width", 3),
        Trigger(rb"\xd9[\xa0-\xa9]", "arabic", 2),
        Trigger(rb"\xdb[\xb0-\xb9]", "persian", 2),
        Trigger(rb"\xf0\x9d\x9f[\x8e-\xbf]", "mathematical", 4),
        Trigger(rb"\xdf[\x80-\x89]", "nko", 2),
        Trigger(rb"\xe0[\xa5\xa7\xa9\xab\xad\xaf\xb1\xb3\xb5\xb7][\xa6-\xaf]", "indic", 3),
        Trigger(rb"\xe0[\xb9\xbb][\x90-\x99]", "thai", 3),
        Trigger(rb"\xe0\xbc[\xa0-\xa9]", "tibetan", 3),
        Trigger(rb"\xe1\x81[\x80-\x89]", "burmese", 3),
        Trigger(rb"\xe1\x9f[\xa0-\xa9]", "khmer", 3),
        Trigger(rb"%3[0-9]", "percent", 3),
        Trigger(rb"%253[0-9]", "percent twice", 5),
        Trigger(rb"%u003[0-9]", "percent u", 6),
        Trigger(rb"\\u\{3[0-9]\}", "braces", 6),
        Trigger(rb"&#[xX]3[0-9];", "html hex", 6),
        Trigger(rb"\\u003[0-9]", "json", 6),
        Trigger(rb"&#(?:4[89]|5[0-7]);", "html", 5),
        Trigger(rb"\\x3[0-9]", Sieve.LONG),
    )


def user_triggers(rules: Iterable[UserRule]) -> tuple[Trigger, ...]:
    """The beginnings of users' rules, whose readers have the names of the rules."""
    return tuple(Trigger(re.escape(rule.beginning), rule.name, len(rule.beginning)) for rule in rules)


def triggers(sieve: Sieve) -> tuple[Trigger, ...]:
    """The expressions of one database."""
    made = {
        Sieve.FIRST: _first,
        Sieve.WORDS: _words,
        Sieve.RARE: _rare,
        Sieve.NUMBERS: _numbers,
        Sieve.ODD: _odd,
        Sieve.LONG: _long,
    }
    return made[sieve]()
