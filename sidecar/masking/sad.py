"""Sensitive authentication data: what must not be kept at all is removed whole.

Each detector finds all its readings that start in given spans of a buffer, and says from where on bytes must
wait at the end of a buffer. Matches are tried at every position, so what is found never depends on where a
search began.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

from sidecar.masking.alphabets import MOST_DIGITS
from sidecar.masking.context import LONGEST_HASH, Verdict, judge_mark
from sidecar.masking.keyed import REMOVED, Keyed
from sidecar.masking.model import Reading
from sidecar.masking.sad_table import KEYED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sidecar.masking.cards import CardTable

# More than any match of ``every``.
_LONGEST = 256
_DIGITS = b"0123456789"
_EQUALS = 0x3D
# The mark of a track 2 as URLs and JSON have it, and the track behind it.
_MARK = rb"(?:%(?:25)?3[Dd]|\\u003[Dd])"
_BEHIND_MARK = re.compile(_MARK + rb"((?=[0-9]{2}(?:0[1-9]|1[0-2]))[0-9]{7,32})")
# The mark of a track 1 in the same way, a name up to the second, and the track behind that.
_CARET = rb"(?:%(?:25)?5[Ee]|\\u005[Ee])"
_NAME = _CARET + rb"(?:(?!" + _CARET + rb")[^\r\n?&\"]){2,78}" + _CARET
_BEHIND_NAME = re.compile(_NAME + rb"([0-9]{2}(?:0[1-9]|1[0-2])[0-9]{3}[^\s?&\"]{0,45})")
# The same behind a number with gaps, as some issuers write it, which is no longer than this.
_BEHIND_PLAIN_NAME = re.compile(rb"\^[^\^\r\n?]{2,26}\^([^?\r\n]{0,60})")
_LONGEST_GAPPED = 40
# Hex before a run of digits.
_IN_DIGEST = re.compile(rb"(?<![0-9A-Za-z])[0-9A-Fa-f]{3,}[A-Fa-f]\Z")
_FIRST, _LAST, _WAITING = 6, 4, 13
# Of an ISO 8583 message: version, class, function and origin; and the two that clearing files consist of.
_TYPE = rb"(?:[012][124][0-3][01]|1240|1442)"
BITMAPS = (
    rb"(?:[4-7][0-9A-Fa-f]{15}|[C-Fc-f][0-9A-Fa-f]{31})",
    rb"[\x40-\x7f].{7}",
    rb"[\xc0-\xff].{15}",
)
"""Of such a message with a number, in hex or bytes, which may be of two halves."""


class Detector(Protocol):
    """One kind of sensitive authentication data."""

    name: str

    def read_between(self, buffer: bytes, spans: Iterable[tuple[int, int]], found: list[Reading]) -> None:
        """Add the readings that start in ``spans``."""
        ...

    def open_from(self, buffer: bytes) -> int:
        """The first byte that must wait at the end of ``buffer``, or its length."""
        ...


def every(pattern: re.Pattern[bytes], buffer: bytes, low: int, high: int) -> Iterator[re.Match[bytes]]:
    """A match at every position of ``buffer[low:high]`` where one starts, overlapping ones too."""
    at = low
    while at < high and (match := pattern.search(buffer, at, high + _LONGEST)) and match.start() < high:
        yield match
        at = match.start() + 1


class Track2:
    """Track 2 (ISO/IEC 7813): number, ``=`` or ``D``, expiry, service code, discretionary data.

    The number may be the end of a longer run of digits, as in ISO 8583 field 35. Where the mark is escaped,
    as in URLs and JSON, it must be a number of its own.
    """

    name = "track2"
    _whole = re.compile(rb"(?<=[0-9]{12})[=Dd](?=[0-9]{2}(?:0[1-9]|1[0-2])[0-9]{3})")
    _open = re.compile(rb"(?<=[0-9]{12})[=Dd][0-9]{0,6}\Z")
    _open_escaped = re.compile(rb"(?<=[0-9]{12})" + _MARK + rb"([0-9]{0,6})\Z")
    _rest = re.compile(rb"[0-9]{1,32}")
    _run = re.compile(rb"[0-9]+\Z")

    def __init__(self, table: CardTable) -> None:
        self._table = table

    def read_between(self, buffer: bytes, spans: Iterable[tuple[int, int]], found: list[Reading]) -> None:
        """See ``Detector``."""
        for low, high in spans:
            for match in every(self._whole, buffer, low, high):
                self._read(buffer, match.start(), found)

    def _read(self, buffer: bytes, mark: int, found: list[Reading]) -> None:
        run = buffer[max(0, mark - 2 * MOST_DIGITS) : mark]
        before = run.rstrip(_DIGITS)
        if buffer[mark] != _EQUALS and (
            _IN_DIGEST.search(before) is not None or judge_mark(buffer, mark) is not Verdict.CARD
        ):
            return  # the letter of a digest, not the mark of a track
        run = run[len(before) :][-MOST_DIGITS:]
        rest = self._rest.match(buffer, mark + 1)
        if rest is None:
            return
        done = rest.end() < len(buffer) or rest.end() - mark > 32
        for length in range(self._table.shortest, len(run) + 1):
            brand = self._table.brand(run[-length:])
            if brand is not None:
                start = mark - length
                spots = ((start + _FIRST, mark - _LAST), rest.span())
                found.append(Reading("track2", brand, start, rest.end(), spots, "6/4", complete=done))

    def open_from(self, buffer: bytes) -> int:
        """See ``Detector``: of a run of digits the last 13 wait, from its seventh on.

        So do those before a mark as long as it may be a letter of a digest. Of what an escaped mark is before
        only the digits behind it wait: the number has been decided by then.
        """
        size = len(buffer)
        escaped = self._open_escaped.search(buffer, max(0, size - 14 - 12))
        if escaped is not None:
            return escaped.start(1)
        mark = self._open_mark(buffer)
        if mark == size and not buffer[-1:].isdigit():
            return size
        run = self._run.search(buffer, max(0, mark - MOST_DIGITS - 1), mark)
        if run is None or mark - run.start() <= _FIRST:
            return size
        return max(run.start() + _FIRST, mark - _WAITING)

    def _open_mark(self, buffer: bytes) -> int:
        """The first mark that is undecided at the end of ``buffer``, or its length."""
        size = len(buffer)
        for match in every(self._whole, buffer, max(0, size - LONGEST_HASH), size):
            mark = match.start()
            if buffer[mark] != _EQUALS and judge_mark(buffer, mark) is Verdict.MORE:
                return mark
        match = self._open.search(buffer, max(0, size - 7 - 12))
        return match.start() if match is not None else size


def read_tracks_behind(buffer: bytes, found: list[Reading]) -> None:
    """Add the tracks whose numbers are among ``found`` as numbers of their own.

    That is those with escaped marks, and tracks 1 with gaps in the number.
    """
    for number in tuple(found):
        if number.rule != "pan" or number.star != b"*":
            continue
        is_plain = buffer[number.start : number.end].isdigit()
        if is_plain:
            kinds = (("track2", _BEHIND_MARK, 32), ("track1", _BEHIND_NAME, 52))
        elif number.end - number.start <= _LONGEST_GAPPED:
            kinds = (("track1", _BEHIND_PLAIN_NAME, 60),)
        else:
            continue
        for rule, pattern, longest in kinds:
            match = pattern.match(buffer, number.end)
            if match is not None:
                done = match.end() < len(buffer) or len(match[1]) == longest
                spots = (*number.hidden, match.span(1))
                found.append(
                    Reading(rule, number.brand, number.start, match.end(), spots, "6/4", complete=done)
                )


class Track1:
    """Track 1 (ISO/IEC 7813): number, ``^``, name, ``^``, and all that follows, which is removed."""

    name = "track1"
    _whole = re.compile(rb"(?<![0-9])([0-9]{12,19})\^[^\^\r\n?]{2,26}\^")
    _rest = re.compile(rb"[^?\r\n]{0,60}")

    def __init__(self, table: CardTable) -> None:
        self._table = table
        self._open_escaped = re.compile(rb"[0-9]{12}" + _NAME + rb"([0-9]{0,6})\Z")

    def read_between(self, buffer: bytes, spans: Iterable[tuple[int, int]], found: list[Reading]) -> None:
        """See ``Detector``."""
        for low, high in spans:
            for match in every(self._whole, buffer, low, high):
                brand = self._table.brand(match[1])
                rest = self._rest.match(buffer, match.end())
                if brand is None or rest is None:
                    continue
                start, end = match.span(1)
                done = rest.end() < len(buffer) or len(rest.group()) == 60
                spots = ((start + _FIRST, end - _LAST), rest.span())
                found.append(Reading("track1", brand, start, rest.end(), spots, "6/4", complete=done))

    def open_from(self, buffer: bytes) -> int:
        """See ``Detector``: the number waits as a number and the rest is hidden at once.

        Only behind an escaped mark do digits wait, until they are seen to be an expiry and a service code.
        """
        escaped = self._open_escaped.search(buffer, max(0, len(buffer) - 12 - 5 - 78 - 5 - 6))
        return len(buffer) if escaped is None else escaped.start(1)


class Emv:
    """EMV tags 57 and 9F6B (track 2) and 5A (number) with their length, in hex; the whole value goes."""

    name = "emv"
    _head = re.compile(
        rb"(?=(5[Aa] ?0[6-9Aa]|(?:57|9[Ff] ?6[Bb]) ?(?:0[A-Fa-f]|1[0-3])) ?"
        rb"([1-9][0-9]{11}|[1-9][0-9](?: [0-9]{2}){5}|[1-9][0-9]{3}(?: [0-9]{4}){2}))"
    )
    _open = re.compile(
        rb"(5[Aa] ?0[6-9Aa]|(?:57|9[Ff] ?6[Bb]) ?(?:0[A-Fa-f]|1[0-3])) ?([1-9] ?(?:[0-9A-Fa-f] ?){0,39})\Z"
    )
    _shapes = (
        ("5a", re.compile(rb"([0-9]{12,19})[Ff]*\Z")),
        ("57", re.compile(rb"([0-9]{12,19})[Dd][0-9]{2}(?:0[1-9]|1[0-2])[0-9]{3}[0-9]*[Ff]?\Z")),
    )
    _viable = re.compile(rb"[0-9]{1,19}(?:[Dd][0-9]*)?[Ff]*\Z")

    def __init__(self, table: CardTable) -> None:
        self._table = table

    def read_between(self, buffer: bytes, spans: Iterable[tuple[int, int]], found: list[Reading]) -> None:
        """See ``Detector``."""
        for low, high in spans:
            for match in every(self._head, buffer, low, high):
                self._read(buffer, match, found)

    def _read(self, buffer: bytes, match: re.Match[bytes], found: list[Reading]) -> None:
        head = match[1].replace(b" ", b"")
        count = _length(head)
        spots = _nibbles(buffer, match.start(2), count)
        if len(spots) < count:
            return
        value = bytes(buffer[spot] for spot in spots)
        name = head[:-2].decode("ascii").lower()
        for tag, shape in self._shapes:
            fits = shape.match(value) if tag == name or (tag == "57" and name == "9f6b") else None
            brand = self._table.brand(fits[1]) if fits is not None else None
            if brand is not None:
                ranges = tuple((spot, spot + 1) for spot in spots)
                found.append(Reading(f"emv-{name}", brand, spots[0], spots[-1] + 1, ranges, REMOVED))

    def open_from(self, buffer: bytes) -> int:
        """See ``Detector``."""
        size = len(buffer)
        for match in every(self._open, buffer, max(0, size - 96), size):
            head = match[1].replace(b" ", b"")
            value = match[2].replace(b" ", b"")
            if len(value) < _length(head) and self._viable.match(value):
                return match.start(2)
        return size


def _length(head: bytes) -> int:
    """Hex digits of the value, from a tag and its length."""
    return 2 * int(head[-2:], 16)


def _nibbles(buffer: bytes, start: int, count: int) -> list[int]:
    """Where the next ``count`` hex digits are, single blanks between them left out."""
    spots: list[int] = []
    at = start
    while len(spots) < count and at < len(buffer):
        byte = buffer[at]
        if byte in b"0123456789abcdefABCDEF":
            spots.append(at)
        elif byte != 0x20 or buffer[at - 1] == 0x20:
            break
        at += 1
    return spots


class Iso8583:
    """ISO 8583 messages in ASCII: type, bitmap with bit 2 set, length, number, all without a gap.

    The bitmap is in hex or in bytes. Fields follow the number, so it lies in at least 20 digits in a row.
    Types are those that the first look knows: another would be read where it stands near one of these, and
    only there.
    """

    name = "iso8583"

    def __init__(self, table: CardTable) -> None:
        self._table = table
        self._shapes = [
            re.compile(rb"(?=" + _TYPE + bitmap + rb"(1[2-9])([0-9]{12}))", re.DOTALL) for bitmap in BITMAPS
        ]

    def read_between(self, buffer: bytes, spans: Iterable[tuple[int, int]], found: list[Reading]) -> None:
        """See ``Detector``."""
        for low, high in spans:
            self._read(buffer, low, high, found)

    def _read(self, buffer: bytes, low: int, high: int, found: list[Reading]) -> None:
        for shape in self._shapes:
            for match in every(shape, buffer, low, high):
                start = match.start(2)
                end = start + int(match[1])
                digits = buffer[start:end]
                if len(digits) == end - start and digits.isdigit() and self._run(buffer, end) >= 20:
                    brand = self._table.brand(digits)
                    if brand is not None:
                        spots = ((start + _FIRST, end - _LAST),)
                        found.append(Reading("iso8583", brand, start, end, spots, "6/4"))

    @staticmethod
    def _run(buffer: bytes, end: int) -> int:
        """How many digits in a row there are around ``end``, 40 to either side at most."""
        left, right = buffer[max(0, end - 40) : end], buffer[end : end + 40]
        return len(left) - len(left.rstrip(_DIGITS)) + len(right) - len(right.lstrip(_DIGITS))

    def open_from(self, buffer: bytes) -> int:
        """See ``Detector``: the digits wait as those of any run do (``Track2.open_from``)."""
        return len(buffer)


def detector(name: str, table: CardTable) -> Detector:
    """Compile the detector ``name``: ``track1``, ``track2``, ``emv``, ``iso8583`` or a keyed rule."""
    for rule in KEYED:
        if rule.name == name:
            return Keyed(rule)
    kinds = {kind.name: kind for kind in (Track1, Track2, Emv, Iso8583)}
    return kinds[name](table)
