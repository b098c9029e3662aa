"""What masking means, slowly: the whole input in memory, every start and every length tried, plain ``re``.

Written from the rules, not from the engine: its own reading of the table, profiles, check digit, separators
and grouping. Its scope is card numbers in plain notation (``is_plain``): 12 to 19 ASCII digits, alone or with
any separator in any grouping, behind zeros or their length, in any text. It does not know digits in another
notation, hex and dumps of it, tracks, codes, EMV values, ISO 8583, users' rules, base64 and terminals: a
comparison leaves out what the engine found of those. Shared with the engine is what the text around a number
says (``context.judge``, a pure function of the whole input), and no more.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, cast

import yaml

from sidecar.masking import Profile
from sidecar.masking.context import Verdict, judge

POLICIES = Path(__file__).resolve().parents[2] / "policies/masking"
VISIBLE = [
    " ", "  ", "   ", " - ", "-", ".", "/", "_", "+", "\t", ",",
    "\u00a0", "\u00b7", "\u2212", "\u3000", "\ufe58", "\u2500", "\u30fc", "\uff70", " \u2013 ", " \u2014 ",
    "\u058a", "\u05be", "\u1400", "\u1680", "\u1806", "\u2e17", "\u2e1a", "\u2e3a", "\u2e3b", "\u2e40",
    "\u2e5d", "\u301c", "\u3030", "\ufe31", "\ufe32",
    "\ufe63", "\uff0d", "\u205f", "\u202f", *map(chr, range(0x2000, 0x200B)),
    *map(chr, range(0x2010, 0x2016)),
]  # fmt: skip
SILENT = [
    "\u00ad", "\ufeff", "\ufe0f", "\u034f", "\u061c", "\u180e", *map(chr, range(0x200B, 0x2010)),
    *map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A)),
]  # fmt: skip
ESCAPED = (
    rb"%(?:25)?2[0BbDdEeFf]|%09|%5[Ff]|%[Cc]2%[Aa]0|%25[Cc]2%25[Aa]0|%[Aa]0|%u00[2Aa][0DdEeFf]"
    rb"|\\u00[2Aa][0DdEeFf]|\\u20[012][0-9A-Fa-f]|\\u\{[2Aa][0DdEeFf]\}|\\t|\\0[45][05]|=2[0DdEeFf]|=09"
    rb"|&(?:nbsp|ensp|#[xX][2Aa][0DdEeFf]|#820[0-289]|#160|#8239|#[xX]20(?:0[0-9Aa]|[12][0-5Ff]));"
    rb"|%[Ee]3%80%80|%[Ee][Ff]%[Bb][Cc]%8[Dd]|\\u(?:[23][02][01][02]|[Ff][Ff]0[Dd])|\\x[Cc]2\\x[Aa]0"
    rb"|=C2=A0|=E2=80=[89A][0-9AF]"
)
SILENT_ESCAPED = rb"&shy;|&#820[3-7];|&#[xX]200[B-Fb-f];|%[Cc]2%[Aa][Dd]"
LATIN = rb"[\xa0\x96\x97]"
SGR = rb"\x1b\[[0-9;:]{0,24}[mK]"
RIGHT = rb"\x1b\[1?C"


def _any(words: list[str]) -> bytes:
    return b"|".join(re.escape(word.encode()) for word in sorted(words, key=len, reverse=True))


_QUIET = rb"(?:" + _any(SILENT) + rb"|" + SGR + rb"|=\r?\n|" + SILENT_ESCAPED + rb")"
_SEEN = rb"(?:" + _any(VISIBLE) + rb"|" + ESCAPED + rb"|" + LATIN + rb"|" + RIGHT + rb")"
_GAP = rb"(?:" + _QUIET + rb"{0,4}" + _SEEN + _QUIET + rb"{0,4}|" + _QUIET + rb"{1,8})"
_BEFORE = re.compile(
    rb"(?:[^0-9]|%[0-9A-Fa-f][0-9]|%25[0-9A-Fa-f][0-9]|[\\%]u[0-9A-Fa-f]{3}[0-9]|\\x[0-9A-Fa-f][0-9]"
    rb"|\\U00[01][0-9A-Fa-f]{4}[0-9]|\\0[0145][0-5]|\\[23][0-7]{2}\\2[0-7]{2})\Z"
)
_LENGTHS = {
    count: re.compile(rb"[1-9](?:(?:" + _GAP + rb")?[0-9]){%d}" % (count - 1)) for count in range(12, 20)
}
_TOKEN = re.compile(rb"([0-9])|(" + _GAP + rb")(?=[0-9])")
_LISTED = re.compile(rb"[0-9](?:[-./_+\t ]{1,3}|(?:" + SGR + rb"){1,4})\Z")
_NEVER_SINGLE = {b"  ", b"   ", b" - ", b",", b" \xe2\x80\x93 ", b" \xe2\x80\x94 "}
_DASHES = {b"-", b"\xe2\x80\x90", b"\xe2\x80\x91", b"\xe2\x80\x93", b"\xe2\x80\x94", b"%2D", b"%2d"}


class Table(NamedTuple):
    """The card table as the reference reads it."""

    brands: list[tuple[list[tuple[str, str]], set[int], bool, set[tuple[int, ...]]]]
    groupings: set[tuple[int, ...]]


@lru_cache(maxsize=1)
def load_table() -> Table:
    """The table of policies/masking/cards.yaml."""
    raw = cast("dict[str, list[dict[str, object]]]", yaml.safe_load((POLICIES / "cards.yaml").read_bytes()))
    brands: list[tuple[list[tuple[str, str]], set[int], bool, set[tuple[int, ...]]]] = []
    for row in raw["brands"]:
        ranges = [text.partition("-") for text in cast("list[str]", row["ranges"])]
        ends = [(low, high or low) for low, _, high in ranges]
        only = _groupings(row.get("groupings", []))
        brands.append((ends, set(cast("list[int]", row["lengths"])), row.get("luhn") == "optional", only))
    groupings = _groupings(raw["groupings"])
    return Table(brands, groupings)


def _groupings(raw: object) -> set[tuple[int, ...]]:
    return {tuple(grouping) for grouping in cast("list[list[int]]", raw)}


def luhn(digits: str) -> bool:
    """The check digit, as the textbook has it."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def is_card(table: Table, digits: str, profile: Profile, counts: tuple[int, ...] = ()) -> bool:
    """Whether ``profile`` takes ``digits``, in groups of ``counts`` digits, for a card number."""
    strict = profile is Profile.STRICT
    if not strict and len(digits) < 14:
        return False
    for ranges, lengths, optional, only in table.brands:
        if len(counts) > 1 and only and counts not in only:
            continue
        fits = any(low <= digits[: len(low)] <= high for low, high in ranges)
        if fits and len(digits) in lengths and ((optional and strict) or luhn(digits)):
            return True
    return False


