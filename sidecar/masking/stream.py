"""The stream holder: masks a channel piece by piece, with a result that never depends on the pieces.

The mask is defined on the whole input by local rules: whether a byte is hidden depends only on a bounded
neighbourhood. The holder keeps the last bytes it gave out as left context, and gives a byte out only when
nothing that may follow can change its verdict. Output and findings are therefore the same however the input
was cut; there is no timer.

Of a number that is still open the first six digits go out at once and the rest waits: at most 13 digits and
what stands between them, so typed characters are echoed without delay. A number that is complete waits on
only where its verdict needs the text after it (a digest or an IBAN, see ``context``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sidecar.contract.errors import BugError
from sidecar.masking.ends import REACH
from sidecar.masking.looking import JOINT, Look
from sidecar.masking.model import Finding
from sidecar.masking.user import WIDEST

if TYPE_CHECKING:
    from sidecar.masking.model import Reading
    from sidecar.masking.reader import BufferReader

# Left context kept of what was given out: the longest reading, and the text before it that matters.
CONTEXT = 640
# Above this size data is scanned where it is, and only its joint with the past is copied.
SMALL = 1024
# What is taken at once at most while something waits.
LARGE = 16384
# More is taken in parts of this size: a look goes on from several places, each time with a copy of the rest.
HUGE = 1 << 18
# Nothing shorter can hold a hidden byte that did not have to wait: what is hidden is followed by its end. Of
# users' rules that may be a single byte.
LEAST, LEAST_OF_USERS = 4, 2
_Key = tuple[int, str, str, str, tuple[tuple[int, int], ...]]
_MAY_START = re.compile(rb"[0-9^%\\&\xd9\xdb\xdf-\xe1\xea\xef\xf0]")
_STARTS = frozenset(byte for byte in map(bytes, zip(range(256))) if _MAY_START.match(byte))


class Masker:
    """Masks one channel. Made by ``Engine.stream``; for one thread."""

    __slots__ = (
        "_base", "_calm", "_closed", "_findings", "_growing", "_held", "_joint", "_least", "_reader", "_tail",
    )  # fmt: skip

    def __init__(self, reader: BufferReader) -> None:
        self._reader = reader
        self._least = LEAST_OF_USERS if reader.user_rules else LEAST
        self._joint = max(JOINT, WIDEST) if reader.user_rules else JOINT
        self._tail = b"\n"  # no digit, no letter; never given out
        self._held = 0
        self._calm = 0  # so many digits more may go out without a look
        self._base = -1
        self._growing: frozenset[_Key] = frozenset()
        self._closed = False
        self._findings: list[Finding] = []

    def feed(self, data: bytes) -> bytes:
        """The masked bytes that may go out now; raises BugError after ``close`` and ever after an error."""
        if not data:
            return b""
        if self._closed:
            raise BugError("a masker was fed after its close")
        try:
            return self._feed_waiting(data) if self._held or self._growing else self._feed_free(data)
        except BugError:
            self._closed = True
            raise

    def _feed_waiting(self, data: bytes) -> bytes:
        """``feed`` while something waits."""
        out: list[bytes] = []
        at, step = 0, JOINT
        while self._held or self._growing:
            if len(data) - at <= SMALL:
                out.append(self._advance(self._tail + data[at:]))
                return b"".join(out)
            out.append(self._advance(self._tail + data[at : at + step]))
            at += step
            # What waits for long is a run of digits: a copy of the context for every few of them is dear.
            step = min(4 * step, LARGE)
        out.append(self._feed_free(data[at:]))
        return b"".join(out)

    def _feed_free(self, data: bytes) -> bytes:
        """``feed`` while nothing waits."""
        if len(data) > SMALL:
            if len(data) > HUGE:
                return b"".join(self.feed(data[at : at + HUGE]) for at in range(0, len(data), HUGE))
            self._calm = 0
            return self._feed_large(data)
        if len(data) == 1:
            return self._feed_byte(data)
        self._calm = 0
        if _MAY_START.search(data) is None and not self._reader.user_rules:
            self._remember(data)
            return data
        return self._advance(self._tail + data)

    def _feed_byte(self, data: bytes) -> bytes:
        """``feed`` of one byte while nothing waits."""
        if data not in _STARTS and not self._reader.user_rules:
            self._calm = 0
            self._remember(data)
            return data
        if self._calm > 0 and data.isdigit():
            self._calm -= 1
            self._remember(data)
            return data
        buffer = self._tail + data
        self._calm = self._reader.ends.calm(buffer)
        if self._calm < 0:
            return self._advance(buffer)
        return self._pass(buffer, len(self._tail))

    def close(self) -> bytes:
        """The rest, masked. A second close gives nothing."""
        if self._closed:
            return b""
        self._closed = True
        return self._advance(self._tail + b"\n", final=True)

    def fork(self) -> Masker:
        """Another masker in the same state, without the findings; for the same thread."""
        other = Masker(self._reader)
        for name in self.__slots__:
            setattr(other, name, getattr(self, name))
        other._findings = []
        return other

    @property
    def held(self) -> int:
        """Bytes fed and not given out yet."""
        return self._held

    def take_findings(self) -> list[Finding]:
        """The findings whose last byte was given out since the last call, in the order of their ends."""
        taken = self._findings
        self._findings = []
        return taken

    def unfinished_findings(self) -> list[Finding]:
        """What of the output is hidden and no finding yet, because its end has not come or waits.

        For who has fed this masker and goes on with an earlier fork: no other will tell.
        """
        given = self._base + len(self._tail) - self._held
        return [
            Finding(rule, brand, offset, given - offset, shown)
            for offset, rule, brand, shown, _ in sorted(self._growing)
        ]

    def _feed_large(self, data: bytes) -> bytes:
        """``feed`` while nothing waits, without copying ``data`` where it holds nothing to mask."""
        reader = self._reader
        if reader.gate.passes(self._tail, data):
            self._remember(data)
            return data
        tail = self._tail[-self._joint :]
        near = tail + data
        look = reader.look(near, len(self._tail) - len(tail))
        if look is None or look.is_empty:
            settled = reader.ends.is_settled(near) if look is None else False
            if settled or reader.ends.open_from(near[-CONTEXT:]) >= CONTEXT:
                self._remember(data)
                return data
        return self._advance(self._tail + data, look=look or Look())

    def _remember(self, data: bytes) -> None:
        """Keep the end of ``data``, all of which was given out, as left context."""
        if len(data) >= CONTEXT:
            self._base += len(self._tail) + len(data) - CONTEXT
            self._tail = data[-CONTEXT:]
            return
        tail = self._tail + data
        if len(tail) > 2 * CONTEXT:
            self._base += len(tail) - CONTEXT
            tail = tail[-CONTEXT:]
        self._tail = tail

    def _advance(self, buffer: bytes, *, final: bool = False, look: Look | None = None) -> bytes:
        first = len(self._tail) - self._held
        limit = len(buffer) - 1 if final else self._reader.ends.open_from(buffer)
        if limit <= first and not (final and self._growing):
            self._tail = buffer
            self._held = len(buffer) - first
            return b""
        quiet = limit == len(buffer) and not (self._held or self._growing)
        if quiet and limit - first < self._least and buffer.find(b"^", first) < 0:
            return self._pass(buffer, first)
        skip = max(0, first - REACH - 192) if len(buffer) < 8 * SMALL else 0
        seen = buffer[skip:] if skip else buffer
        look = look._replace(start=look.start - skip) if look is not None else None
        found, hold = self._reader.readings(seen, first - skip, look, final=final)
        limit = max(first, min(limit, hold + skip))
        out = _masked(seen, first - skip, limit - skip, found)
        self._report(found, first - skip, limit - skip, self._base + skip)
        keep = max(0, limit - CONTEXT)
        self._tail = buffer[keep:]
        self._base += keep
        self._held = len(buffer) - limit
        return out

    def _pass(self, buffer: bytes, first: int) -> bytes:
        """Give out all of ``buffer`` from ``first`` on as it is."""
        keep = len(buffer) - CONTEXT if len(buffer) > 2 * CONTEXT else 0
        self._base += keep
        self._tail = buffer[keep:]
        return buffer[first:]

    def _report(self, found: list[Reading], first: int, limit: int, base: int) -> None:
        grown = self._growing
        self._growing = frozenset(
            _key(reading, base)
            for reading in found
            if not (reading.complete and reading.end <= limit)
            and any(start < limit for start, _ in reading.hidden)
        )
        done = [
            reading
            for reading in found
            if reading.complete
            and reading.end <= limit
            and (first < reading.end or _key(reading, base) in grown)
        ]
        # Two readers may read the same, such as zeros that are an escape and the filling of a field.
        findings = [
            Finding(
                rule=reading.rule,
                brand=reading.brand,
                offset=base + reading.start,
                length=reading.end - reading.start,
                shown=reading.shown,
            )
            for reading in sorted(done, key=lambda reading: (reading.end, reading.start, reading.rule))
        ]
        self._findings.extend(dict.fromkeys(findings))


def _key(reading: Reading, base: int) -> _Key:
    """What stays the same of a reading that grows: of a track its number, of a dumped one all it hides."""
    known = reading.hidden if reading.rule == "pan" else reading.hidden[:1]
    places = tuple((start + base, end + base) for start, end in known)
    return base + reading.start, reading.rule, reading.brand, reading.shown, places


def _masked(buffer: bytes, first: int, limit: int, found: list[Reading]) -> bytes:
    """``buffer`` from ``first`` to ``limit`` with everything hidden that some reading hides."""
    if not found:
        return buffer[first:limit]
    out = bytearray(buffer[first:limit])
    # Where readings overlap that hide with other stars the plain one stays, whichever was found first.
    for reading in sorted(found, key=lambda reading: (len(reading.star), reading.star), reverse=True):
        for start, end in reading.hidden:
            low, high = max(start, first), min(end, limit)
            if low < high:
                stars = reading.star * ((end - start) // len(reading.star))
                out[low - first : high - first] = stars[low - start : high - start]
        for start, end in reading.again:
            if first <= start and end <= limit:
                out[start - first : end - first] = b"*" * (end - start)
    return bytes(out)
