"""The journal on disk: audit events go to the page cache, in one write each, before anything is answered.

Events go into files of bounded size, its segments. The newest is written to; whoever ships takes the oldest
whole and removes it once its events are stored. Nothing is fsynced, as in the recorder's spool: what has to
be survived is the death of a process or container, and the kernel keeps written pages through that.
"""

import fcntl
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from sidecar.contract.errors import ConfigurationError
from webhook.journal.events import AuditEvent
from webhook.journal.journal import JournalFullError
from webhook.journal.lines import encode_event, encode_line, file_of, read_lines
from webhook.journal.making import Maker

SEGMENT_BYTES: Final = 256 * 1024
"""A segment that is as long gets no further event."""
_SEGMENT: Final = ".events"
_REFUSED: Final = ".refused"
"""Of files with events that the collector did not take; the next start tries them again."""


class Segment(msgspec.Struct, frozen=True):
    """A file that nobody writes to any more."""

    path: Path
    size: int
    events: list[bytes]
    """JSON of each."""
    damaged: int
    """Lines that cannot be read."""


class DiskJournal:
    """The journal of one process. ``maker`` stamps what the journal says of itself."""

    def __init__(self, directory: Path, *, limit_bytes: int, maker: Maker) -> None:
        """Open it with what an earlier process left. Raises ConfigurationError."""
        self._directory = directory
        self._limit = limit_bytes
        self._maker = maker
        self._lock = threading.Lock()
        self._file: int | None = None
        self._length = 0
        self._lost = 0
        self._aside = 0
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._held: int | None = _held(directory)
            self._sealed = dict(_left(directory))
            self._size = sum(self._sealed.values())
        except OSError as error:
            raise ConfigurationError(f"the journal {directory} cannot be used: {error.strerror}") from None
        self._next = max((_number(path) for path in self._sealed), default=0) + 1
        self._active = self._path()

    def note(self, event: AuditEvent) -> None:
        """Take one; it is in the kernel's hands once this returns. Raises JournalFullError."""
        line = encode_line(encode_event(event))
        with self._lock:
            try:
                self._write(line, reserve=False)
            except JournalFullError:
                self._lost += 1
                raise
            if self._lost:
                self._tell_lost()

    @property
    def waits(self) -> bool:
        """Whether anything is to be shipped."""
        return self._size > 0

    @property
    def size(self) -> int:
        """Bytes of events that are not stored yet."""
        return self._size + self._aside

    def oldest(self) -> Segment | None:
        """Give the oldest segment, None when there is no event. Blocks; raises JournalFullError."""
        with self._lock:
            if not self._sealed and self._length:
                self._seal()
            path = min(self._sealed, key=_number, default=None)
        if path is None:
            return None
        try:
            lines = read_lines(path.read_bytes())
        except OSError as error:
            raise JournalFullError(f"the journal cannot be read: {error.strerror}") from None
        return Segment(path, self._sealed[path], lines.events, lines.damaged)

    def release(self, segment: Segment, refused: Sequence[bytes] = ()) -> None:
        """Forget a segment whose events are stored, but for those that were refused.

        These are set aside until the next start. Blocks; raises JournalFullError.
        """
        kept = file_of(refused)
        try:
            if kept:
                segment.path.with_suffix(_REFUSED).write_bytes(kept)
            segment.path.unlink(missing_ok=True)
        except OSError as error:
            raise JournalFullError(f"the journal cannot be written: {error.strerror}") from None
        with self._lock:
            self._size -= self._sealed.pop(segment.path)
            self._aside += len(kept)
            if self._lost:
                self._tell_lost()
            if segment.damaged:
                self._tell("the journal held audit events that cannot be read", segment.damaged)
            if refused:
                self._tell("the collector did not take audit events; they wait for a restart", len(refused))

    def close(self) -> None:
        """Let go; what is not shipped is there for the next start. Safe to call twice."""
        with self._lock:
            held, self._held = self._held, None
            if self._file is not None:
                os.close(self._file)
                self._file = None
            if held is not None:
                os.close(held)

    def _tell_lost(self) -> None:
        lost, self._lost = self._lost, 0
        if not self._tell("audit events could not be kept: the journal was full or failed", lost):
            self._lost = lost

    def _tell(self, reason: str, count: int) -> bool:
        """Write down what failed, beyond the limit if need be; False when that fails too."""
        event = self._maker.failed(reason, events=str(count))
        try:
            self._write(encode_line(encode_event(event)), reserve=True)
        except JournalFullError:
            return False
        return True

    def _write(self, line: bytes, *, reserve: bool) -> None:
        """Append a line. ``reserve`` lets it go beyond the limit."""
        if self._held is None:
            raise JournalFullError("the journal is closed")
        if not reserve and self._size + self._aside + len(line) > self._limit:
            raise JournalFullError(f"the journal is full: {self._limit} bytes wait for the collector")
        try:
            if self._file is None:
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
                self._file = os.open(self._active, flags, 0o600)
            written = os.write(self._file, line)
        except OSError as error:
            raise JournalFullError(f"the journal cannot be written: {error.strerror}") from None
        if written != len(line):
            self._take_back(written)
            raise JournalFullError("the journal cannot be written: its disk is full")
        self._length += written
        self._size += written
        if self._length >= SEGMENT_BYTES:
            self._seal()

    def _take_back(self, written: int) -> None:
        """Remove half a line; where that fails, nothing is written after it."""
        assert self._file is not None  # noqa: S101  it was written to
        try:
            os.ftruncate(self._file, self._length)
        except OSError:
            self._length += written
            self._size += written
            self._seal()

    def _seal(self) -> None:
        """Begin a new segment with the next event."""
        if self._file is not None:
            os.close(self._file)
        self._sealed[self._active] = self._length
        self._file, self._length = None, 0
        self._next += 1
        self._active = self._path()

    def _path(self) -> Path:
        return self._directory / f"{self._next:012}{_SEGMENT}"


def _held(directory: Path) -> int:
    """Keep other processes out for as long as the descriptor is open. Raises OSError."""
    held = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(held)
        raise
    return held


def _left(directory: Path) -> Iterator[tuple[Path, int]]:
    """Give what an earlier process left, what was set aside among it; empty files go."""
    for path in sorted(directory.iterdir()):
        if path.suffix == _REFUSED:
            path = path.rename(path.with_suffix(_SEGMENT))  # noqa: PLW2901  the same events
        if path.suffix == _SEGMENT and path.stem.isdecimal():
            size = path.stat().st_size
            if size:
                yield path, size
            else:
                path.unlink()


def _number(path: Path) -> int:
    return int(path.stem)
