"""How digits are written: plain, full width, percent or JSON escaped, UTF-16, hex. One record per way.

An alphabet says what a digit token looks like, what may stand between two digits of one number, and what a
hidden digit becomes. Every token of an alphabet has the same width, and so has its star: masking never
changes the length of the stream, and an escaped digit becomes an escaped star.
"""

import re
from typing import NamedTuple

from sidecar.masking.dumps import ROW_BREAK, ROW_BREAK_CUT
from sidecar.masking.gaps import (
    CURSOR_RIGHT,
    ESCAPE_CUT_OFF,
    ESCAPE_SEQUENCE,
    ESCAPED_GAPS,
    GAP_BEGINS,
    HEX_FILLERS,
    HEX_GAPS,
    INVISIBLE,
    PLAIN_GAPS,
    UNICODE_GAPS,
    alternatives,
    cut_off,
)
from sidecar.masking.scripts import SCRIPTS

MOST_DIGITS = 19
_SEVEN = 0x37
# A number that needs more bytes than this, gaps included, is not read as one.
LONGEST_NUMBER = 320


class Alphabet(NamedTuple):
    """One way to write a number, compiled."""

    name: str
    star: bytes
    """What a hidden digit becomes; as wide as a digit."""
    start: re.Pattern[bytes]
    """The first digit of a group."""
    digits: re.Pattern[bytes]
    """Digits with nothing between them, one more than any number has at most."""
    enough: re.Pattern[bytes]
    """Twelve digits with at most one gap between two: what every number begins with."""
    gap: re.Pattern[bytes]
    """What may stand before the next digit; group 1 is the separator if there is one."""
    cut: re.Pattern[bytes]
    """All the rest of a buffer, if it may turn out to be a gap and digits once more has arrived."""
    begun: re.Pattern[bytes]
    """All the rest of a buffer, if it may turn out to be one digit once more has arrived."""
    pick: int
    """Which byte of a token tells its value."""
    values: bytes | None
    """Translation of those bytes to ASCII digits; None where they are ASCII digits."""

    @property
    def width(self) -> int:
        """Bytes of a digit."""
        return len(self.star)

    def read(self, raw: bytes) -> bytes:
        """The ASCII digits that the tokens ``raw`` stand for."""
        if self.name == "octal":
            return bytes(low + 8 * (high == _SEVEN) for high, low in zip(raw[2::4], raw[3::4], strict=True))
        picked = raw if len(self.star) == 1 else raw[self.pick :: len(self.star)]
        return picked if self.values is None else picked.translate(self.values)


def _silence(silent: bytes, *, rows: bool) -> tuple[bytes, bytes]:
    """What is silent on a side of a separator, and what is without one; with ``rows`` one may end in each.

    Blank lines stand between dumps, not within a number.
    """
    if not rows:
        return silent + rb"{0,4}", silent + rb"{1,8}"
    some = silent + rb"{0,2}"
    row = ROW_BREAK + some
    return some + rb"(?:" + row + rb")?", rb"(?:" + silent + rb"{1,2}(?:" + row + rb")?|" + row + rb")"


def _gap(separator: bytes, around: bytes, alone: bytes) -> bytes:
    """One separator, or what is silent, or both; group 1 is the separator."""
    return (
        rb"(?=(?:" + around + rb"(" + separator + rb"))?)"
        rb"(?:" + around + separator + around + rb"|" + alone + rb")"
    )  # fmt: skip


def _begun_gap(separator: bytes, around: bytes, alone: bytes) -> bytes:
    """What is whole of a gap that is cut off: a beginning of ``_gap``, however much of it is missing.

    Never more than one separator: many blanks could be read in more ways than there is time for.
    """
    return rb"(?:" + around + rb"(?:" + separator + around + rb")?|" + alone + rb")"


def _alphabet(
    name: str,
    token: bytes,
    star: bytes,
    separators: tuple[bytes, ...],
    quiet: tuple[bytes, ...],
    *,
    before: bytes | None = None,
    first: bytes | None = None,
    gap: bytes | None = None,
    pick: int = -1,
    values: bytes | None = None,
    part: bytes | None = None,
    escapes: bool = False,
    rows: bool = False,
) -> Alphabet:
    """Compile an alphabet whose digits are ``token``; ``part`` is the same without groups.

    A number of an alphabet with ``rows`` may go on in the next row of a dump.
    """
    separator = alternatives(*separators)
    if escapes:
        separator = rb"(?:" + separator + rb"|" + CURSOR_RIGHT + rb")"
    unseen = (*quiet, ESCAPE_SEQUENCE) if escapes else quiet
    around, alone = _silence(rb"(?:" + b"|".join(unseen) + rb")", rows=rows)
    tail = cut_off(*separators, *quiet, part or token)
    if escapes:
        tail = rb"(?:" + ESCAPE_CUT_OFF + rb"|" + tail + rb")"
    cut = _begun_gap(separator, around, alone) + tail
    if rows:
        fillers = rb"(?:" + b"|".join(unseen) + rb"){0,2}"
        cut = rb"(?:(?:" + around + separator + rb")?" + fillers + ROW_BREAK_CUT + rb"|" + cut + rb")"
    between = (gap or _gap(separator, around, alone)) + rb"(?=" + token + rb")"
    return Alphabet(
        name=name,
        star=star,
        start=re.compile((before or rb"(?<!" + token + rb")") + (first or token), re.DOTALL),
        digits=re.compile(rb"(?:" + token + rb"){1,%d}" % (MOST_DIGITS + 1), re.DOTALL),
        enough=re.compile(token + rb"(?:(?:" + between + rb")?" + token + rb"){11}", re.DOTALL),
        gap=re.compile((rb"(?=" + GAP_BEGINS + rb")" if escapes else b"") + between, re.DOTALL),
        cut=re.compile(cut + rb"\Z", re.DOTALL),
        begun=re.compile(cut_off(part or token) + rb"\Z", re.DOTALL),
        pick=len(star) - 1 if pick < 0 else pick,
        values=values,
    )


