"""Records that the collector refuses: kept beside the others, within bounds, for whoever investigates."""

import os
from pathlib import Path
from typing import Final

from sidecar.shipping.layout import SESSIONS, claim, is_refused, mark_refused, remove
from sidecar.shipping.notices import NoticeSpool
from sidecar.shipping.spool import directory_bytes

QUARANTINE_BYTES: Final = 4 * 1024 * 1024
"""Most bytes of refused records kept once their sessions are over; they count towards the spool's limit."""


def quarantine(directory: Path, reason: str) -> None:
    """Set a session's record apart and delete the oldest refused ones beyond the bound."""
    mark_refused(directory, reason)
    kept = 0
    for refused in sorted(directory.parent.iterdir(), reverse=True):
        if is_refused(refused) and _is_over(refused):
            kept += directory_bytes(refused)
            if kept > QUARANTINE_BYTES:
                remove(refused)


def anything_to_ship(root: Path) -> bool:
    """Tell whether a spool holds a notice, or a session that is not refused."""
    sessions = root / SESSIONS
    if sessions.exists() and not all(is_refused(directory) for directory in sessions.iterdir()):
        return True
    return bool(NoticeSpool(root).names())


def _is_over(directory: Path) -> bool:
    lock = claim(directory)
    if lock is None:
        return False
    os.close(lock)
    return True
