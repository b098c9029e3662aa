"""The stream holder: masks a channel piece by piece, with a result that never depends on the pieces.

The mask is defined on the whole input by local rules: whether a byte is hidden depends only on a bounded
neighbourhood. The holder keeps the last bytes it gave out as left context and gives a byte out only when no
continuation can change its verdict. Output and findings are therefore the same however the input was cut.

Of a number that is still open the first six digits go out at once and the rest is held, so at most 13 digits
and what stands between them wait, and typed characters are echoed without delay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.contract.errors import BugError
from sidecar.masking.model import Finding
from sidecar.masking.pan import open_from, readings
from sidecar.masking.patterns import ANY_DIGIT

if TYPE_CHECKING:
    from sidecar.masking.cards import CardTable
    from sidecar.masking.hyperscan_safe import Scanner
    from sidecar.masking.model import Reading

# Left context kept of what was given out: longer than any reading with the text before it that matters.
CONTEXT = 256
# Below this size a look for digits is cheaper than a scan; above, data is scanned without copying it.
SMALL = 1024


class Masker:
    """Masks one channel. Made by ``Engine.stream``; for one thread."""

    def __init__(self, scanner: Scanner, table: CardTable) -> None:
        self._scanner = scanner
        self._table = table
        self._tail = b"\n"  # a start that is no digit; never given out
        self._held = 0
        self._base = -1
        self._closed = False
        self._findings: list[Finding] = []

    def feed(self, data: bytes) -> bytes:
        """The masked bytes that may go out now; raises BugError after ``close``."""
        if self._closed:
            raise BugError("a masker was fed after its close")
        if not data:
            return b""
        if self._held == 0 and self._plain(data):
            self._remember(data)
            return data
        return self._advance(self._tail + data, final=False)

    def close(self) -> bytes:
        """The rest, masked. A second close gives nothing."""
        if self._closed:
            return b""
        self._closed = True
        return self._advance(self._tail + b"\n", final=True)

    def take_findings(self) -> list[Finding]:
        """The findings whose last byte was given out since the last call, in the order of their ends."""
        taken = self._findings
        self._findings = []
        return taken

    def _remember(self, data: bytes) -> None:
        """Keep the end of ``data``, all of which was given out, as left context."""
        tail = self._tail + data if len(data) < CONTEXT else data
        self._base += len(self._tail) + len(data) - len(tail)
        cut = max(0, len(tail) - 2 * CONTEXT)
        if cut:
            cut = len(tail) - CONTEXT
        self._base += cut
        self._tail = tail[cut:]

    def _plain(self, data: bytes) -> bool:
        """Whether ``data`` and its joint with the past hold nothing to mask and nothing open."""
        if len(data) <= SMALL:
            return ANY_DIGIT.search(data) is None
        joint = self._tail + data[:CONTEXT]
        return (
            not self._scanner.ends(data)
            and not self._scanner.ends(joint)
            and open_from(data[-CONTEXT:]) == CONTEXT
        )

    def _advance(self, buffer: bytes, *, final: bool) -> bytes:
        first = len(self._tail) - self._held
        ends = [end for end in self._scanner.ends(buffer) if end > first]
        found = readings(buffer, ends, self._table)
        limit = len(buffer) - 1 if final else open_from(buffer)
        limit = max(limit, first)
        out = _masked(buffer, first, limit, found)
        self._report(found, first, limit)
        keep = max(0, min(limit, len(buffer)) - CONTEXT)
        self._tail = buffer[keep:]
        self._base += keep
        self._held = len(buffer) - limit
        return out

    def _report(self, found: list[Reading], first: int, limit: int) -> None:
        done = [reading for reading in found if first < reading.end <= limit]
        for reading in sorted(done, key=lambda reading: (reading.end, reading.start, reading.rule)):
            self._findings.append(
                Finding(
                    rule=reading.rule,
                    brand=reading.brand,
                    offset=self._base + reading.start,
                    length=reading.end - reading.start,
                    shown=reading.shown,
                )
            )


def _masked(buffer: bytes, first: int, limit: int, found: list[Reading]) -> bytes:
    """``buffer`` from ``first`` to ``limit`` with everything hidden that some reading hides."""
    if not found:
        return buffer[first:limit]
    out = bytearray(buffer[first:limit])
    for reading in found:
        for start, end in reading.hidden:
            low, high = max(start, first), min(end, limit)
            if low < high:
                out[low - first : high - first] = b"*" * (high - low)
    return bytes(out)
