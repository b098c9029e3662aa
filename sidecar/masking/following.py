"""A masker that follows a line where it is edited, and otherwise lets everything through one of plain text.

It starts to follow a line at the first thing in it that is not just more text, and stops where a line ends
with nothing waiting. Both depend on what has come so far, not on how it was cut.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from sidecar.masking.compound import CompoundMasker
from sidecar.masking.edited import MOST_CELLS, MOST_WAITING, EditedLine
from sidecar.masking.units import Cell, Unit

if TYPE_CHECKING:
    from sidecar.masking.model import Finding
    from sidecar.masking.stream import Masker

# Text of a line that is kept in case it will be edited; what is longer cannot be gone back in.
LONGEST_TEXT = 2048


class FollowingMasker(CompoundMasker):
    """One channel of a terminal. Gives the same as ``Masker`` where nothing is edited."""

    def __init__(self, masker: Masker) -> None:
        self._fresh = masker.fork()
        self._masker = masker
        self._line: EditedLine | None = None
        self._came = 0
        self._shift = 0
        self._unfinished = b""
        self._findings: list[Finding] = []
        self._ended = False
        self._before = self._text = b""
        self._begin_text()

    def _feed(self, data: bytes) -> bytes:
        data, self._unfinished = self._unfinished + data, b""
        out: list[bytes] = []
        at = 0
        while at < len(data):
            at = self._pass(data, at, out) if self._line is None else self._follow(self._line, data, at, out)
        return out[0] if len(out) == 1 else b"".join(out)

    def _close(self) -> bytes:
        rest, self._unfinished = self._unfinished, b""
        out = b""
        if self._line is None:
            out = self._text_fed(rest) if rest else b""
            out += self._masker.close()
            self._note_text()
            return out
        if rest:
            unit = Unit(rest, self._came)
            self._came += len(rest)
            self._line.enqueue(unit)
            self._line.cursor = len(self._line.cells)
            self._line.write([Cell(rest, unit)])
        self._line.finish()
        out = self._line.take()
        self._findings += self._line.take_findings()
        self._masker, self._line = self._line.release(), None
        return out

    @property
    def held(self) -> int:
        """Bytes fed and not given out yet."""
        waiting = self._masker.held if self._line is None else self._line.waiting
        return waiting + len(self._unfinished)

    def take_findings(self) -> list[Finding]:
        """The findings since the last call, in the order in which they were certain."""
        taken, self._findings = self._findings, []
        return taken

    @abstractmethod
    def _stop(self, data: bytes, at: int) -> tuple[int, bool]:
        """Where in ``data[at:]`` more than text begins, and whether more must come to tell what."""

    @abstractmethod
    def _token(self, data: bytes, at: int) -> int:
        """Where the token at ``at`` ends; ``at`` if more must come to tell."""

    @abstractmethod
    def _obey(self, line: EditedLine, unit: Unit, behind: bytes) -> None:
        """Do to ``line`` what the token ``unit`` does, which ``behind`` follows, and enqueue it.

        Sets ``_ended`` where the line ends.
        """

    def _line_begins(self, line: EditedLine | None) -> None:
        """A line begins: at the end of ``line``, or in text that is not followed if it is None."""

    def _aside(self, unit: Unit) -> None:
        """Decide about ``unit`` as a text of its own."""
        masker = self._fresh.fork()
        unit.settle(0, masker.feed(unit.raw) + masker.close())
        for finding in masker.take_findings():
            self._findings.append(finding._replace(offset=finding.offset + unit.offset))

    def _pass(self, data: bytes, at: int, out: list[bytes]) -> int:
        stop, unfinished = self._stop(data, at)
        if stop > at:
            out.append(self._text_fed(data[at:stop]))
            self._note_text()
        if unfinished:
            self._unfinished = data[stop:]
            return len(data)
        if stop < len(data):
            self._begin_following()
        return stop

    def _text_fed(self, text: bytes) -> bytes:
        """Feed text, remembering the masker as it was at the beginning of the last line."""
        out: list[bytes] = []
        at = self._last_line(text)
        if at:
            out.append(self._fed(text[:at]))
            self._line_begins(None)
            self._begin_text()
        while len(self._text) + len(text) - at >= LONGEST_TEXT:
            end = at + LONGEST_TEXT - len(self._text)
            out.append(self._fed(text[at:end]))
            self._column_lost()
            self._begin_text()
            at = end
        if at < len(text):
            out.append(self._fed(text[at:]))
        return b"".join(out)

    def _last_line(self, text: bytes) -> int:
        """Where the last line of ``text`` begins."""
        return text.rfind(b"\n") + 1

    def _column_lost(self) -> None:
        """A line is too long to be remembered."""

    def _fed(self, text: bytes) -> bytes:
        self._came += len(text)
        self._text += text
        return self._masker.feed(text)

    def _begin_text(self) -> None:
        """Remember this moment as the one to go back to."""
        self._note_text()
        known = self._before + self._text
        self._before = known[len(known) - self._masker.held :]
        self._text = b""
        self._begin = self._masker.fork()
        self._begin_came = self._came
        self._seen: list[Finding] = []

    def _note_text(self) -> None:
        for finding in self._masker.take_findings():
            placed = finding._replace(offset=finding.offset + self._shift)
            self._findings.append(placed)
            self._seen.append(placed)

    def _begin_following(self) -> None:
        """Follow the line from its beginning on, with what of it has gone out already."""
        before, text = self._before, self._text
        sent = len(before) + len(text) - self._masker.held
        start = self._begin_came - len(before)
        held = [Cell(before, Unit(before, start, sent=min(sent, len(before))))] if before else []
        line = self._line = EditedLine(self._begin, self._begin_came - self._shift, held)
        line.note_seen(self._seen)
        unfinished = self._masker.unfinished_findings()
        line.note_unfinished([one._replace(offset=one.offset + self._shift) for one in unfinished])
        for cell in held:
            if cell.unit is not None:
                line.enqueue(cell.unit)
        self._line_followed(line)
        at = 0
        while at < len(text):
            end = self._token(text, at)
            end = end if end > at else len(text)
            gone = min(max(0, sent - len(before) - at), end - at)
            self._obey(line, Unit(text[at:end], self._begin_came + at, sent=gone), b"")
            at = end

    def _line_followed(self, line: EditedLine) -> None:
        """The line is now followed."""

    def _follow(self, line: EditedLine, data: bytes, at: int, out: list[bytes]) -> int:
        end = self._token(data, at)
        if end == at:
            self._unfinished = data[at:]
            return len(data)
        if 0x20 <= data[at] < 0x7F:
            end = min(end, at + MOST_WAITING + 1 - line.waiting)
        unit = Unit(data[at:end], self._came)
        self._came += end - at
        self._obey(line, unit, data[end : end + 1])
        out.append(line.take())
        self._findings += line.take_findings()
        if line.waiting > MOST_WAITING or len(line.cells) > MOST_CELLS:
            line.hide_waiting()
            out.append(line.take())
        if self._ended or len(line.cells) > MOST_CELLS:
            self._end(line)
            out.append(line.take())
        return end

    def _end(self, line: EditedLine) -> None:
        self._ended = False
        line.begin_anew()
        self._findings += line.take_findings()
        self._line_begins(line)
        if line.rests:
            self._line = None
            self._masker = line.release()
            self._shift = self._came - line.fed
            self._before = self._text = b""
            self._begin_text()