# A group may also start right after an escape that ends in a digit, such as %20. Of octal escapes beyond
# ASCII two must stand in a row, as those of UTF-8 do: one alone may be a folder that begins with a date.
_AFTER_ESCAPE = (
    rb"(?:(?<![0-9])|(?<=%[0-9A-Fa-f][0-9])|(?<=%25[0-9A-Fa-f][0-9])"
    rb"|(?<=[\\%]u[0-9A-Fa-f]{3}[0-9])|(?<=\\U00[01][0-9A-Fa-f]{4}[0-9])|(?<=\\x[0-9A-Fa-f][0-9])"
    rb"|(?<=\\0[0145][0-5])|(?<=\\[23][0-7]{2}\\2[0-7]{2}))"
)
_ALL_GAPS = PLAIN_GAPS + UNICODE_GAPS + ESCAPED_GAPS


def _turns(zero: int, count: int) -> bytes:
    """A translation of ``count`` bytes from ``zero`` on to ASCII digits, in turns of ten."""
    return bytes(48 + (byte - zero) % 10 if zero <= byte < zero + count else 48 for byte in range(256))


def text() -> Alphabet:
    """ASCII digits, with every separator, zero-width characters and colour codes between them."""
    return _alphabet(
        "text", rb"[0-9]", b"*", _ALL_GAPS, INVISIBLE, before=_AFTER_ESCAPE, first=rb"[1-9]", escapes=True
    )


def wide() -> Alphabet:
    """UTF-16 and UTF-32 of either byte order: ASCII digits with zero bytes between them."""
    separators = (rb"[-./_+\t \xa0]", rb"[\x00-\x15\xaf]\x20", rb"\x20[\x00-\x15\xaf]")
    separator = alternatives(*separators)
    return _alphabet(
        "wide",
        rb"[0-9]",
        b"*",
        separators,
        (rb"\x00",),
        before=rb"(?<![0-9])(?<![0-9]\x00)(?<![0-9]\x00\x00\x00)",
        first=rb"[1-9]",
        gap=rb"(?=(?:\x00{0,3}(" + separator + rb"))?)(?:\x00{1,3}(?:" + separator + rb"\x00{0,3})?|"
        + separator + rb"\x00{1,3})",
    )  # fmt: skip


