"""What Hyperscan looks for: where the exact readers have to look, and no verdict.

Every expression may report too much and must never report too little. They are sorted into databases so that
ordinary text meets few of them: three are scanned always, the others only where one of those three gave a
reason that every reading of theirs contains.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from sidecar.masking.alphabets import (
    CURSOR_RIGHT,
    ESCAPE_SEQUENCE,
    ESCAPED_GAPS,
    HEX_FILLERS,
    HEX_GAPS,
    INVISIBLE,
    LONGEST_NUMBER,
    PLAIN_GAPS,
    UNICODE_GAPS,
    alternatives,
)
from sidecar.masking.cards import length_classes
from sidecar.masking.sad_table import KEYED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sidecar.masking.user import UserRule

# Bytes from the first digit of a plain number to the byte that ends it, the byte before it included.
PLAIN_SPAN = 19 + 18 * 3 + 2
EXOTIC_SPAN = LONGEST_NUMBER + 8
KEY_SPAN = 48
# Around a hit that opens a sieve, what that sieve must look at; without one it looks at everything.
WINDOW = EXOTIC_SPAN


class Sieve(Enum):
    """The databases."""

    NUMBERS = "numbers"
    """Plain card numbers, and long runs of digits."""
    KEYS = "keys"
    """Names of secrets, and numbers written as spaced bytes or digits."""
    RARE = "rare"
    """Bytes that do not occur in plain text: escapes of every kind, everything beyond ASCII."""
    RUNS = "runs"
    """What contains 12 digits in a row: tracks, EMV values, hex."""
    MESSAGES = "messages"
    """What contains 20 digits in a row: ISO 8583."""
    ODD = "odd"
    """What contains a rare byte or spaced bytes or digits."""
    ESCAPED = "escaped"
    """What contains terminal escape sequences."""


Route = tuple["str | Sieve", int]
"""Where a hit leads: a reader, or another sieve, and how far before the hit it must start."""


class Trigger(NamedTuple):
    """One expression: the reader it calls, and how far before its end that reader must start.

    ``reader`` is the name of a reader, or of a sieve to be used where the expression matches at all.
    """

    expression: bytes
    reader: str | Sieve
    span: int = 0
    caseless: bool = False


_SINGLE_GAPS = (rb" ", rb"-", rb"\.", rb"/", rb"_", rb"\+", rb"\t")


def _alternation(prefixes: Iterable[bytes]) -> bytes:
    """Four-digit beginnings as a compact alternation."""
    tails: dict[bytes, set[bytes]] = {}
    for prefix in prefixes:
        tails.setdefault(prefix[:2], set()).add(prefix[2:])
    parts: list[bytes] = []
    for head, last in sorted(tails.items()):
        parts.append(head + (rb"[0-9]{2}" if len(last) == 100 else rb"(?:" + b"|".join(sorted(last)) + rb")"))
    return rb"(?:" + b"|".join(parts) + rb")"


def number() -> bytes:
    """Any number of any brand with plain gaps, then a non-digit."""
    prefixes = (prefix for known in length_classes().values() for prefix in known)
    gap = alternatives(*PLAIN_GAPS)
    return _alternation(prefixes) + rb"(?:" + gap + rb"?[0-9]){8,15}[^0-9]"


def keys(names: Iterable[bytes]) -> bytes:
    """Any of the key ``names`` of a keyed rule."""
    return rb"(?:" + b"|".join(name.replace(b"_", rb"[ _-]?") for name in names) + rb")"


def _numbers() -> tuple[Trigger, ...]:
    return (
        Trigger(rb"[^0-9]" + number(), "plain", PLAIN_SPAN),
        Trigger(rb"[0-9]{12}", Sieve.RUNS),
    )


def _keys() -> tuple[Trigger, ...]:
    after = rb"[ \t\"'\\<>\[\](){}:=|,#%&-]"
    return (
        Trigger(rb"5(?:[Aa] 0[6-9Aa]|7 (?:0[A-Fa-f]|1[0-3])) [0-9]", Sieve.ODD, WINDOW),
        Trigger(rb"3[0-9][ :]3[0-9]", Sieve.ODD, WINDOW),
        Trigger(b"|".join(rb"[0-9](?:%b[0-9]){3}" % gap for gap in _SINGLE_GAPS), Sieve.ODD, WINDOW),
        *(Trigger(keys(names) + after, name, KEY_SPAN, caseless=True) for name, names, _, _ in KEYED),
    )


def _rare() -> tuple[Trigger, ...]:
    return (
        Trigger(rb"[\x00%\\&^\x80-\xff]", Sieve.ODD),
        Trigger(rb"\x1b", Sieve.ESCAPED),
    )


def _runs() -> tuple[Trigger, ...]:
    return (
        Trigger(rb"[0-9]{12}[=Dd][0-9]{2}[01][0-9]{4}", "track2", 16),
        Trigger(rb"5(?:[Aa]0[6-9Aa]|7(?:0[A-Fa-f]|1[0-3]))[0-9]{12}", "emv", 40),
        Trigger(rb"(?:3[0-9]){12}", "hex", EXOTIC_SPAN),
        Trigger(rb"[0-9]{20}", Sieve.MESSAGES),
    )


def _messages() -> tuple[Trigger, ...]:
    types = b"|".join(
        b"%d%d%d%d" % (version, kind, function, origin)
        for version in (0, 1, 2)
        for kind in (1, 2, 4)
        for function in (0, 1, 2, 3)
        for origin in (0, 1)
    )
    bitmap = rb"(?:[4-7][0-9A-Fa-f]{15}|[C-Fc-f][0-9A-Fa-f]{31})"
    return (Trigger(rb"(?:" + types + rb")" + bitmap + rb"1[2-9][0-9]{12}", "iso8583", 64),)


def _odd() -> tuple[Trigger, ...]:
    escape = rb"(?:%(?:25)?[0-9A-Fa-f]|\\u[0-9A-Fa-f]{3}|\\x[0-9A-Fa-f])[0-9]"
    plain = rb"[-./_+\t ]{0,3}"
    exotic = alternatives(*UNICODE_GAPS, *ESCAPED_GAPS, *INVISIBLE)
    filler = alternatives(*HEX_FILLERS) + rb"?"
    hex_gap = rb"(?:" + alternatives(*HEX_GAPS) + filler + rb")?"
    return (
        Trigger(escape + number(), "text", PLAIN_SPAN),
        Trigger(b"|".join(rb"[1-9](?:%b[0-9]){11}" % gap for gap in _SINGLE_GAPS), "text", PLAIN_SPAN),
        Trigger(rb"[0-9]" + plain + rb"(?:" + exotic + plain + rb"){1,9}[0-9]", "text", EXOTIC_SPAN),
        Trigger(rb"[0-9]\x00{1,3}(?:.{0,2}\x00{1,3})?[0-9]\x00", "wide", EXOTIC_SPAN),
        Trigger(rb"(?:\xef\xbc[\x90-\x99]){4}", "full-width", EXOTIC_SPAN),
        Trigger(rb"(?:\xd9[\xa0-\xa9]){4}", "arabic", EXOTIC_SPAN),
        Trigger(rb"(?:\xdb[\xb0-\xb9]){4}", "persian", EXOTIC_SPAN),
        Trigger(rb"(?:\xf0\x9d\x9f[\x8e-\xbf]){4}", "mathematical", EXOTIC_SPAN),
        Trigger(rb"(?:%3[0-9]){4}", "percent", EXOTIC_SPAN),
        Trigger(rb"(?:\\u003[0-9]){4}", "json", EXOTIC_SPAN),
        Trigger(rb"(?:&#(?:4[89]|5[0-7]);){4}", "html", EXOTIC_SPAN),
        Trigger(rb"3[0-9](?:" + filler + hex_gap + rb"3[0-9]){11}", "hex", EXOTIC_SPAN),
        Trigger(rb"[0-9]{12}\^[^\^\r\n?]{2,26}\^", "track1", 64),
        Trigger(rb"5(?:[Aa] ?0[6-9Aa]|7 ?(?:0[A-Fa-f]|1[0-3])) ?(?:[0-9] ?){12}", "emv", 40),
    )


def _escaped() -> tuple[Trigger, ...]:
    exotic = alternatives(*UNICODE_GAPS, *ESCAPED_GAPS, *INVISIBLE)
    quiet = rb"(?:" + ESCAPE_SEQUENCE + rb"|" + CURSOR_RIGHT + rb"|" + exotic + rb")"
    plain = rb"[-./_+\t ]{0,3}"
    return (Trigger(rb"[0-9]" + plain + rb"(?:" + quiet + plain + rb"){1,9}[0-9]", "text", EXOTIC_SPAN),)


def user_triggers(rules: Iterable[UserRule]) -> tuple[Trigger, ...]:
    """The beginnings of users' rules, whose readers have the names of the rules."""
    return tuple(Trigger(re.escape(rule.beginning), rule.name, len(rule.beginning)) for rule in rules)


def triggers(sieve: Sieve) -> tuple[Trigger, ...]:
    """The expressions of one database."""
    made = {
        Sieve.NUMBERS: _numbers,
        Sieve.KEYS: _keys,
        Sieve.RARE: _rare,
        Sieve.RUNS: _runs,
        Sieve.MESSAGES: _messages,
        Sieve.ODD: _odd,
        Sieve.ESCAPED: _escaped,
    }
    return made[sieve]()
