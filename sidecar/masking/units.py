"""What is written to a line: bytes that came together, the cells they stand in, and what waits to go out."""

from __future__ import annotations

from collections import deque

from sidecar.masking.columns import columns


class Unit:
    """Bytes that came together and go out together; ``out`` is what has been decided of them so far."""

    __slots__ = ("offset", "out", "raw", "sent")

    def __init__(self, raw: bytes, offset: int, *, decided: bool = False, sent: int = 0) -> None:
        self.raw = raw
        self.offset = offset
        self.out = raw if decided else raw[:sent]
        self.sent = sent

    def settle(self, at: int, part: bytes) -> None:
        """Decide the bytes from ``at`` on as ``part``; what was decided before stays."""
        known = len(self.out)
        if at + len(part) > known:
            self.out += part[known - at :]

    def hide(self) -> None:
        """Decide what is not decided yet: a digit becomes stars, anything else stays."""
        if len(self.out) < len(self.raw):
            rest = self.raw[len(self.out) :]
            self.out += b"*" * len(rest) if self.raw.decode("utf-8", "replace").isdecimal() else rest

    def take(self) -> bytes:
        """What was decided since the last call."""
        new = self.out[self.sent :]
        self.sent = len(self.out)
        return new

    @property
    def waiting(self) -> int:
        """Bytes that were not taken."""
        return len(self.raw) - self.sent


class Cell:
    """One place of the line: what the masker reads there, and the unit that was written there."""

    __slots__ = ("read", "unit")

    def __init__(self, read: bytes, unit: Unit | None = None) -> None:
        self.read = read
        self.unit = unit

    def settle(self, at: int, part: bytes) -> None:
        """Decide the bytes of ``read`` from ``at`` on."""
        if self.unit is not None:
            lead = max(0, len(self.read) - len(self.unit.raw) - at)
            if len(part) > lead:
                self.unit.settle(at + lead - len(self.read) + len(self.unit.raw), part[lead:])


def characters(unit: Unit, lead: bytes = b"") -> list[Cell]:
    """The cells of printable text; ``lead`` is read before the first."""
    raw = unit.raw
    if raw[0] < 0x80:
        cells: list[Cell] = []
        for at in range(len(raw)):
            one = Unit(raw[at : at + 1], unit.offset + at, sent=min(1, max(0, unit.sent - at)))
            cells.append(Cell(lead + one.raw if at == 0 else one.raw, one))
        return cells
    return [Cell(lead + raw, unit), *(Cell(b"") for _ in range(columns(raw) - 1))]


class Queue:
    """What waits to go out, in the order in which it came."""

    __slots__ = ("_units", "waiting")

    def __init__(self) -> None:
        self._units: deque[Unit] = deque()
        self.waiting = 0
        """Bytes that came and have not gone out."""

    def add(self, unit: Unit) -> None:
        """Let ``unit`` go out when it is decided, behind what came before it."""
        self._units.append(unit)
        self.waiting += unit.waiting

    def take(self) -> bytes:
        """What may go out now."""
        out = b""
        while self._units:
            unit = self._units[0]
            out += unit.take()
            if unit.waiting:
                break
            self._units.popleft()
        self.waiting -= len(out)
        return out

    def hide(self) -> None:
        """Decide about everything that waits, as about what is erased."""
        for unit in self._units:
            unit.hide()
