"""Connections to the file: one for writing, behind a lock, and a pool for reading."""

import os
import sqlite3
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from webhook.store.contract import StoreError
from webhook.store.sqlite.errors import store_error
from webhook.store.sqlite.functions import add_functions
from webhook.store.sqlite.schema import APPLICATION_ID, MIGRATIONS

_T = TypeVar("_T")
BUSY_SECONDS = 10.0
CHECKPOINT_PAGES = 4000
WAL_BYTES_KEPT = 64 * 1024 * 1024
CACHE_KIB = 8 * 1024
PAGES_AT_ONCE = 2000
"""Pages that are given back while other writers wait."""
INCREMENTAL = 2
"""https://sqlite.org/pragma.html#pragma_auto_vacuum"""
PAGE_BYTES = 8192
"""Packed passages of about 2.5 KB fill pages of 4096 badly, frames of about 20 KB those of 16384."""


class Connections:
    """Opens, lends and closes connections; turns SQLite's errors into StoreError. Safe for threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._writer: sqlite3.Connection | None = None
        self._idle: list[sqlite3.Connection] = []
        self._closed = False

    def prepare(self) -> None:
        """Create the file (mode 0600) or migrate it. Raises StoreError."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise StoreError(f"store {self.path}: it cannot be opened: {error.strerror}") from None
        with self.writing() as connection:
            _migrate(connection, self.path)
        self._let_shrink()

    @contextmanager
    def writing(self) -> Generator[sqlite3.Connection]:
        """Lend the writer inside a transaction that is durable when the block ends without an error."""
        with self._writing:
            connection = self._taken_writer()
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except (sqlite3.Error, OverflowError) as error:
                self._drop_writer()
                raise store_error(self.path, error) from None
            except BaseException:
                self._roll_back(connection)
                raise

    @contextmanager
    def reading(self) -> Generator[sqlite3.Connection]:
        """Lend a reader that sees one state of the store throughout the block."""
        connection: sqlite3.Connection | None = None
        try:
            connection = self._taken_reader()
            connection.execute("BEGIN")
            yield connection
            connection.execute("COMMIT")
        except (sqlite3.Error, OverflowError) as error:
            raise store_error(self.path, error) from None
        finally:
            if connection is not None:
                self._give_back(connection)

    def give_back_space(self) -> None:
        """Give pages that are free back to the file system, some at a time. Raises StoreError."""
        left = 1
        while left:
            with self._writing:
                left = self._alone(_give_back_pages)
        with self._writing:
            self._alone(lambda writer: writer.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall())

    def _let_shrink(self) -> None:
        """Write the file anew if it is from a version that could not give space back."""
        with self._writing:
            self._alone(_make_incremental)

    def _alone(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Do what cannot be done in a transaction."""
        connection = self._taken_writer()
        try:
            return work(connection)
        except sqlite3.Error as error:
            self._drop_writer()
            raise store_error(self.path, error) from None

    def close(self) -> None:
        """Close every connection; ones on loan are closed when they come back."""
        with self._writing, self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            writer, self._writer = self._writer, None
        for connection in [*idle, *([writer] if writer else [])]:
            connection.close()

    def _taken_writer(self) -> sqlite3.Connection:
        if self._writer is None:
            self._writer = self._open(read_only=False)
        return self._writer

    def _drop_writer(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            with suppress(sqlite3.Error):
                writer.close()

    def _roll_back(self, connection: sqlite3.Connection) -> None:
        try:
            connection.execute("ROLLBACK")
        except sqlite3.Error:
            self._drop_writer()

    def _taken_reader(self) -> sqlite3.Connection:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return self._open(read_only=True)

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            if not self._closed and not connection.in_transaction:
                self._idle.append(connection)
                return
        connection.close()

    def _open(self, *, read_only: bool) -> sqlite3.Connection:
        if self._closed:
            raise StoreError(f"store {self.path}: it is closed")
        try:
            connection = sqlite3.connect(
                f"{self.path.absolute().as_uri()}?mode=rw",
                uri=True,
                timeout=BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
            try:
                _set_up(connection, self.path, read_only=read_only)
            except BaseException:
                connection.close()
                raise
        except sqlite3.Error as error:
            raise store_error(self.path, error) from None
        return connection


def _set_up(connection: sqlite3.Connection, path: Path, *, read_only: bool) -> None:
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    if read_only:
        connection.execute("PRAGMA query_only = ON")
        return
    add_functions(connection)
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise StoreError(f"store {path}: its file system cannot hold a write-ahead log; use a local volume")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA secure_delete = FAST")
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES_KEPT}")


def _make_incremental(connection: sqlite3.Connection) -> None:
    (mode,) = connection.execute("PRAGMA auto_vacuum").fetchone()
    if mode != INCREMENTAL:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("VACUUM")


def _give_back_pages(connection: sqlite3.Connection) -> int:
    """Give some free pages back, and how many are left."""
    connection.execute(f"PRAGMA incremental_vacuum({PAGES_AT_ONCE})").fetchall()
    (left,) = connection.execute("PRAGMA freelist_count").fetchone()
    return left


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables and application != APPLICATION_ID:
        raise StoreError(f"store {path}: it belongs to another program: point the store to another file")
    if version > len(MIGRATIONS):
        raise StoreError(f"store {path}: it was made by a newer version (schema {version}): update Chaperone")
    for statements in MIGRATIONS[version:]:
        for statement in statements:
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