_WIDE_TOKENS: dict[str, tuple[bytes, bytes, bytes | None]] = {
    # name: digit, star, values
    "full-width": (rb"\xef\xbc[\x90-\x99]", b"\xef\xbc\x8a", _turns(0x90, 10)),
    "arabic": (rb"\xd9[\xa0-\xa9]", b"\xd9\xad", _turns(0xA0, 10)),
    "persian": (rb"\xdb[\xb0-\xb9]", b"\xd9\xad", _turns(0xB0, 10)),
    "mathematical": (rb"\xf0\x9d\x9f[\x8e-\xbf]", b"****", _turns(0x8E, 50)),
    "nko": (rb"\xdf[\x80-\x89]", b"\xd9\xad", _turns(0x80, 10)),
    "indic": (
        rb"\xe0[\xa5\xa7\xa9\xab\xad\xaf\xb1\xb3\xb5\xb7][\xa6-\xaf]",
        b"\xef\xbc\x8a",
        _turns(0xA6, 10),
    ),
    "thai": (rb"\xe0[\xb9\xbb][\x90-\x99]", b"\xef\xbc\x8a", _turns(0x90, 10)),
    "tibetan": (rb"\xe0\xbc[\xa0-\xa9]", b"\xef\xbc\x8a", _turns(0xA0, 10)),
    "burmese": (rb"\xe1\x81[\x80-\x89]", b"\xef\xbc\x8a", _turns(0x80, 10)),
    "khmer": (rb"\xe1\x9f[\xa0-\xa9]", b"\xef\xbc\x8a", _turns(0xA0, 10)),
    **{name: (script.token, script.star, script.values) for name, script in SCRIPTS.items()},
    "full-width json": (rb"\\u[Ff][Ff]1[0-9]", b"\\uff0a", None),
    "full-width percent": (rb"%[Ee][Ff]%[Bb][Cc]%9[0-9]", b"%EF%BC%8A", None),
    "arabic json": (rb"\\u06[6Ff][0-9]", b"\\u066d", None),
    "arabic percent": (rb"%[Dd](?:9%[Aa]|[Bb]%[Bb])[0-9]", b"%D9%AD", None),
    "percent": (rb"%3[0-9]", b"%2A", None),
    "percent twice": (rb"%253[0-9]", b"%252A", None),
    "percent u": (rb"%u003[0-9]", b"%u002A", None),
    "json": (rb"\\u003[0-9]", b"\\u002a", None),
    "python": (rb"\\U0000003[0-9]", b"\\U0000002a", None),
    "html hex": (rb"&#[xX]3[0-9];", b"&#x2a;", None),
    "html hex zeros": (rb"&#[xX]003[0-9];", b"&#x002a;", None),
    "octal": (rb"\\0(?:6[0-7]|7[01])", b"\\052", None),
    "braces": (rb"\\u\{3[0-9]\}", b"\\u{2a}", None),
}
# Digits as one class for every byte, where they are more than that.
_PARTS = {
    "octal": rb"\\0[67][0-7]",
    "arabic percent": rb"%[Dd][9Bb]%[AaBb][0-9]",
    **{name: script.part for name, script in SCRIPTS.items()},
}
# The digit is the last byte but one.
_ENCLOSED = frozenset(("html hex", "html hex zeros", "braces"))
# Decimal references of HTML, and what stands before the number.
_REFERENCES = {"html": b"", "html zero": b"0"}
# Printed twice, or over an underline, as typewriters did and nroff does: for bold, for underlined.
_OVERSTRUCK_TOKENS = {
    # name: digit, its first byte and the rest, star
    "bold": (b"|".join(b"%d\x08%d" % (digit, digit) for digit in range(10)), rb"[0-9]\x08[0-9]", b"*\x08*"),
    "underlined": (rb"_\x08[0-9]", rb"_\x08[0-9]", b"_\x08*"),
}
_OVERSTRUCK_GAPS = (rb"-\x08-", rb"_\x08[- ]", rb" \x08 ")
# A byte sequence that every number of the alphabet contains, as it is here or with capitals.
MARKS: dict[str, bytes] = {
    "wide": b"\x00",
    "full-width": b"\xef\xbc",
    "arabic": b"\xd9",
    "persian": b"\xdb",
    "mathematical": b"\xf0\x9d\x9f",
    "nko": b"\xdf",
    "indic": b"\xe0",
    "thai": b"\xe0",
    "tibetan": b"\xe0\xbc",
    "burmese": b"\xe1\x81",
    "khmer": b"\xe1\x9f",
    **{name: script.mark for name, script in SCRIPTS.items()},
    "full-width json": b"\\uff1",
    "full-width percent": b"%ef%bc%9",
    "arabic json": b"\\u06",
    "arabic percent": b"%d",
    "percent": b"%3",
    "percent twice": b"%253",
    "percent u": b"%u003",
    "json": b"\\u003",
    "python": b"\\U0000003",
    "html": b"&#",
    "html zero": b"&#0",
    "html hex": b"&#",
    "html hex zeros": b"003",
    "octal": b"\\0",
    "braces": b"\\u{3",
    "bold": b"\x08",
    "underlined": b"\x08",
    "hex": b"3",
}


def alphabet(name: str) -> Alphabet:
    """Compile the alphabet ``name``: ``text`` or a key of ``MARKS``."""
    if name == "text":
        return text()
    if name == "wide":
        return wide()
    if name == "hex":
        return _alphabet("hex", rb"3[0-9]", b"2a", HEX_GAPS, HEX_FILLERS, rows=True)
    if name in _REFERENCES:
        zero = _REFERENCES[name]
        token, part = rb"&#" + zero + rb"(?:4[89]|5[0-7]);", rb"&#" + zero + rb"[45][0-9];"
        star, values = b"&#" + zero + b"42;", _turns(0x2E, 12)
        return _alphabet(
            name, token, star, _ALL_GAPS, INVISIBLE, part=part, pick=len(star) - 2, values=values
        )
    if name in _OVERSTRUCK_TOKENS:
        token, part, star = _OVERSTRUCK_TOKENS[name]
        gaps = (*_ALL_GAPS, *_OVERSTRUCK_GAPS)
        return _alphabet(name, rb"(?:" + token + rb")", star, gaps, INVISIBLE, part=part)
    token, star, table = _WIDE_TOKENS[name]
    pick = len(star) - 2 if name in _ENCLOSED else -1
    return _alphabet(name, token, star, _ALL_GAPS, INVISIBLE, pick=pick, values=table, part=_PARTS.get(name))
