"""The tracks of a card's magnetic stripe (ISO/IEC 7813): the number is masked, what is behind it removed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sidecar.masking.alphabets import MOST_DIGITS
from sidecar.masking.context import LONGEST_HASH, Verdict, judge_mark
from sidecar.masking.gaps import ESCAPE_SEQUENCE
from sidecar.masking.model import FIRST, LAST, MASKED, Reading
from sidecar.masking.sad import DIGITS, every

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sidecar.masking.cards import CardTable

_EQUALS = 0x3D
# What nobody sees beside a mark, such as the colours of grep.
_UNSEEN = rb"(?:" + ESCAPE_SEQUENCE + rb"){0,4}"
# A number with plain gaps and colours, before the mark of a track.
_NUMBER = rb"[0-9](?:(?:[-./_+\t ,]|" + ESCAPE_SEQUENCE + rb"){0,7}[0-9]){11,18}"
_PLAIN_NUMBER = re.compile(_NUMBER)
_ENDS_IN_NUMBER = re.compile(_NUMBER + rb"\Z")
# So many bytes at most from the beginning of the number to what is behind the marks.
_LONGEST_HEAD = 158
# The mark of a track 2, plain or as URLs, JSON and HTML have it, and the track behind it.
_MARK = _UNSEEN + rb"(?:[=Dd]|%(?:25)?3[Dd]|\\u003[Dd]|\\x3[Dd]|&#61;|&#x3[Dd];)" + _UNSEEN
_BEHIND_MARK = re.compile(_MARK + rb"((?=[0-9]{2}(?:0[1-9]|1[0-2]))[0-9]{7,32})")
# Both marks of a track 1 with the name between them, in the same way. Expiry and service code follow, or a
# mark for each that is left out, and then what the issuer likes, but no end of a field of JSON, XML or CSV.
_NAME = rb"\^[^\^\r\n?]{0,78}\^"
_CARET = rb"(?:%(?:25)?5[Ee]|\\u005[Ee]|\\x5[Ee]|&#94;|&#x5[Ee];)"
_ESCAPED_NAME = _CARET + rb"(?:(?!" + _CARET + rb")[^\r\n?&\"]){0,78}" + _CARET
_EXPIRY = rb"(?:[0-9]{2}(?:0[1-9]|1[0-2])|\^)(?:[0-9]{3}|\^)"
_OPEN_EXPIRY = rb"((?:[0-9]{4}|\^)[0-9]{0,2}|[0-9]{0,3})\Z"
_LONGEST_REST = 60
_REST = rb"((?=" + _EXPIRY + rb")[^?\r\n\"'<>&|,]{2,%d})" % _LONGEST_REST
_ESCAPED_REST = rb"((?=" + _EXPIRY + rb")[^?\s\"'<>&|,]{2,%d})" % _LONGEST_REST
_BEHIND_NAME = re.compile(_UNSEEN + _NAME + _UNSEEN + _REST)
_BEHIND_ESCAPED_NAME = re.compile(_UNSEEN + _ESCAPED_NAME + _UNSEEN + _ESCAPED_REST)
_MARKS = b"=Dd^"
_BEHIND = (
    ("track2", _BEHIND_MARK, 32),
    ("track1", _BEHIND_NAME, _LONGEST_REST),
    ("track1", _BEHIND_ESCAPED_NAME, _LONGEST_REST),
)
# Hex before a run of digits.
_IN_DIGEST = re.compile(rb"(?<![0-9A-Za-z])[0-9A-Fa-f]{3,}[A-Fa-f]\Z")
_WAITING = 13
# What is looked at before the end of a buffer for a track of which not even the expiry is complete.
_HEAD = _LONGEST_HEAD + FIRST


class Track2:
    """Track 2 (ISO/IEC 7813): number, ``=`` or ``D``, expiry, service code, discretionary data.

    The number may be the end of a longer run of digits, as in ISO 8583 field 35. Where it has gaps, or the
    mark is escaped or coloured, it must be a number of its own (``read_tracks_behind``).
    """

    name = "track2"
    _whole = re.compile(rb"(?<=[0-9]{12})[=Dd](?=[0-9]{2}(?:0[1-9]|1[0-2])[0-9]{3})")
    _open = re.compile(rb"(?<=[0-9]{12})[=Dd][0-9]{0,6}\Z")
    _open_behind = re.compile(_MARK + rb"([0-9]{0,6})\Z")
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
        before = run.rstrip(DIGITS)
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
                spots = ((start + FIRST, mark - LAST), rest.span())
                found.append(Reading("track2", brand, start, rest.end(), spots, MASKED, complete=done))

    def open_from(self, buffer: bytes) -> int:
        """See ``Detector``: of a run of digits the last 13 wait, from its seventh on.

        So do those before a mark as long as it may be a letter of a digest. Of a number of its own only the
        digits behind the mark wait.
        """
        size = len(buffer)
        hold = _first_open(self._open_behind, buffer)
        mark = self._open_mark(buffer)
        if mark == size and not buffer[-1:].isdigit():
            return hold
        run = self._run.search(buffer, max(0, mark - MOST_DIGITS - 1), mark)
        if run is None or mark - run.start() <= FIRST:
            return hold
        return min(hold, max(run.start() + FIRST, mark - _WAITING))

    def _open_mark(self, buffer: bytes) -> int:
        """The first mark that is undecided at the end of ``buffer``, or its length."""
        size = len(buffer)
        for match in every(self._whole, buffer, max(0, size - LONGEST_HASH), size):
            mark = match.start()
            if buffer[mark] != _EQUALS and judge_mark(buffer, mark) is Verdict.MORE:
                return mark
        match = self._open.search(buffer, max(0, size - 7 - 12))
        return match.start() if match is not None else size


class Track1:
    """Track 1 (ISO/IEC 7813): number, ``^``, name, ``^``, expiry, service code, discretionary data.

    All behind the name is removed. Where the number has gaps, or the marks are escaped or coloured, it must
    be a number of its own (``read_tracks_behind``).
    """

    name = "track1"
    _whole = re.compile(rb"(?<![0-9])([0-9]{12,19})" + _NAME + _REST)

    def __init__(self, table: CardTable) -> None:
        self._table = table
        names = rb"(?:" + _NAME + rb"|" + _ESCAPED_NAME + rb")"
        self._open = re.compile(_UNSEEN + names + _UNSEEN + _OPEN_EXPIRY)

    def read_between(self, buffer: bytes, spans: Iterable[tuple[int, int]], found: list[Reading]) -> None:
        """See ``Detector``."""
        for low, high in spans:
            for match in every(self._whole, buffer, low, high):
                brand = self._table.brand(match[1])
                if brand is None:
                    continue
                start, end = match.span(1)
                done = match.end() < len(buffer) or len(match[2]) == _LONGEST_REST
                spots = ((start + FIRST, end - LAST), match.span(2))
                found.append(Reading("track1", brand, start, match.end(), spots, MASKED, complete=done))

    def open_from(self, buffer: bytes) -> int:
        """See ``Detector``: the number waits as a number, what is behind the name until it is an expiry."""
        return _first_open(self._open, buffer)


def read_tracks_behind(buffer: bytes, found: list[Reading]) -> None:
    """Add the tracks whose numbers are among ``found`` as numbers of their own.

    Those of numbers without gaps between plain marks are read by ``Track1`` and ``Track2``.
    """
    for number in tuple(found):
        if number.rule != "pan" or number.star != b"*":
            continue
        if _PLAIN_NUMBER.fullmatch(buffer, number.start, number.end) is None:
            continue
        is_plain = buffer[number.start : number.end].isdigit()
        for rule, pattern, longest in _BEHIND:
            match = pattern.match(buffer, number.end)
            if match is None or match.start(1) - number.start > _LONGEST_HEAD:
                continue
            if is_plain and buffer[number.end] in _MARKS and buffer[match.start(1) - 1] in _MARKS:
                continue
            done = match.end() < len(buffer) or len(match[1]) == longest
            spots = (*number.hidden, match.span(1))
            found.append(Reading(rule, number.brand, number.start, match.end(), spots, MASKED, complete=done))


def _first_open(pattern: re.Pattern[bytes], buffer: bytes) -> int:
    """Where group 1 of ``pattern`` first begins, if that ends ``buffer`` behind a number, or its length."""
    hold = size = len(buffer)
    low = max(0, size - _HEAD)
    for match in every(pattern, buffer, low, size):
        if match.start(1) < hold and _ENDS_IN_NUMBER.search(buffer, low, match.start()) is not None:
            hold = match.start(1)
    return hold
