"""Everything the engine can find, behind one call: scan with the sieves, read where they point."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from sidecar.masking.alphabets import CURSOR_RIGHT, ESCAPE_SEQUENCE, MARKS, MOST_DIGITS, alphabet
from sidecar.masking.keyed import ENDS_HEAD, LONGEST, LONGEST_VALUE
from sidecar.masking.pan import FIRST, NumberReader
from sidecar.masking.patterns import ALWAYS, Sieve
from sidecar.masking.sad import detector
from sidecar.masking.sad_table import KEYED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sidecar.masking.cards import CardTable
    from sidecar.masking.hyperscan_safe import Hit, Scanner
    from sidecar.masking.model import Reading
    from sidecar.masking.patterns import Route
    from sidecar.masking.sad import Detector
    from sidecar.masking.user import UserDetector

Spans = dict[str, list[tuple[int, int]]]
# Bytes from the first digit of a plain number to the byte that ends it, the byte before it included.
PLAIN_SPAN = 19 + 18 * 3 + 2
# Nothing that starts further before a byte can hide it.
REACH = 384
# What opens a second look stands within so many bytes before what it is looked at for.
JOINT = 160
# After a plain number the next is looked for so many bytes later; no more than one in SPARSE are few.
STEP, SPARSE = 64, 4096
_DIGITS = b"0123456789"
_PLAIN_GAP_BYTES = b" -./_+\t"
_PLAIN_BYTES = _DIGITS + _PLAIN_GAP_BYTES
_VALUE_ENDS = b"0123456789abcdefABCDEF.:/-"
# What may stand between a first group of twelve digits and more of the same number.
_JOINS = b"-%\\&\x1b\x00" + bytes(range(128, 256))
_TRACK_MARKS = b"=Dd"
_DUMP_BYTES = b"0123456789abcdefABCDEF x:,\\"
# All that numbers with escapes and other gaps consist of, terminal sequences aside.
_SEQUENCE = re.compile(ESCAPE_SEQUENCE + rb"|" + CURSOR_RIGHT)
_NUMBER_BYTES = _PLAIN_BYTES + b"%\\&#;:xuUabcdefABCDEFnpst\x1b[(" + bytes(range(128, 256))
_AFTER_VALUE = b".:/-"
_HEX = b"0123456789abcdefABCDEF"
# How far before the end of a buffer the key of a value that is still open may start.
_KEY_REACH = LONGEST + LONGEST_VALUE + 1
# Behind a piece of a key: the rest of it, what separates, a value.
_VALUE = re.compile(
    rb"[0-9A-Za-z_]{0,24}?[^0-9A-Za-z_/].{0,144}?(?:[0-9]{3}|[0-9][0-9A-Fa-f]{15})", re.DOTALL
)
_RUN = re.compile(rb"[0-9]{1,20}")
_RARE = re.compile(rb"[\x00%\\&\x1b\x80-\xff]")
# A run of digits and gaps that may become a number, or a track.
_VIABLE = re.compile(rb"[0-9]{7}|[0-9]{4}[-./_+\t ]{1,3}[0-9]{3}|-|(?:[0-9][-./_+\t ]{1,3}){6}[0-9]")
_UNCALM = re.compile(rb"[\x00%\\&\x1b\x80-\xff^]")
_MARKS = b"=Dd"
# Nothing rare at the end, and at last a letter that is neither of hex nor of a notation.
_CLOSED = re.compile(rb"[^\x00%\\&\x1b\x80-\xff]{27}[g-wyzG-WYZ]\Z")
# The end of a buffer behind the hex of a row of a dump.
_ROW_TAIL = re.compile(
    rb"[0-9A-Fa-f]{2} {2,3}[^\r\n]{0,34}\r?(?:\n[0-9A-Fa-f]{0,16}:? {0,2})?\Z"
    rb"|(?:3[0-9]|2[0dDeEfF]|09)\r?\n ?\Z"
)
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


class Look(NamedTuple):
    """What the first look at a stretch of a buffer has found."""

    start: int
    """Where the stretch starts."""
    numbers: list[tuple[int, int]]
    """Stretches that contain all plain numbers and dumps of hex."""
    words: list[Hit]
    """Pieces of keys with something like a value behind them."""
    rare: bool


class _Places:
    """Where hits lead."""

    def __init__(self, routes: Mapping[Sieve, Sequence[Route]], first: int) -> None:
        self._routes = routes
        self._first = first
        self.spans: Spans = {}
        self.wanted: set[Sieve] = set()

    def add(self, sieve: Sieve, offset: int, hits: list[Hit]) -> None:
        """Take in the hits of ``sieve`` over what starts at ``offset``."""
        routes, first, spans = self._routes[sieve], self._first - REACH, self.spans
        for number, at in hits:
            reader, span = routes[number]
            end = at + offset
            if isinstance(reader, Sieve):
                self.wanted.add(reader)
            elif end > first:
                for name in reader.split(","):
                    spans.setdefault(name, []).append((max(0, end - span), end))


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
        self._first, self._words, self._rare = (scanners[sieve] for sieve in ALWAYS)
        self._routes = readers.routes
        self._table = readers.table
        self._number = readers.number
        self._detector = readers.detector

    def look(self, buffer: bytes, start: int = 0) -> Look | None:
        """The first look at a buffer from ``start`` on; None if there is no reason for a second."""
        numbers = self._stretches(buffer)
        words = [hit for hit in self._words.hits(buffer) if _VALUE.match(buffer, *_behind(hit[1]))]
        rare = self._rare.hits(buffer)
        if not (numbers or words or rare or (self._user is not None and self._user.hits(buffer))):
            return None
        return Look(start, numbers, words, bool(rare))

    def _stretches(self, buffer: bytes) -> list[tuple[int, int]]:
        """Where plain numbers are: around each, as long as they are few; else from one of them to the end."""
        found: list[tuple[int, int]] = []
        at, size = 0, len(buffer)
        while hits := self._first.hits(buffer[at:] if at else buffer):
            low = max(0, at + hits[0][1] - JOINT)
            at += hits[0][1] + STEP
            few = len(found) < size // SPARSE
            found.append((low, at + JOINT if few else size))
            if not few or at >= size:
                break
        return found

    def readings(self, buffer: bytes, first: int, look: Look | None = None) -> tuple[list[Reading], int]:
        """Every reading that may hide a byte from ``first`` on, and the first byte that must wait.

        The second is the length of the buffer unless a verdict needs what comes after it. ``look`` is the
        first look at ``buffer`` from at least ``JOINT`` bytes before ``first`` on, if it was taken.
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

    def _second_look(self, buffer: bytes, first: int, look: Look) -> Spans:
        """For each reader the stretches in which readings may start; for ``plain`` the twelfth digits."""
        places = _Places(self._routes, first)
        places.add(Sieve.WORDS, look.start, look.words)
        for low, high in merged(look.numbers):
            part = buffer[look.start + low : look.start + high]
            places.add(Sieve.NUMBERS, look.start + low, self._scanners[Sieve.NUMBERS].hits(part))
        if look.rare:
            places.add(Sieve.ODD, 0, self._scanners[Sieve.ODD].hits(buffer))
        if Sieve.LONG in places.wanted:
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

    def calm(self, buffer: bytes) -> int:
        """How many digits more may follow that neither wait nor hide anything, by a quick look.

        -1 if that is not known even of the last digit of ``buffer``.
        """
        near = buffer[-56:]
        head = near.rstrip(_PLAIN_BYTES)
        few = FIRST - len(near) + len(head)
        if few < 0 or not head or head[-1] in _MARKS or _UNCALM.search(near) is not None or self.user_rules:
            return -1
        threes = buffer.count(b"3", max(0, len(buffer) - 176))
        fives = buffer.find(b"5", max(0, len(buffer) - 72)) >= 0
        if threes >= FIRST or (fives and _EMV_TAIL.search(buffer, max(0, len(buffer) - 72)) is not None):
            return -1
        if self._words.hits(buffer[-_KEY_REACH:]):
            return -1
        return 0 if fives and b"5" in near[-8:] else min(few, FIRST - 1 - threes)

    def is_closed(self, buffer: bytes) -> bool:
        """Whether nothing that comes after ``buffer`` can hide a byte of it, by a quick look at its end."""
        return not self.user_rules and _CLOSED.match(buffer, max(0, len(buffer) - 28)) is not None

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
        elif self._may_be_dump(buffer):
            hold = min(hold, self._number("hex").open_from(buffer, REACH))
        if last in _DUMP_BYTES and _EMV_TAIL.search(buffer, max(0, size - 72)) is not None:
            hold = min(hold, self._detector("emv").open_from(buffer))
        if last in _VALUE_ENDS:
            hold = min(hold, self._open_keyed(buffer))
        for rule in self.user_rules:
            hold = min(hold, rule.open_from(buffer))
        return hold

    def _open_plain(self, buffer: bytes, run: bytes) -> int:
        """``open_from`` for plain numbers and tracks; ``run`` is all digits and plain gaps."""
        size = len(buffer)
        hold = size
        digits = len(run.translate(None, _PLAIN_GAP_BYTES))
        if digits > FIRST and _VIABLE.search(run) is not None:
            hold = min(
                self._number("text").open_from(buffer, len(run)),
                self._detector("track2").open_from(buffer),
            )
        elif digits and len(run) < size and buffer[size - len(run) - 1] in _TRACK_MARKS:
            hold = self._detector("track2").open_from(buffer)
        return hold

    def _open_keyed(self, buffer: bytes) -> int:
        """``open_from`` for the value of a key, and the byte behind it that may make it something else."""
        near = buffer[-LONGEST_VALUE - 2 :]
        near = near[:-1] if near[-1] in _AFTER_VALUE else near
        head = near.rstrip(_HEX)
        if len(head) == len(near) or (head and head[-1] not in ENDS_HEAD):
            return len(buffer)
        hold = len(buffer)
        if self._words.hits(buffer[-_KEY_REACH:]):
            for rule in KEYED:
                hold = min(hold, self._detector(rule.name).open_from(buffer))
        return hold

    def _open_rare(self, buffer: bytes) -> int:
        """``open_from`` for what has escapes or bytes beyond ASCII near its end."""
        near = buffer[-REACH:]
        rest = _SEQUENCE.sub(b"", near)
        rest = rest[len(rest.rstrip(_NUMBER_BYTES)) :]
        hold = len(buffer)
        if len(rest) - len(rest.translate(None, _DIGITS)) > FIRST:
            hold = self._number("text").open_from(buffer, REACH)
        for name, mark in MARKS.items():
            if mark in near and (name != "hex" or self._may_be_dump(buffer)):
                hold = min(hold, self._number(name).open_from(buffer, REACH))
        return hold

    @staticmethod
    def _may_be_dump(buffer: bytes) -> bool:
        """Whether ``buffer`` may end in a number in hex that hides something."""
        near = max(0, len(buffer) - 176)
        return buffer.count(b"3", near) > FIRST and (
            buffer[-1] in _DUMP_BYTES or _ROW_TAIL.search(buffer, near) is not None
        )


def _behind(key: int) -> tuple[int, int]:
    """Where the value of a key may be of which a piece ends at ``key``."""
    return key, key + LONGEST + LONGEST_VALUE


def _last_digits(buffer: bytes, end: int) -> bytes:
    """The digits in a row before ``end``, as far as a first look goes."""
    before = buffer[max(0, end - 16) : end]
    return before[len(before.rstrip(_DIGITS)) :]


def merged(stretches: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ascending and disjoint, covering the same."""
    result: list[tuple[int, int]] = []
    for low, high in sorted(stretches):
        if result and low <= result[-1][1]:
            result[-1] = (result[-1][0], max(result[-1][1], high))
        else:
            result.append((low, high))
    return result
