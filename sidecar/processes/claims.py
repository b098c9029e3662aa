"""Single use of grants: the first dial-in of a session creates a file, and nobody else can.

The file lives as long as the pod, so restarts of the recorder and steps of the clock change nothing. The
grant of a container's own program is used again after each restart, by one process at a time: that holds a
lock, which ends with it.
"""

import fcntl
import os
from pathlib import Path
from typing import Final

_DIRECTORY: Final = "used"
_LOCKS: Final = "applications"
_MOST_REMEMBERED: Final = 64
KEPT_SECONDS: Final = 24 * 3600
"""A claim is kept longer than any grant could be valid under any skew of clocks worth thinking of."""


def claim(spool: Path, session: str) -> bool:
    """Take a session's grant; False when it was taken before. Raises OSError."""
    directory = spool / _DIRECTORY
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.close(os.open(directory / session, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return False
    return True


class Lock:
    """Held until it is released, or the process ends."""

    def __init__(self, number: int) -> None:
        self._number = number

    def follow(self, session: str) -> str:
        """Give the session that was served before, and remember this one. Raises OSError."""
        before = os.pread(self._number, _MOST_REMEMBERED, 0).decode("ascii", "replace")
        os.ftruncate(self._number, 0)
        os.pwrite(self._number, session.encode(), 0)
        return before

    def release(self) -> None:
        """Let go of it."""
        os.close(self._number)


def lock(spool: Path, container: str) -> Lock | None:
    """Take the place of who serves a container's own program; None when it is taken. Raises OSError."""
    directory = spool / _LOCKS
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    number = os.open(directory / container, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(number)
        return None
    return Lock(number)


def forget_old(spool: Path, now: float) -> None:
    """Remove claims of grants that expired long ago; ``now`` is in Unix seconds."""
    directory = spool / _DIRECTORY
    if not directory.exists():
        return
    for path in directory.iterdir():
        if path.stat().st_mtime < now - KEPT_SECONDS:
            path.unlink()
