"""The session's side of the spool: frames go to the page cache, in one write each, before delivery.

Nothing is fsynced. What has to be survived is the death of a process or a container, and the kernel
keeps written pages through that; a power failure takes the session's program and its client's
connection with it, so waiting for the disk at every frame would slow typing and buy little.
"""

import errno
import os
import shutil
from pathlib import Path
from typing import Final

from sidecar.contract.errors import ClusterError
from sidecar.contract.frames import Frame
from sidecar.contract.wire import ApprovalDecided, ApprovalWanted
from sidecar.shipping.layout import (
    SESSIONS,
    exclusive,
    is_refused,
    kill_order,
    mark_ended,
    mark_quiet,
    take_decision,
    want_approval,
    write_grant,
)
from sidecar.shipping.records import MAX_RECORD_BYTES, SEGMENT_BYTES, RecordEncoder, segment_name

_ALLOWANCE_BYTES: Final = 4 * 1024 * 1024
_RESERVE_BYTES: Final = 1024 * 1024


class SpoolError(ClusterError):
    """The spool cannot take a frame: the disk is full or failing. The frame is not in the spool."""


class SpoolWriter:
    """Writes one session's frames. Made by :meth:`create` or ``recovery.recover``; for one process."""

    def __init__(self, directory: Path, lock: int, limit_bytes: int) -> None:
        self._directory = directory
        self._lock = lock
        self._limit = limit_bytes
        self._allowance = 0
        self._segment: int | None = None
        self._length = 0
        self._next_sequence = 0
        self._encoder = RecordEncoder()

    @classmethod
    def create(cls, root: Path, session: str, grant: str, limit_bytes: int) -> "SpoolWriter":
        """Begin a session's record.

        ``limit_bytes`` bounds the frames of all sessions below ``root`` together. Raises SpoolError.
        """
        sessions = root / SESSIONS
        directory = sessions / session
        try:
            sessions.mkdir(mode=0o700, parents=True, exist_ok=True)
            with exclusive(sessions):
                directory.mkdir(mode=0o700)
                return cls(directory, write_grant(directory, grant), limit_bytes)
        except FileExistsError as error:
            raise SpoolError(f"the spool takes no new session: {error.strerror}") from error
        except OSError as error:
            shutil.rmtree(directory, ignore_errors=True)  # so that it may be tried again
            raise SpoolError(f"the spool takes no new session: {error.strerror}") from error

    @classmethod
    def resume(cls, directory: Path, lock: int, segment: Path, next_sequence: int) -> "SpoolWriter":
        """Continue a record whose writer died, to close it: ``has_room`` is False from the start."""
        writer = cls(directory, lock, 0)
        writer._segment = os.open(segment, os.O_WRONLY | os.O_APPEND)
        writer._length = segment.stat().st_size
        writer._next_sequence = next_sequence
        return writer

    def append(self, frame: Frame) -> None:
        """Hand a frame to the kernel; it survives the death of this process. Raises SpoolError.

        The limit is not checked, so that closing frames find the reserve; ask :meth:`has_room` before
        every other frame.
        """
        record = self._encoder.encode(frame)
        if len(record) > MAX_RECORD_BYTES:
            raise SpoolError(f"a frame of {len(record)} bytes is longer than {MAX_RECORD_BYTES}")
        try:
            self._write(frame.sequence, record)
        except OSError as error:
            raise SpoolError(f"the spool cannot be written: {error.strerror}") from error
        self._allowance -= len(record)
        self._next_sequence = frame.sequence + 1

    def has_room(self, n: int) -> bool:
        """Tell whether ``n`` more bytes stay within the limit; one look at the directory in 4 MiB.

        False becomes True again when the shipper catches up, so a caller may wait a while.
        """
        if self._allowance < n:
            self._allowance = _allowance(self._directory.parent, self._limit)
        return self._allowance >= n

    def be_quiet(self) -> None:
        """Say that no connection has to stay for this session. Raises SpoolError."""
        try:
            mark_quiet(self._directory)
        except OSError as error:
            raise SpoolError(f"the spool cannot be written: {error.strerror}") from error

    def refused(self) -> bool:
        """Tell whether the collector refuses this record: the session must not go on unrecorded."""
        return is_refused(self._directory)

    def kill_order(self) -> str | None:
        """Give why the session is to be ended, None when nobody ordered that."""
        return kill_order(self._directory)

    def want_approval(self, wanted: ApprovalWanted) -> None:
        """Say that a program waits for an approval. Raises SpoolError."""
        try:
            want_approval(self._directory, wanted)
        except OSError as error:
            raise SpoolError(f"the spool cannot be written: {error.strerror}") from error

    def take_decision(self) -> ApprovalDecided | None:
        """Give what became of an approval that was wanted, once; None while nothing has."""
        return take_decision(self._directory)

    def close(self, ended: bool) -> None:
        """Let go. ``ended`` says that the last frame was End; otherwise the session can be recovered."""
        if ended:
            mark_ended(self._directory, self._next_sequence)
        if self._segment is not None:
            os.close(self._segment)
            self._segment = None
        os.close(self._lock)

    def _write(self, sequence: int, record: bytearray) -> None:
        segment = self._segment
        if segment is None or self._length >= SEGMENT_BYTES:
            segment = self._rotate(sequence)
        written = os.write(segment, record)
        if written != len(record):
            os.ftruncate(segment, self._length)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._length += written

    def _rotate(self, sequence: int) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        segment = os.open(self._directory / segment_name(sequence), flags, 0o600)
        if self._segment is not None:
            os.close(self._segment)
        self._segment, self._length = segment, 0
        return segment


def used_bytes(sessions: Path) -> tuple[int, int]:
    """Give the bytes of all sessions' files and how many sessions there are."""
    total = count = 0
    with os.scandir(sessions) as directories:
        for directory in directories:
            count += 1
            total += directory_bytes(Path(directory.path))
    return total, count


def directory_bytes(directory: Path) -> int:
    """Give the bytes of a session's files."""
    total = 0
    try:
        with os.scandir(directory) as files:
            for file in files:
                total += file.stat().st_size
    except FileNotFoundError:
        return total  # the shipper removes what is acknowledged meanwhile
    return total


def _allowance(sessions: Path, limit: int) -> int:
    used, count = used_bytes(sessions)
    reserve = min(_RESERVE_BYTES, limit // 8)
    return min(_ALLOWANCE_BYTES, (limit - reserve - used) // max(count, 1))
