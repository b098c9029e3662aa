"""Numbers of every brand and length of the table, written in every way that the engine reads."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.mask_lookalikes import check_digit, digits
from sidecar.masking.authoring.cards_module import CardsFile, parse

CARDS = Path(__file__).resolve().parents[2] / "policies/masking/cards.yaml"
FIRST, LAST = 6, 4
GROUPINGS = {
    12: (4, 4, 4), 13: (4, 3, 3, 3), 14: (4, 6, 4), 15: (4, 6, 5), 16: (4, 4, 4, 4), 17: (4, 4, 4, 5),
    18: (4, 4, 4, 6), 19: (4, 4, 4, 4, 3),
}  # fmt: skip
GAPS = {
    "space": " ", "two spaces": "  ", "tab": "\t", "dash": "-", "dash in spaces": " - ", "dot": ".",
    "slash": "/", "underscore": "_", "plus": "+", "no-break space": "\u00a0",
    "narrow no-break space": "\u202f",
    "thin space": "\u2009", "ideographic space": "\u3000", "hyphen U+2010": "\u2010", "dash U+2011": "\u2011",
    "dash U+2013": "\u2013", "minus U+2212": "\u2212", "middle dot": "\u00b7", "%20": "%20", "%2D": "%2D",
    "%C2%A0": "%C2%A0", "%E2%80%91": "%E2%80%91", "\\u0020": "\\u0020", "\\u00a0": "\\u00a0",
    "\\u2011": "\\u2011", "\\x20": "\\x20", "\\t": "\\t", "&nbsp;": "&nbsp;", "&#160;": "&#160;",
    "zero-width space": "\u200b", "soft hyphen": "\u00ad", "word joiner": "\u2060", "colour": "\x1b[31m",
    "grep's colour": "\x1b[m\x1b[K", "cursor right": "\x1b[C", "three spaces": "   ", "%2520": "%2520",
    "%u0020": "%u0020", "\\u{20}": "\\u{20}", "\\040": "\\040", "&ensp;": "&ensp;", "&ndash;": "&ndash;",
    "&#x20;": "&#x20;", "&#8209;": "&#8209;", "&shy;": "&shy;", "quoted-printable": "=20",
    "soft line break": "=\r\n", "U+30FC": "\u30fc", "dash U+2013 in spaces": " \u2013 ",
}  # fmt: skip
DIGITS: dict[str, Callable[[str], bytes]] = {
    "full width": lambda digit: chr(ord(digit) + 0xFEE0).encode(),
    "Arabic-Indic": lambda digit: chr(ord(digit) + 0x630).encode(),
    "Persian": lambda digit: chr(ord(digit) + 0x6C0).encode(),
    "mathematical bold": lambda digit: chr(ord(digit) + 0x1D79E).encode(),
    "mathematical mono": lambda digit: chr(ord(digit) + 0x1D7C6).encode(),
    "full width in JSON": lambda digit: b"\\uff1%s" % digit.encode(),
    "full width in percent": lambda digit: b"%%EF%%BC%%9%s" % digit.encode(),
    "Arabic-Indic in JSON": lambda digit: b"\\u066%s" % digit.encode(),
    "Persian in percent": lambda digit: b"%%DB%%B%s" % digit.encode(),
    "percent": lambda digit: b"%%%02X" % ord(digit),
    "JSON escape": lambda digit: b"\\u%04x" % ord(digit),
    "\\x escape": lambda digit: b"\\x%02x" % ord(digit),
    "HTML": lambda digit: b"&#%d;" % ord(digit),
    "HTML with a zero": lambda digit: b"&#%03d;" % ord(digit),
    "HTML hex with zeros": lambda digit: b"&#x%04x;" % ord(digit),
    "octal": lambda digit: b"\\%03o" % ord(digit),
    "hex": lambda digit: b"%02x" % ord(digit),
    "hex in spaces": lambda digit: b"%02x " % ord(digit),
    "hex with colons": lambda digit: b"%02x:" % ord(digit),
    "UTF-16 LE": lambda digit: digit.encode("utf-16-le"),
    "UTF-16 BE": lambda digit: digit.encode("utf-16-be"),
    "UTF-32 LE": lambda digit: digit.encode("utf-32-le"),
    "printed twice": lambda digit: b"%s\b%s" % (digit.encode(), digit.encode()),
    "underlined": lambda digit: b"_\b%s" % digit.encode(),
    "every digit coloured": lambda digit: b"\x1b[32m%s\x1b[0m" % digit.encode(),
}
# What stands around a number, where nothing says that it is none.
PLACES = {
    "line": (b"\n", b"\n"), "JSON": (b'{"card":"', b'"}'), "JSON number": (b'{"n":', b"}"),
    "CSV": (b"17,", b",12/27"),
    "URL": (b"?card=", b"&x=1"), "XML": (b"<pan>", b"</pan>"), "letters": (b"card", b"exp"),
    "underscores": (b"_", b"_"),
}  # fmt: skip


class Written(NamedTuple):
    """A number as it is written."""

    brand: str
    way: str
    data: bytes
    hidden: tuple[tuple[int, int], ...]
    """The bytes of the digits that must not stay: from the seventh to the fifth last."""


def table() -> CardsFile:
    """The reviewed table."""
    return parse(CARDS.read_bytes())


def numbers(rng: random.Random) -> Iterator[tuple[str, str]]:
    """A brand and a number of it, for both ends and a middle of every range and every length."""
    for row in table().brands:
        for text in row.ranges:
            low, _, high = text.partition("-")
            middle = str(rng.randint(int(low), int(high or low)))
            for length in row.lengths:
                for prefix in dict.fromkeys((low, high or low, middle)):
                    body = prefix + digits(rng, length - 1 - len(prefix))
                    yield row.name, check_digit(body)


def _build(
    brand: str, way: str, number: str, tokens: list[bytes], gaps: list[bytes], place: str, count: int = 0
) -> Written:
    """``count`` is how many digits the whole number has, if not all of them are written."""
    count = count or len(number)
    before, after = (b"=", b"E%d," % (count - 1)) if place == "float" else PLACES[place]
    data = bytearray(before)
    spots: list[tuple[int, int]] = []
    for token, gap in zip(tokens, gaps, strict=True):
        data += gap
        spots.append((len(data), len(data) + len(token)))
        data += token
    return Written(brand, way, bytes(data) + after, tuple(spots[FIRST : count - LAST]))


def written(brand: str, number: str) -> Iterator[Written]:
    """``number`` in every place, with every gap and in every notation."""
    plain = [digit.encode() for digit in number]
    nothing = [b""] * len(number)
    for place in PLACES:
        yield _build(brand, f"in {place}", number, plain, nothing, place)
    only = {row.name: row.groupings for row in table().brands}.get(brand)
    grouping = only[0] if only else GROUPINGS[len(number)]
    starts = {sum(grouping[:at]) for at in range(1, len(grouping))}
    for name, gap in GAPS.items():
        gaps = [gap.encode() if at in starts else b"" for at in range(len(number))]
        yield _build(brand, name, number, plain, gaps, "line")
    if not only:
        yield from _set_apart(brand, number, plain)
    exact = number.rstrip("0")
    if len(exact) >= 13:
        dot = [b"." if at == 1 else b"" for at in range(len(exact))]
        yield _build(brand, "floating point", exact, plain[: len(exact)], dot, "float", len(number))
    if len(number) >= 14:
        yield _build(brand, "behind zeros", number, plain, [b"0" * (20 - len(number)), *nothing[1:]], "line")
    if len(number) in {15, 16, 19}:
        yield _build(brand, "behind its length", number, plain, [b"%d" % len(number), *nothing[1:]], "line")
    for name, token in DIGITS.items():
        yield _build(brand, name, number, [token(digit) for digit in number], nothing, "line")


def _set_apart(brand: str, number: str, plain: list[bytes]) -> Iterator[Written]:
    """``number`` in other groups than those of cards."""
    spaced = [b" " if at else b"" for at in range(len(number))]
    yield _build(brand, "digit by digit", number, plain, spaced, "line")
    scattered = [b" " * (at % 3 + 1) if at > 2 else b"" for at in range(len(number))]
    yield _build(brand, "irregular blanks", number, plain, scattered, "line")
    if len(number) == 19 and number.startswith("62"):
        two = [b" " if at == 6 else b"" for at in range(len(number))]
        yield _build(brand, "6 and 13", number, plain, two, "line")
    if len(number) in {16, 19} or number[:2] in {"34", "37"}:
        for name, mark in (("thousands", b","), ("thousands with dots", b".")):
            marks = [mark if at and (len(number) - at) % 3 == 0 else b"" for at in range(len(number))]
            yield _build(brand, name, number, plain, marks, "line")
