"""Single use of grants: the first dial-in of a session creates a file, and nobody else can.

The file lives as long as the pod, so restarts of the recorder and steps of the clock change nothing.
"""

import os
from pathlib import Path
from typing import Final

_DIRECTORY: Final = "used"
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


def forget_old(spool: Path, now: float) -> None:
    """Remove claims of grants that expired long ago; ``now`` is in Unix seconds."""
    directory = spool / _DIRECTORY
    if not directory.exists():
        return
    for path in directory.iterdir():
        if path.stat().st_mtime < now - KEPT_SECONDS:
            path.unlink()
