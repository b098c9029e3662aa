"""Everything the engine can find, behind one call: scan with the sieves, read where they point."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sidecar.masking.alphabets import MARKS, alphabet
from sidecar.masking.pan import NumberReader
from sidecar.masking.patterns import PLAIN_SPAN, Sieve
from sidecar.masking.sad import detector

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sidecar.masking.cards import CardTable
    from sidecar.masking.hyperscan_safe import Hit, Scanner
    from sidecar.masking.model import Reading
    from sidecar.masking.patterns import Route
    from sidecar.masking.sad import Detector
    from sidecar.masking.user import UserDetector

Probe = list[tuple[Sieve, "list[Hit]"]]
# Nothing that starts further before a byte can hide it.
REACH = 384
_DIGITS = b"0123456789"
_PLAIN_GAP_BYTES = b" -./_+\t"
_PLAIN_BYTES = _DIGITS + _PLAIN_GAP_BYTES
_DASH = 0x2D
_TRACK_MARKS = b"=Dd"
_DUMP_BYTES = b"0123456789abcdefABCDEF x:,"
# What may stand right before the value of a key.
_KEY_ENDS = b" \t\"'\\<>[](){}:=|,#-;AaDd02"
_RARE = re.compile(rb"[\x00%\\&\x1b\x80-\xff]")
_EMV_TAIL = re.compile(rb"5(?:[Aa] ?0[6-9Aa]|7 ?(?:0[A-Fa-f]|1[0-3])) ?[1-9][0-9A-Fa-f ]*\Z")


class Readers:
    """The readers of one profile, each compiled when it is first needed; shared by all its streams."""

    def __init__(self, table: CardTable, routes: Mapping[Sieve, Sequence[Route]]) -> None:
        self.table = table
        self.routes = routes
        self._numbers: dict[str, NumberReader] = {}
        self._detectors: dict[str, Detector] = {}

    def number(self, name: str) -> NumberReader:
        """The reader of the alphabet ``name``."""
        reader = self._numbers.get(name)
        if reader is None:
            reader = self._numbers[name] = NumberReader(alphabet(name), self.table)
        return reader

    def detector(self, name: str) -> Detector:
        """The detector ``name``."""
        known = self._detectors.get(name)
        if known is None:
            known = self._detectors[name] = detector(name, self.table)
        return known


class _Scan:
    """Hits sorted by where they lead."""

    def __init__(self, routes: Mapping[Sieve, Sequence[Route]], first: int) -> None:
        self._routes = routes
        self._first = first
        self.plain: list[int] = []
        self.spans: dict[str, list[tuple[int, int]]] = {}
        self.wanted: set[Sieve] = set()
        self.windows: list[tuple[int, int]] = []

    def add(self, sieve: Sieve, offset: int, hits: list[Hit]) -> None:
        """Take in the hits of ``sieve`` over what starts at ``offset``."""
        routes, first = self._routes[sieve], self._first
        for number, at in hits:
            reader, span = routes[number]
            end = at + offset
            if reader == "plain":
                if end > first:
                    self.plain.append(end)
            elif isinstance(reader, Sieve):
                if span:
                    self.windows.append((max(0, end - span), end + span))
                else:
                    self.wanted.add(reader)
            elif end + REACH > first:
                self.spans.setdefault(reader, []).append((max(0, end - span), end))


class BufferReader:
    """Finds every reading of a buffer, and says from where its end is open. One per stream."""

    def __init__(
        self,
        scanners: Mapping[Sieve, Scanner],
        readers: Readers,
        user: Scanner | None,
        user_rules: Sequence[UserDetector],
    ) -> None:
        self._user = user
        self.user_rules = user_rules
        self._scanners = scanners
        self._first = tuple(scanners[sieve] for sieve in (Sieve.NUMBERS, Sieve.KEYS, Sieve.RARE))
        self._keys = scanners[Sieve.KEYS]
        self._routes = readers.routes
        self._table = readers.table
        self._number = readers.number
        self._detector = readers.detector

    def probe(self, data: bytes) -> Probe | None:
        """The first look at ``data``, for ``readings``; None if there is no reason to look closer."""
        numbers, keys, rare = self._first
        found = [(Sieve.NUMBERS, list(numbers.hits(data))), (Sieve.KEYS, list(keys.hits(data)))]
        found.append((Sieve.RARE, list(rare.hits(data))))
        if any(hits for _, hits in found) or (self._user is not None and self._user.hits(data)):
            return found
        return None

    def readings(self, buffer: bytes, first: int, known: Probe | None = None) -> tuple[list[Reading], int]:
        """Every reading that may hide a byte from ``first`` on, and the first byte that must wait.

        The second is the length of the buffer unless a verdict needs what comes after it. ``known`` is the
        probe of ``buffer[first:]``, if it was made.
        """
        plain, spans = self._scan(buffer, first, known)
        found: list[Reading] = []
        done: set[int] = set()
        hold = self._read_plain(buffer, plain, found, done)
        for name, stretches in spans.items():
            if name == "text":
                hold = min(hold, self._number("text").read_between(buffer, merged(stretches), found, done))
            elif name in MARKS:
                hold = min(hold, self._number(name).read_between(buffer, merged(stretches), found, set()))
            else:
                self._detector(name).read_between(buffer, merged(stretches), found)
        if self._user is not None:
            self._read_user(buffer, first, found)
        return found, hold

    def _read_user(self, buffer: bytes, first: int, found: list[Reading]) -> None:
        """The readings of users' rules."""
        hits = self._user.hits(buffer) if self._user is not None else []
        for number in {number for number, end in hits if end + REACH > first}:
            self.user_rules[number].read_between(buffer, ((0, len(buffer)),), found)

    def _scan(
        self, buffer: bytes, first: int, known: Probe | None
    ) -> tuple[list[int], dict[str, list[tuple[int, int]]]]:
        """Where plain numbers end after ``first``, and the stretches in which other readings may start."""
        looks = self._looks(buffer, first, known)
        scan = _Scan(self._routes, first)
        for sieve, offset, hits in looks:
            scan.add(sieve, offset, hits)
        for sieve in (Sieve.RUNS, Sieve.MESSAGES, Sieve.ODD, Sieve.ESCAPED):
            if sieve in scan.wanted:
                scan.add(sieve, 0, self._scanners[sieve].hits(buffer))
        if scan.windows and Sieve.ODD not in scan.wanted:
            for low, high in merged(scan.windows):
                scan.add(Sieve.ODD, low, self._scanners[Sieve.ODD].hits(buffer[low:high]))
        return scan.plain, scan.spans

    def _looks(
        self, buffer: bytes, first: int, known: Probe | None
    ) -> Iterator[tuple[Sieve, int, list[Hit]]]:
        """The hits of the sieves that are always used, and where what they scanned starts."""
        always = (Sieve.NUMBERS, Sieve.KEYS, Sieve.RARE)
        if known is None:
            for sieve in always:
                yield sieve, 0, self._scanners[sieve].hits(buffer)
            return
        for sieve, hits in known:
            yield sieve, first, hits
        low = max(0, first - REACH)
        joint = buffer[low : first + REACH]
        for sieve in always:
            yield sieve, low, self._scanners[sieve].hits(joint)

    def _read_plain(self, buffer: bytes, ends: list[int], found: list[Reading], done: set[int]) -> int:
        """The readings of plain numbers that end before ``ends``."""
        hold = len(buffer)
        text, brand, shortest = self._number("text"), self._table.brand, self._table.shortest
        for end in ends:
            stop = end - 1
            run = buffer[max(0, stop - 20) : stop]
            count = len(run) - len(run.rstrip(_DIGITS))
            start = stop - count
            if count >= 12 and buffer[start - 1] != _DASH:
                # One group: no grouping but that with dashes has one of twelve digits behind another. This is
                # the usual case, mostly decided by brand and check digit.
                alone = buffer[stop] not in _PLAIN_GAP_BYTES
                if alone and (count > 19 or count < shortest or brand(run[-count:]) is None):
                    continue
                if start not in done:
                    done.add(start)
                    hold = min(hold, text.read(buffer, start, found))
            else:
                run = buffer[max(0, stop - PLAIN_SPAN) : stop]
                run = run[len(run.rstrip(_PLAIN_BYTES)) :]
                hold = min(hold, text.read_between(buffer, ((stop - len(run), stop),), found, done))
        return hold

    def open_from(self, buffer: bytes) -> int:
        """The first byte that what comes after ``buffer`` may hide; its length if there is none."""
        size = len(buffer)
        hold = size
        last = buffer[-1]
        plain = 0
        if last in _PLAIN_BYTES:
            run = buffer[-PLAIN_SPAN:]
            run = run[len(run.rstrip(_PLAIN_BYTES)) :]
            plain = len(run)
            hold = self._open_plain(buffer, run)
        elif last in _TRACK_MARKS:
            hold = self._detector("track2").open_from(buffer)
        # An exotic gap stands right before the plain rest of a number, or at the end.
        if (
            _RARE.search(buffer, max(0, size - plain - 12)) is not None
            or buffer.find(b"\x1b", max(0, size - plain - 28)) >= 0
        ):
            hold = min(hold, self._open_rare(buffer))
        elif last in _DUMP_BYTES and buffer.count(b"3", max(0, size - 56)) >= 6:
            hold = min(hold, self._number("hex").open_from(buffer, REACH))
        if last in _DUMP_BYTES and _EMV_TAIL.search(buffer, max(0, size - 72)) is not None:
            hold = min(hold, self._detector("emv").open_from(buffer))
        for rule in self.user_rules:
            hold = min(hold, rule.open_from(buffer))
        return hold

    def _open_plain(self, buffer: bytes, run: bytes) -> int:
        """``open_from`` for plain numbers, tracks and keyed values; ``run`` is all digits and plain gaps."""
        size = len(buffer)
        hold = size
        digits = len(run.translate(None, _PLAIN_GAP_BYTES))
        if digits > 6:
            hold = min(
                self._number("text").open_from(buffer, len(run)),
                self._detector("track2").open_from(buffer),
            )
        elif digits and len(run) < size and buffer[size - len(run) - 1] in _TRACK_MARKS:
            hold = self._detector("track2").open_from(buffer)
        if run[-1] not in _PLAIN_GAP_BYTES:
            group = len(run) - len(run.rstrip(_DIGITS))
            if group <= 12 and buffer[size - group - 1] in _KEY_ENDS and self._keys.hits(buffer[-96:]):
                for name in ("cvv", "pin"):
                    hold = min(hold, self._detector(name).open_from(buffer))
        return hold

    def _open_rare(self, buffer: bytes) -> int:
        """``open_from`` for what has escapes or bytes beyond ASCII near its end."""
        hold = self._number("text").open_from(buffer, REACH)
        near = buffer[-REACH:]
        for name, mark in MARKS.items():
            if mark in near:
                hold = min(hold, self._number(name).open_from(buffer, REACH))
        return hold


def merged(stretches: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ascending and disjoint, covering the same."""
    result: list[tuple[int, int]] = []
    for low, high in sorted(stretches):
        if result and low <= result[-1][1]:
            result[-1] = (result[-1][0], max(result[-1][1], high))
        else:
            result.append((low, high))
    return result