def is_plain(written: bytes) -> bool:
    """Whether ``written`` is a number in the notation that this module knows."""
    return any(pattern.fullmatch(written) for pattern in _LENGTHS.values())


def _well_grouped(
    table: Table, data: bytes, start: int, end: int, profile: Profile
) -> tuple[bool, int, tuple[int, ...]]:
    """Whether the grouping is a card's, how many groups of bytes there are, and the visible ones' digits."""
    counts = [0]
    gaps: list[bytes] = []
    pieces = 1
    for match in _TOKEN.finditer(data, start, end + 1):
        if match.start() >= end:
            break
        if match[1] is not None:
            counts[-1] += 1
            continue
        pieces += 1
        visible = re.fullmatch(_QUIET + rb"{0,4}(" + _SEEN + rb")" + _QUIET + rb"{0,4}", match[2])
        if visible is not None and re.fullmatch(_QUIET + rb"{1,8}", match[2]) is None:
            gaps.append(visible[1])
            counts.append(0)
    kinds = set(gaps)
    if len(counts) == 1 or (tuple(counts) in table.groupings and not kinds & {b",", b"   "}):
        return True, pieces, tuple(counts)
    if kinds <= _DASHES and counts[0] in {4, 6}:
        return True, pieces, tuple(counts)
    listed = _LISTED.search(data[max(0, start - 160) : start]) is not None
    followed = re.compile(_GAP + rb"[0-9]").match(data, end) is not None
    if b"," not in kinds and re.compile(_QUIET + rb"{0,4}," + _QUIET + rb"{0,4}[0-9]").match(data, end):
        followed = False
    if listed or followed:
        return False, pieces, tuple(counts)
    digits = b"".join(re.findall(rb"[0-9]", data[start:end]))
    return (
        (
            (
                set(counts) == {1}
                and len(kinds) == 1
                and not kinds & _NEVER_SINGLE
                and not (kinds == {b" "} and _in_table(table, data[:start], counts, profile))
            )
            or (
                len(kinds) == 1
                and not kinds & {b"  ", b"   ", b" - "}
                and _by_thousands(data, start, counts, digits, comma=b"," in kinds)
            )
            or (
                kinds <= {b" ", b"  ", b"   "}
                and _scattered(table, data, (start, end), counts, gaps, profile)
            )
        ),
        pieces,
        tuple(counts),
    )


