"""Everything the engine can find, behind one call: scan with the sieves, read where they point."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sidecar.masking.alphabets import MARKS, MOST_DIGITS
from sidecar.masking.ends import REACH, Ends
from sidecar.masking.looking import Gate, Look, merged
from sidecar.masking.patterns import Sieve
from sidecar.masking.tracks import read_tracks_behind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sidecar.masking.hyperscan_safe import Hit, Scanner
    from sidecar.masking.model import Reading
    from sidecar.masking.patterns import Route
    from sidecar.masking.readers import Readers
    from sidecar.masking.user import UserDetector

Spans = dict[str, list[tuple[int, int]]]
_DIGITS = b"0123456789"
# What may stand between a first group of twelve digits and more of the same number.
_JOINS = b"-%\\&\x1b\x00" + bytes(range(128, 256))
_RUN = re.compile(rb"[0-9]{1,20}")


class _Places:
    """Where hits lead."""

    def __init__(self, routes: Mapping[Sieve, Sequence[Route]], first: int) -> None:
        self._routes = routes
        self._first = first
        self.spans: Spans = {}
        self.wanted: set[Sieve] = set()

    def add(self, sieve: Sieve, offset: int, hits: Sequence[Hit]) -> None:
        """Take in the hits of ``sieve`` over what starts at ``offset``."""
        ends: dict[int, list[int]] = {}
        for number, at in hits:
            ends.setdefault(number, []).append(at + offset)
        for number, known in ends.items():
            reader, span = self._routes[sieve][number]
            if isinstance(reader, Sieve):
                self.wanted.add(reader)
                continue
            near = [end for end in known if end > self._first - REACH]
            for name in reader.split(",") if near else ():
                stretches = self.spans.setdefault(name, [])
                if name == "plain":
                    stretches.extend((end, end) for end in near)
                else:
                    stretches.extend(_stretches(near, span))


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
        self.gate = Gate(scanners, user)
        self.ends = Ends(self.gate, readers, user_rules)
        self._routes = readers.routes
        self._table = readers.table
        self._number = readers.number
        self._detector = readers.detector
        self._padded = readers.padded

    def look(self, buffer: bytes, start: int = 0) -> Look | None:
        """The first look at ``buffer``; see ``Gate.look``."""
        return self.gate.look(buffer, start)

    def readings(
        self, buffer: bytes, first: int, look: Look | None = None, *, final: bool = False
    ) -> tuple[list[Reading], int]:
        """Every reading that may hide a byte from ``first`` on, and the first byte that must wait.

        The second is the length of the buffer unless a verdict needs what comes after it. ``look`` is the
        first look at ``buffer`` from at least ``JOINT`` bytes before ``first`` on, if it was taken. The last
        byte of a ``final`` buffer stands for the end of the stream.
        """
        if look is None:
            look = self.look(buffer)
        found: list[Reading] = []
        if look is None:
            return found, len(buffer)
        places = self._second_look(buffer, first, look)
        done: set[int] = set()
        hold = self._read_plain(buffer, [end for _, end in places.pop("plain", ())], found, done)
        for name, stretches in places.items():
            if name == "text":
                hold = min(hold, self._number("text").read_between(buffer, merged(stretches), found, done))
            elif name == "padded":
                hold = min(hold, self._padded.read_between(buffer, merged(stretches), found))
            elif name in MARKS:
                hold = min(hold, self._number(name).read_between(buffer, merged(stretches), found, set()))
            else:
                self._detector(name).read_between(buffer, merged(stretches), found)
        if found:
            read_tracks_behind(buffer, found)
        if self._user is not None:
            self._read_user(buffer, first, found, final=final)
        return found, hold

    def _read_user(self, buffer: bytes, first: int, found: list[Reading], *, final: bool) -> None:
        """The readings of users' rules."""
        hits = self._user.hits(buffer) if self._user is not None else []
        for number in {number for number, end in hits if end + REACH > first}:
            self.user_rules[number].read_between(buffer, ((0, len(buffer)),), found, final=final)

    def _second_look(self, buffer: bytes, first: int, look: Look) -> Spans:
        """For each reader the stretches in which readings may start; for ``plain`` the twelfth digits."""
        places = _Places(self._routes, first)
        places.add(Sieve.GATE, look.start, look.words)
        places.add(Sieve.NUMBERS, look.start, look.numbers)
        if look.rare:
            for sieve in (Sieve.ODD, Sieve.WRITTEN):
                places.add(sieve, 0, self._scanners[sieve].hits(buffer))
        if look.long or Sieve.LONG in places.wanted:
            places.add(Sieve.LONG, 0, self._scanners[Sieve.LONG].hits(buffer))
        return places.spans

    def _read_plain(self, buffer: bytes, ends: list[int], found: list[Reading], done: set[int]) -> int:
        """The readings of numbers without gaps that have their twelfth digit before ``ends``."""
        hold = len(buffer)
        text, brand, shortest = self._number("text"), self._table.brand, self._table.shortest
        for end in ends:
            run = _RUN.match(buffer, end - len(_last_digits(buffer, end)))
            if run is None:
                continue
            start, stop = run.span()
            # The usual case, mostly decided by brand and check digit: no grouping but that with dashes has a
            # first group of twelve digits.
            alone = stop < len(buffer) and buffer[stop] not in _JOINS
            if alone and (stop - start > MOST_DIGITS or stop - start < shortest or brand(run[0]) is None):
                continue
            if start not in done:
                done.add(start)
                hold = min(hold, text.read(buffer, start, found))
        return hold


def _stretches(ends: Sequence[int], span: int) -> Iterator[tuple[int, int]]:
    """The ``span`` bytes before each of ascending ``ends``, what overlaps in one: hits are often many."""
    low, high = max(0, ends[0] - span), ends[0]
    for end in ends:
        if end - span > high:
            yield low, high
            low = end - span
        high = end
    yield low, high


def _last_digits(buffer: bytes, end: int) -> bytes:
    """The digits in a row before ``end``, as far as a first look goes."""
    before = buffer[max(0, end - 16) : end]
    return before[len(before.rstrip(_DIGITS)) :]
