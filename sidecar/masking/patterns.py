"""What Hyperscan looks for: where the exact readers have to look, and no verdict.

Every expression may report too much and must never report too little. They are sorted into databases so that
ordinary text meets few of them: one, the gate, is scanned always and reports nothing there; the others are
scanned only where the gate gave a reason that every reading of theirs contains. Where ``quiet`` is not built
the gate is what text costs: one automaton of at most sixteen states for digits and rare bytes, in which
Hyperscan skips what is neither, and one table of literals.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from sidecar.masking.alphabets import LONGEST_NUMBER
from sidecar.masking.cards import length_classes
from sidecar.masking.dumps import ROW_BREAK
from sidecar.masking.gaps import HEX_FILLERS, HEX_GAPS, alternatives
from sidecar.masking.sad_table import KEYED
from sidecar.masking.scripts import SCRIPTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sidecar.masking.user import UserRule

EXOTIC_SPAN = LONGEST_NUMBER + 8
# A plain number up to its twelfth digit, in any grouping.
GROUPED_SPAN = 24
# Nineteen digits with three blanks between any two.
SCATTERED_SPAN = 76
WORD_SPAN = 24


class Sieve(Enum):
    """The databases."""

    GATE = "gate"
    """Twelve digits however they are set apart, any byte that is rare in text, a piece of every name of a
    secret, hex with colons, and lines broken in a number."""
    AGAIN = "again"
    """The digits and rare bytes of the gate alone."""
    DIGITS = "digits"
    """The digits of the gate alone."""
    NUMBERS = "numbers"
    """Plain card numbers, tracks and EMV values."""
    ODD = "odd"
    """Plain digits with anything between them."""
    WRITTEN = "written"
    """Digits that are written in another way. One database with the ones above would be far larger."""
    LONG = "long"
    """Hex, and ISO 8583."""


Route = tuple["str | Sieve", int]
"""Where a hit leads: a reader, or another sieve, and how far before the hit the reader must start."""


class Trigger(NamedTuple):
    """One expression: the reader it calls, and how far before its end that reader must start.

    ``reader`` is the name of a reader or several with commas, or a sieve to be used where the expression
    matches at all, which is reported once.
    """

    expression: bytes
    reader: str | Sieve
    span: int = 0
    caseless: bool = False


_GAP = rb"[-./_+\t ]"
_DUMPED = rb"(?:3[0-9]|2[0dDeEfF]|09)"
_DUMP_GAP = rb"(?:[ :]| {2})"
_SINGLE = rb"[0-9](?:" + _GAP + rb"[0-9]){11}"
# Eight single digits with irregular blanks, and five groups by the thousand.
_SCATTERED = rb"[0-9](?: {1,3}[0-9]){7}"
_THOUSANDS = rb"[0-9](?:[-./_+\t, ][0-9]{3}){4}"
# Lengths of the first groups of all groupings, as far as they make twelve digits.
_GROUPED = (
    rb"[0-9]{4}G(?:[0-9]{4}G[0-9]{4}|[0-9]{6}G[0-9]{4}|[0-9]{5}G[0-9]{6}|[0-9]{3}G[0-9]{3}G[0-9]{3})"
    rb"|[0-9]{6}G[0-9]{13}"
).replace(b"G", _GAP + rb"{1,3}")
# Hex has letters between the digits of a number, for a dash, a dot, a slash. An automaton that stays where it
# is at every gap has one state for every digit and no more.
_TWELVE = rb"[0-9](?:[-./_+,\t d-fD-Fx=]*[0-9]){11}"
_RARE = rb"[\x00\x08%\\&\x1b\x80-\xff]"
# Hex with colons, of which every line of a log has some.
_COLONS = rb"3[0-9]:3[0-9]:3"

# A soft line break of quoted-printable, whatever it stands behind, or a blank or dash beyond ASCII.
_SOFT = rb"=(?:[\r\n]|[CE]2=)"

# Every key in ``sad_table`` contains one of these; a test compares. The last three letters count: they are to
# be as rare in text as they can be.
PIECES = (
    *(b"cvv", b"cvc", b"cvx", b"cvn", b"cv2", b"cvd", b"ccv", b"csc", b"av2", b"cid", b"pin", b"pvv"),
    *(b"card", b"curity", b"verif", b"pruef", b"\xbcfn", b"ptog"),
)


TYPES = (
    *(
        b"%d%d%d%d" % (version, kind, function, origin)
        for version in (0, 1, 2)
        for kind in (1, 2, 4)
        for function in (0, 1, 2, 3)
        for origin in (0, 1)
    ),
    b"1240",
    b"1442",
)
"""Of an ISO 8583 message with a number: version, class, function, origin; and the two of clearing files."""
BITMAPS = (
    rb"(?:[4-7][0-9A-Fa-f]{15}|[C-Fc-f][0-9A-Fa-f]{31})",
    rb"[\x40-\x7f].{7}",
    rb"[\xc0-\xff].{15}",
)
"""Of such a message, in hex or bytes, which may be of two halves."""


EMV_HEAD = rb"(5[Aa](?: ?81 ?| {0,2})0[6-9Aa]|(?:57|9[Ff] {0,2}6[Bb])(?: ?81 ?| {0,2})(?:0[A-Fa-f]|1[0-3]))"
"""Tag and length of an EMV value in hex. Of blanks in pairs no more than keep the tag within eight bytes."""
EMV_SPAN = 72
"""Bytes from a tag to the end of its value at most."""


FLOAT = rb"[0-9]\.[0-9]{12,18}[Ee]"
"""A floating-point number up to its exponent; the first look asks for twelve digits in a row."""


def keyed_rules(piece: bytes) -> tuple[str, ...]:
    """The keyed rules with a key that contains ``piece``."""
    return tuple(rule.name for rule in KEYED if any(piece in key for key in rule.keys))


def _gate() -> tuple[Trigger, ...]:
    pieces = (Trigger(piece, ",".join(keyed_rules(piece)), WORD_SPAN, caseless=True) for piece in PIECES)
    return (*_again(), *pieces, Trigger(_COLONS, Sieve.LONG), Trigger(_SOFT, Sieve.ODD))


def _again() -> tuple[Trigger, ...]:
    return (Trigger(_TWELVE + rb"|" + _RARE, Sieve.NUMBERS),)


def _digits() -> tuple[Trigger, ...]:
    return (Trigger(_TWELVE, Sieve.NUMBERS),)


def beginning() -> bytes:
    """A number without gaps up to its twelfth digit, or fourteenth where no brand issues shorter ones.

    A zero is the beginning of a field that is filled up with zeros (``padded``).
    """
    shortest: dict[bytes, int] = {b"0": 14}
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
    emv = EMV_HEAD + rb" {0,2}[1-9](?: {0,2}[0-9]){3}"
    return (
        # A fraction is never a card, see ``context``.
        Trigger(rb"(?:[^0-9.]|[^0-9]\.)" + beginning(), "plain,padded", 16),
        Trigger(_GROUPED, "text", GROUPED_SPAN),
        Trigger(_SINGLE, "text", GROUPED_SPAN),
        Trigger(_dashed(), "text", GROUPED_SPAN),
        Trigger(_SCATTERED, "text", SCATTERED_SPAN),
        Trigger(_THOUSANDS, "text", GROUPED_SPAN),
        Trigger(FLOAT, "text", GROUPED_SPAN),
        Trigger(rb"[0-9]=(?:2[0DdEeFf]|09)[0-9]", "text", EXOTIC_SPAN),
        Trigger(rb"[0-9]{12}[=Dd][0-9]{2}[01][0-9]{4}", "track2", 16),
        Trigger(rb"[0-9]{12}\^", "track1", GROUPED_SPAN),
        Trigger(emv, "emv", 24),
        Trigger(rb"[0-9]{20}", Sieve.LONG),
        Trigger(rb"3[0-9]\r?\n ?" + _DUMPED, Sieve.LONG),
        Trigger(rb"3[0-9]" + _DUMP_GAP + _DUMPED, Sieve.LONG),
        Trigger(rb"0x3[0-9],? ?0x3", Sieve.LONG),
    )


def _long() -> tuple[Trigger, ...]:
    bitmap = rb"(?:" + rb"|".join(BITMAPS) + rb")"
    filler = alternatives(*HEX_FILLERS) + rb"?"
    gap = rb"(?:" + alternatives(*HEX_GAPS) + filler + rb")?"
    return (
        Trigger(rb"3[0-9](?:" + filler + gap + rb"3[0-9]){11}", "hex", EXOTIC_SPAN),
        # A digit at the end of a row, and one at the beginning of the next.
        Trigger(
            rb"3[0-9](?:"
            + filler
            + _DUMPED
            + rb")?"
            + filler
            + ROW_BREAK
            + filler
            + rb"(?:"
            + _DUMPED
            + filler
            + rb")?3[0-9]",
            "hex",
            EXOTIC_SPAN,
        ),
        Trigger(rb"(?:" + rb"|".join(TYPES) + rb")" + bitmap + rb"1[2-9][0-9]{12}", "iso8583", 64),
    )


def _odd() -> tuple[Trigger, ...]:
    # Every byte of every gap and escape: digits in an escape count, too.
    gap = rb"(?:\x1b[\[(][0-9;:]*[A-Z0-9m]|[-./_+,\t %\\&#;=A-Fa-fnpstuxX\x80-\xff]|=\r?\n)"
    return (
        Trigger(rb"[0-9](?:" + gap + rb"*[0-9]){11}", "text", EXOTIC_SPAN),
        # A named gap of HTML behind a digit or what is silent.
        Trigger(rb"[0-9A-Zm;\n\x80-\xff]&[a-zT][a-z]|\\u\{[2Aa]", "text", EXOTIC_SPAN),
        Trigger(rb"[0-9].{0,2}\x00{1,3}(?:.{0,2}\x00{1,3})?[0-9]", "wide", EXOTIC_SPAN),
    )


def _written() -> tuple[Trigger, ...]:
    return (
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
        *(Trigger(script.token, name, len(script.star)) for name, script in SCRIPTS.items()),
        Trigger(rb"\\uff1[0-9]", "full-width json", 6, caseless=True),
        Trigger(rb"\\u066[0-9]", "arabic json", 6),
        Trigger(rb"\\u06f[0-9]", "arabic json", 6, caseless=True),
        # All of such a digit would make the database half as large again.
        Trigger(rb"%[9AaBb][0-9]", "full-width percent,arabic percent", 9),
        Trigger(rb"\\U0000003[0-9]", "python", 10),
        Trigger(rb"%3[0-9]", "percent", 3),
        Trigger(rb"%253[0-9]", "percent twice", 5),
        Trigger(rb"%u003[0-9]", "percent u", 6),
        Trigger(rb"\\u\{3[0-9]\}", "braces", 6),
        Trigger(rb"&#[xX]3[0-9];", "html hex", 6),
        Trigger(rb"\\u003[0-9]", "json", 6),
        Trigger(rb"&#(?:4[89]|5[0-7]);", "html", 5),
        Trigger(rb"&#0(?:4[89]|5[0-7]);", "html zero", 6),
        Trigger(rb"&#[xX]003[0-9];", "html hex zeros", 8),
        Trigger(rb"\\0(?:6[0-7]|7[01])", "octal", 4),
        Trigger(rb"[0-9]\x08[0-9]", "bold", 3),
        Trigger(rb"_\x08[0-9]", "underlined", 3),
        Trigger(rb"\\x3[0-9]", Sieve.LONG),
    )


def user_triggers(rules: Iterable[UserRule]) -> tuple[Trigger, ...]:
    """The beginnings of users' rules, whose readers have the names of the rules."""
    return tuple(Trigger(re.escape(rule.beginning), rule.name, len(rule.beginning)) for rule in rules)


def triggers(sieve: Sieve) -> tuple[Trigger, ...]:
    """The expressions of one database."""
    made = {
        Sieve.GATE: _gate,
        Sieve.AGAIN: _again,
        Sieve.DIGITS: _digits,
        Sieve.NUMBERS: _numbers,
        Sieve.ODD: _odd,
        Sieve.WRITTEN: _written,
        Sieve.LONG: _long,
    }
    return made[sieve]()
