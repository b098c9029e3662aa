"""A line that is edited while it is shown: characters written, overwritten, erased, and masked as they stand.

What a reader of the screen sees is not what was sent: ``411`` ``2`` ``\\b \\b`` ``1`` is the number 4111.
So the characters lie in cells, and the masker of plain text is fed the cells in their order on the screen.
When a cell before the end changes, the masker goes back to a copy of what it was a little before that cell.

Bytes go out in the order in which they came. A character waits until the masker has decided about its cell. A
digit that is overwritten or erased while it waits goes out as a star: the screen has lost it already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sidecar.masking.units import Cell, Queue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sidecar.masking.model import Finding
    from sidecar.masking.stream import Masker
    from sidecar.masking.units import Unit

# Between the digits on both sides of a wrapped row: the engine reads them as one number and as two.
JOINT = "\u200b".encode()
# More bytes than this never wait because of editing.
MOST_WAITING = 1024
_MAY_GO = frozenset((b" ", b"_"))
# A line of more cells is not kept track of.
MOST_CELLS = 4096
# Cells from one place to go back to to the next: no edit has more than that read again before its cell.
MARK_EVERY = 64
# More findings of a line are not remembered without a look at which may come again.
MOST_SEEN = 512
# More unfinished findings in text that was changed do not wait for the end of the line.
MOST_UNDONE = 64


class _Mark(NamedTuple):
    """A place to go back to: the masker when it had read the cells before ``read``, and what it had given."""

    masker: Masker
    read: int
    fed: int
    """How many bytes the masker had read."""
    out_cell: int
    out_byte: int


class EditedLine:
    """The cells of a line, the masker that has read some of them, and what waits to go out."""

    def __init__(self, masker: Masker, fed: int, held: Sequence[Cell]) -> None:
        """``masker`` has read ``fed`` bytes, of which it holds those of ``held``."""
        self._masker = masker
        self._begin_fed = fed
        self.cells = list(held)
        self.floor = len(self.cells)
        """Cells before this one cannot be changed."""
        self.cursor = self.floor
        self._read = self.floor
        self._fed = fed
        self._out_cell = 0
        self._out_byte = sum(map(_length, self.cells)) - masker.held
        self._marks = [self._mark()]
        """By ascending ``read``; the first is where the line began."""
        self.queue = Queue()
        """Where its bytes wait; lines between which the cursor goes back and forth have one together."""
        self._seen: set[Finding] = set()
        self._forget_at = MOST_SEEN
        self._findings: list[Finding] = []
        self._undone: dict[tuple[str, str, int], Finding] = {}
        """Unfinished findings in text that was changed: what they hide has gone out, and is gone now."""

    def pass_on(self, unit: Unit) -> None:
        """Let ``unit`` go out behind what came before it; it is no part of the text."""
        unit.settle(0, unit.raw)
        self.enqueue(unit)

    def enqueue(self, unit: Unit) -> None:
        """Let ``unit`` go out when it is decided."""
        self.queue.add(unit)

    def write(self, cells: Sequence[Cell]) -> None:
        """Put ``cells`` at the cursor, over what is there."""
        end = self.cursor + len(cells)
        self._change_from(self.cursor)
        _hide(self.cells[self.cursor : end])
        self.cells[self.cursor : end] = cells
        self.cursor = end
        self._read_on(end)

    def insert(self, cells: Sequence[Cell]) -> None:
        """Put ``cells`` at the cursor; what is there moves to the right."""
        self._change_from(self.cursor)
        self.cells[self.cursor : self.cursor] = cells
        self.cursor += len(cells)
        self._read_on(self.cursor)

    def remove(self, start: int, end: int) -> None:
        """Take the cells from ``start`` to ``end`` out; what is behind them moves to the left."""
        start, end = max(start, self.floor), min(end, len(self.cells))
        if start < end:
            self._change_from(start)
            _hide(self.cells[start:end])
            del self.cells[start:end]
            if self.cursor > start:
                self.cursor = max(start, self.cursor - (end - start))

    def blank(self, start: int, end: int) -> None:
        """Make the cells from ``start`` to ``end`` blank."""
        start, end = max(start, self.floor), min(end, len(self.cells))
        if start < end:
            self._change_from(start)
            _hide(self.cells[start:end])
            self.cells[start:end] = [Cell(b" ") for _ in range(start, end)]

    def move(self, to: int, through: bytes = b" ") -> None:
        """Put the cursor at ``to``; missing cells on the way are filled, the first with ``through``."""
        to = max(to, self.floor)
        missing = to - len(self.cells)
        if missing > 0:
            self.cells.append(Cell(through))
            self.cells += [Cell(b" " if through == b" " else b"") for _ in range(missing - 1)]
        self.cursor = to

    def read_all(self) -> None:
        """Let the masker read to the end of the line."""
        self._read_to(len(self.cells))

    def finish(self) -> None:
        """Decide about everything: the stream ends."""
        self.read_all()
        self._settle(self._masker.close())
        self._note()
        self._report_undone()

    def begin_anew(self) -> None:
        """Forget the cells that are decided: a new line starts behind the rest, which cannot be changed."""
        self.read_all()
        self._report_undone()
        self._begin_fed = self._fed
        del self.cells[: self._out_cell]
        self._out_cell = 0
        self.floor = self.cursor = self._read = len(self.cells)
        self._marks = [self._mark()]
        self._seen.clear()

    def fork(self) -> EditedLine:
        """A line that goes on where this one is, of which only what waits is known; it must be read.

        What this line finds at its end is no finding of the other.
        """
        masker = self._masker.fork()
        other = EditedLine(masker, self._fed, self.cells[self._out_cell :] if masker.held else [])
        if masker.held:
            ended = masker.fork()
            ended.close()
            other.note_seen([other._placed(finding) for finding in ended.take_findings()])
        return other

    @property
    def waiting(self) -> int:
        """Bytes that came and have not gone out."""
        return self.queue.waiting

    @property
    def rests(self) -> bool:
        """Whether a new line has begun and nothing waits."""
        return self.waiting == self._masker.held == 0 and self.floor == len(self.cells)

    @property
    def fed(self) -> int:
        """How many bytes the masker had read where the line began."""
        return self._begin_fed

    def release(self) -> Masker:
        """The masker as it is."""
        return self._masker

    def hide_waiting(self) -> None:
        """Decide about everything that waits, as about what is erased."""
        self.queue.hide()

    def note_seen(self, findings: Sequence[Finding]) -> None:
        """Findings on this line that were reported already."""
        self._seen.update(findings)

    def note_unfinished(self, findings: Sequence[Finding]) -> None:
        """What was hidden of this line and is no finding yet, with control functions that are no cells."""
        self._undone.update((finding[:3], finding) for finding in findings)

    def take(self) -> bytes:
        """What may go out now."""
        return self.queue.take()

    def take_findings(self) -> list[Finding]:
        """The findings since the last call, by offsets in the stream."""
        taken, self._findings = self._findings, []
        return taken

    def _change_from(self, at: int) -> None:
        if self._read > at:
            self._remember_undone()
            while len(self._marks) > 1 and self._marks[-1].read > at:
                self._marks.pop()
            masker, self._read, self._fed, self._out_cell, self._out_byte = self._marks[-1]
            self._masker = masker.fork()

    def _read_on(self, end: int) -> None:
        """Read to ``end``, but not blanks and lines that end an open number.

        Most of those erase or wrap a row, or underline what is written over them.
        """
        bare = end
        while bare > self._read and self.cells[bare - 1].read in _MAY_GO:
            bare -= 1
        self._read_to(bare)
        if not self._masker.held:
            self._read_to(end)

    def _read_to(self, end: int) -> None:
        while self._read < end:
            to = min(end, self._marks[-1].read + MARK_EVERY)
            text = b"".join(cell.read for cell in self.cells[self._read : to])
            self._read = to
            self._fed += len(text)
            self._settle(self._masker.feed(text))
            self._note()
            if to == self._marks[-1].read + MARK_EVERY:
                self._marks.append(self._mark())

    def _mark(self) -> _Mark:
        return _Mark(self._masker.fork(), self._read, self._fed, self._out_cell, self._out_byte)

    def _settle(self, out: bytes) -> None:
        at = 0
        while at < len(out) or (self._out_cell < self._read and not self.cells[self._out_cell].read):
            cell = self.cells[self._out_cell]
            part = out[at : at + len(cell.read) - self._out_byte]
            cell.settle(self._out_byte, part)
            at += len(part)
            self._out_byte += len(part)
            if self._out_byte < len(cell.read):
                return
            self._out_cell += 1
            self._out_byte = 0

    def _note(self) -> None:
        for finding in self._masker.take_findings():
            self._report(self._placed(finding))

    def _report(self, placed: Finding) -> None:
        undone = self._undone.pop(placed[:3], placed)
        if placed in self._seen:
            if undone.length > placed.length:
                self._undone[placed[:3]] = undone
            return
        whole = max(placed, undone, key=_length_of)
        self._seen.update((placed, whole))
        self._findings.append(whole)
        if len(self._seen) >= self._forget_at:
            self._forget_erased()
            self._forget_at = 2 * max(len(self._seen), MOST_SEEN)

    def _forget_erased(self) -> None:
        """Forget findings that end in bytes of no cell, unless these are to come: none is found again."""
        units = [cell.unit for cell in self.cells if cell.unit is not None]
        ends = {unit.offset + at for unit in units for at in range(1, len(unit.raw) + 1)}
        last = max(ends, default=0)
        self._seen = {seen for seen in self._seen if (end := seen.offset + seen.length) in ends or end > last}

    def _remember_undone(self) -> None:
        for finding in self._masker.unfinished_findings():
            placed = self._placed(finding)
            known = self._undone.get(placed[:3])
            if (known is None or known.length < placed.length) and not self._was_reported(placed):
                self._undone[placed[:3]] = placed
        if len(self._undone) > MOST_UNDONE:
            self._report_undone()

    def _was_reported(self, placed: Finding) -> bool:
        """Whether ``placed`` was a finding already, with as much or more behind it."""
        return any(seen[:3] == placed[:3] and seen.length >= placed.length for seen in self._seen)

    def _report_undone(self) -> None:
        """Report what the line hides no more; what it found in the end has taken the place of most."""
        for finding in list(self._undone.values()):
            self._report(finding)

    def _placed(self, finding: Finding) -> Finding:
        """``finding`` by where its bytes came in the stream."""
        end = finding.offset + finding.length
        first, at = self._cell_before(finding.offset)
        spans: list[tuple[int, int]] = []
        for cell in self.cells[first:]:
            if at >= end:
                break
            behind = at + len(cell.read)
            if cell.unit is not None and behind > finding.offset and at < end:
                base = cell.unit.offset + len(cell.unit.raw) - behind
                low = finding.offset if not spans else max(at, finding.offset)
                spans.append((max(low + base, cell.unit.offset if spans else 0), min(end, behind) + base))
            at = behind
        if not spans:
            return finding
        low = min(span[0] for span in spans)
        return finding._replace(offset=low, length=max(span[1] for span in spans) - low)

    def _cell_before(self, offset: int) -> tuple[int, int]:
        """A cell that begins a little before what the masker read at ``offset``, and where it begins."""
        for mark in reversed(self._marks):
            if mark.fed <= offset:
                return mark.read, mark.fed
        return 0, self._begin_fed - sum(map(_length, self.cells[: self.floor]))


def _length_of(finding: Finding) -> int:
    return finding.length


def _length(cell: Cell) -> int:
    return len(cell.read)


def _hide(cells: Sequence[Cell]) -> None:
    for cell in cells:
        if cell.unit is not None:
            cell.unit.hide()
