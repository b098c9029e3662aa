"""A masker that also reads base64: what is hidden in decoded text is encoded again, at the same length."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sidecar.masking.base64_run import SHORTEST, Run
from sidecar.masking.compound import CompoundMasker

if TYPE_CHECKING:
    from collections.abc import Callable

    from sidecar.masking.base64_run import Change
    from sidecar.masking.model import Finding
    from sidecar.masking.stream import Masker

# A line that ends before this column is not wrapped base64.
NARROWEST = 32
_CHARACTERS = re.compile(rb"[A-Za-z0-9+/_-]+")
_RUN = re.compile(rb"[A-Za-z0-9+/_-]{%d,}|[A-Za-z0-9+/_-]+\Z" % SHORTEST)
_BLANK = re.compile(rb"[\r\n \t]+")
_WRAP = re.compile(rb"\r?\n[ \t]{0,16}\Z")
_WIDEST_WRAP = 18


class Base64Masker(CompoundMasker):
    """Masks one channel, plain and encoded. Made by ``Engine.base64``; for one thread.

    A run of base64 characters may be wrapped; lines of it have at least 32 characters. From its sixth
    character on the last three wait, and what a number in the decoded text makes wait: 4 characters for every
    3 bytes.
    """

    def __init__(self, new_masker: Callable[[], Masker], *, always: bool) -> None:
        """``always`` looks into runs in which there is no digit, for users' rules."""
        self._new_masker = new_masker
        self._always = always
        self._plain = new_masker()
        self._decided = b""
        """What the plain masker has given out and this one has not."""
        self._came = 0
        self._gone = 0
        self._run: Run | None = None
        self._blank = b""
        self._changes: list[Change] = []
        self._found: list[Finding] = []
        self._findings: list[Finding] = []

    def _feed(self, data: bytes) -> bytes:
        self._decided += self._plain.feed(data)
        self._scan(data)
        self._came += len(data)
        settled = None
        if self._run is not None:
            self._note(self._run, ended=False)
            settled = self._run.settled()
        return self._give(len(self._decided) if settled is None else settled - self._gone)

    def _close(self) -> bytes:
        self._decided += self._plain.close()
        self._end()
        return self._give(len(self._decided))

    @property
    def held(self) -> int:
        """Bytes fed and not given out yet."""
        return self._came - self._gone

    def take_findings(self) -> list[Finding]:
        """The findings whose last byte was given out since the last call, in the order of their ends."""
        taken, self._findings = self._findings, []
        return taken

    def _scan(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            if self._run is None:
                match = _RUN.search(data, at)
                if match is None:
                    return
                self._run = Run(self._new_masker, always=self._always)
                at = match.start()
            at = self._go_on(self._run, data, at)

    def _go_on(self, run: Run, data: bytes, at: int) -> int:
        """Take the run's next characters or blanks from ``data``, or end it."""
        match = _CHARACTERS.match(data, at)
        if match is not None:
            if self._blank and _WRAP.match(self._blank) is None:
                self._end()
                return at
            if self._blank:
                run.column, self._blank = 0, b""
            run.add(match.group(), self._came + at)
            return match.end()
        match = _BLANK.match(data, at)
        if match is not None and run.column >= NARROWEST:
            self._blank += match.group()
            if len(self._blank) <= _WIDEST_WRAP:
                return match.end()
        self._end()
        return at

    def _end(self) -> None:
        if self._run is not None:
            self._run.end()
            self._note(self._run, ended=True)
        self._run, self._blank = None, b""

    def _note(self, run: Run, *, ended: bool) -> None:
        self._changes += run.changes(ended=ended)
        self._found += run.findings()

    def _give(self, count: int) -> bytes:
        count = max(0, min(count, len(self._decided)))
        end = self._gone + count
        out = self._decided[:count]
        self._decided = self._decided[count:]
        if self._changes:
            changed = bytearray(out)
            for change in self._changes:
                if change.offset < end:
                    changed[change.offset - self._gone] = change.character
            self._changes = [change for change in self._changes if change.offset >= end]
            out = bytes(changed)
        self._found += self._plain.take_findings()
        if self._found:
            self._found.sort(key=lambda one: (one.offset + one.length, one.offset, one.rule))
            done = [one for one in self._found if one.offset + one.length <= end]
            self._findings += done
            del self._found[: len(done)]
        self._gone = end
        return out
