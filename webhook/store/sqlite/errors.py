"""SQLite's errors in words that name the file and the fix."""

import sqlite3
from pathlib import Path

from webhook.store.contract import StoreError

_ADVICE = {
    sqlite3.SQLITE_FULL: "the disk is full: free space or enlarge the volume",
    sqlite3.SQLITE_READONLY: "it cannot be written: check the volume's mount and the file's owner",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened: check that its folder exists and may be written",
    sqlite3.SQLITE_PERM: "access is denied: check the file's owner and mode",
    sqlite3.SQLITE_CORRUPT: "it is damaged: stop the collector and restore the last backup",
    sqlite3.SQLITE_NOTADB: "it is not a SQLite database: point the store to another file",
    sqlite3.SQLITE_BUSY: "another process holds it: only one collector may use this store",
    sqlite3.SQLITE_IOERR: "reading or writing the disk failed: check the volume",
    sqlite3.SQLITE_TOOBIG: "a value is larger than it can hold",
}


def store_error(path: Path, error: sqlite3.Error | OverflowError) -> StoreError:
    """Give the StoreError for a failure; its text holds none of the stored values."""
    if isinstance(error, OverflowError):
        return StoreError(f"store {path}: a number does not fit into 64 bits")
    if not hasattr(error, "sqlite_errorcode"):
        return StoreError(f"store {path}: it is closed, or a kept value is damaged ({type(error).__name__})")
    advice = _ADVICE.get(error.sqlite_errorcode & 0xFF, "SQLite refused")
    return StoreError(f"store {path}: {advice} ({error.sqlite_errorname})")