def _by_thousands(data: bytes, start: int, counts: list[int], digits: bytes, *, comma: bool) -> bool:
    """Whether there is a mark before every three digits of 16 or 19, or of the 15 of an Amex."""
    if comma and re.match(rb"[0-9],", data[max(0, start - 2) : start]) is not None:
        return False
    if counts in ([1, 3, 3, 3, 3, 3], [1, 3, 3, 3, 3, 3, 3]):
        return True
    return counts == [3, 3, 3, 3, 3] and digits[:2] in {b"34", b"37"}


def _scattered(
    table: Table,
    data: bytes,
    span: tuple[int, int],
    counts: list[int],
    gaps: list[bytes],
    profile: Profile,
) -> bool:
    """Whether blanks stand anywhere, and not between the columns of a table."""
    start, end = span
    irregular = counts[0] <= 4 and set(counts[1:]) == {1} and len(set(gaps)) > 1
    if not (irregular or tuple(counts) in table.groupings):
        return False
    if data.endswith(b"  ", 0, start) or data.startswith(b"    ", end):
        return False
    return not _in_table(table, data[:start], counts, profile)


def _in_table(table: Table, before: bytes, counts: list[int], profile: Profile) -> bool:
    """Whether as many figures stand in the line above, which are no card."""
    lines = before[-176:].split(b"\n")
    return any(
        len(row.split()) == len(counts) and not is_card(table, row.replace(b" ", b"").decode(), profile)
        for row in (re.findall(rb"[0-9]+(?: +[0-9]+)+", lines[-2]) if len(lines) > 1 else [])
    )


def hidden(data: bytes, profile: Profile = Profile.STRICT) -> set[int]:
    """The offsets that numbers in plain notation hide."""
    table = load_table()
    padded = b"\n" + data + b"\n"
    result: set[int] = set()
    for start in range(1, len(padded)):
        if not padded[start : start + 1].isdigit() or not _BEFORE.search(padded[max(0, start - 10) : start]):
            continue
        for count, pattern in _LENGTHS.items():
            match = pattern.match(padded, start)
            if match is None:
                break
            if match.end() - start > 320 or padded[match.end() : match.end() + 1].isdigit():
                continue
            places = [token.start() for token in _TOKEN.finditer(padded, start, match.end()) if token[1]]
            digits = "".join(chr(padded[place]) for place in places)
            grouped, pieces, counts = _well_grouped(table, padded, start, match.end(), profile)
            if len(digits) != count or not grouped or not is_card(table, digits, profile, counts):
                continue
            brand = "amex" if digits[:2] in {"34", "37"} else ""
            verdict = judge(
                padded, start, match.end(), groups=pieces, digits=digits.encode("ascii"), brand=brand
            )
            if verdict is not Verdict.OTHER:
                result.update(place - 1 for place in places[6:-4])
    return result | _padded(table, padded, profile) | _floats(table, padded, profile)


def _padded(table: Table, data: bytes, profile: Profile) -> set[int]:
    """The offsets that numbers with zeros or their length before them hide; ``data`` has a line before."""
    result: set[int] = set()
    for run in re.finditer(rb"(?<![0-9])[0-9]+(?![0-9])", data):
        zeros = len(run[0]) - len(run[0].lstrip(b"0"))
        for lead in {zeros, 2} if 0 < zeros < 9 else {2}:
            number = run[0][lead:]
            known = run[0][:2] == b"%d" % len(number) and len(number) in {15, 16, 19}
            fits = known or lead == zeros
            if not fits or number[:1] in {b"", b"0"} or not 14 <= len(number) <= 19:
                continue
            brand = "amex" if number[:2] in {b"34", b"37"} else ""
            verdict = judge(data, run.start(), run.end(), groups=1, digits=run[0], brand=brand)
            if is_card(table, number.decode(), profile) and verdict is not Verdict.OTHER:
                result.update(range(run.start() + lead + 5, run.end() - 5))
    return result


def _floats(table: Table, data: bytes, profile: Profile) -> set[int]:
    """The offsets that floating-point numbers hide whose exponent makes them whole."""
    result: set[int] = set()
    for match in re.finditer(rb"[1-9]\.([0-9]{12,18})(?=[Ee]\+?([0-9]{2})(?![0-9]))", data):
        before = data[max(0, match.start() - 160) : match.start()]
        if not _BEFORE.search(before[-10:]) or re.search(rb"[0-9]\.\Z", before):
            continue
        written = match[0].replace(b".", b"").decode()
        digits = written.ljust(int(match[2]) + 1, "0")
        if len(written) <= len(digits) == int(match[2]) + 1 <= 19 and is_card(table, digits, profile):
            result.update(range(match.start() + 6, match.start() + min(len(written), len(digits) - 4)))
    return result


def masked(data: bytes, profile: Profile = Profile.STRICT) -> bytes:
    """``data`` with what numbers in plain notation hide."""
    gone = hidden(data, profile)
    return bytes(0x2A if at in gone else byte for at, byte in enumerate(data))
