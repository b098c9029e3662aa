"""Names and small files of the spool directory."""

import fcntl
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from sidecar.contract.wire import ApprovalDecided, ApprovalWanted

SESSIONS: Final = "sessions"
NOTICES: Final = "notices"

_GRANT: Final = "grant"
_ENDED: Final = "ended"
_REFUSED: Final = "refused"
_QUIET: Final = "quiet"
_KILL: Final = "kill"
_WANTED: Final = "wanted"
_DECIDED: Final = "decided"
_PARTIAL: Final = ".partial"


@contextmanager
def exclusive(directory: Path) -> Generator[None]:
    """Hold a directory alone among processes; released when the holder dies."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write_whole(path: Path, content: bytes) -> None:
    """Make a file appear with all of its content or not at all."""
    partial = path.with_name(path.name + _PARTIAL)
    partial.write_bytes(content)
    partial.rename(path)


def write_grant(directory: Path, grant: str) -> int:
    """Write a session's grant; give the descriptor whose lock says that the writer lives."""
    partial = directory / (_GRANT + _PARTIAL)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.write(descriptor, grant.encode())
        partial.rename(directory / _GRANT)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def read_grant(directory: Path) -> str | None:
    """Give a session's grant; None while the session is being made."""
    try:
        return (directory / _GRANT).read_text()
    except FileNotFoundError:
        return None


def claim(directory: Path) -> int | None:
    """Become the writer of a session whose writer died; None while it lives."""
    descriptor = os.open(directory / _GRANT, os.O_WRONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def mark_ended(directory: Path, next_sequence: int) -> None:
    """Say that a session's record is complete and ends before this number."""
    write_whole(directory / _ENDED, str(next_sequence).encode())


def ended_before(directory: Path) -> int | None:
    """Give the number after a complete record's last frame; None while it may still grow."""
    try:
        return int((directory / _ENDED).read_bytes())
    except FileNotFoundError:
        return None


def mark_refused(directory: Path, reason: str) -> None:
    """Say that the collector will never take a session's record."""
    write_whole(directory / _REFUSED, reason.encode())


def is_refused(directory: Path) -> bool:
    """Tell whether :func:`mark_refused` was called."""
    return (directory / _REFUSED).exists()


def mark_quiet(directory: Path) -> None:
    """Say that nobody can order a session's end, so that no connection has to stay for it."""
    write_whole(directory / _QUIET, b"")


def is_quiet(directory: Path) -> bool:
    """Tell whether :func:`mark_quiet` was called."""
    return (directory / _QUIET).exists()


def order_kill(directory: Path, reason: str) -> None:
    """Say that a session is to be ended, and why."""
    write_whole(directory / _KILL, reason.encode())


def kill_order(directory: Path) -> str | None:
    """Give the reason of :func:`order_kill`, None when it was not called."""
    try:
        return (directory / _KILL).read_bytes().decode()
    except FileNotFoundError:
        return None


def want_approval(directory: Path, wanted: ApprovalWanted) -> None:
    """Say that a program waits for an approval; it takes the place of what was said before."""
    write_whole(directory / _WANTED, msgspec.msgpack.encode(wanted))


def wanted_approval(directory: Path) -> ApprovalWanted | None:
    """Give what :func:`want_approval` said last, None when nothing waits."""
    try:
        return msgspec.msgpack.decode((directory / _WANTED).read_bytes(), type=ApprovalWanted)
    except FileNotFoundError:
        return None


def leave_decision(directory: Path, decided: ApprovalDecided) -> None:
    """Say what became of an approval that was wanted."""
    write_whole(directory / _DECIDED, msgspec.msgpack.encode(decided))


def take_decision(directory: Path) -> ApprovalDecided | None:
    """Give what :func:`leave_decision` said, once, and want that approval no more; None when nothing was."""
    path = directory / _DECIDED
    try:
        decided = msgspec.msgpack.decode(path.read_bytes(), type=ApprovalDecided)
    except FileNotFoundError:
        return None
    wanted = wanted_approval(directory)
    if wanted is not None and wanted.approval == decided.approval:
        (directory / _WANTED).unlink()
    path.unlink()
    return decided


def remove(directory: Path) -> None:
    """Remove a session that nobody needs any more."""
    with exclusive(directory.parent):
        shutil.rmtree(directory)
