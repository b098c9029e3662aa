"""The only place that touches Hyperscan, made safe.

python-hyperscan keeps borrowed references to callbacks, contexts and databases, frees a database's scratch
together with the database, and its streams crash when they are closed twice, asked for their size or used
late. So: databases are scanned in block mode and no stream object exists; a scanner holds its database, has a
scratch of its own and belongs to one thread; the callback is one that is kept and only appends; and every
error of the library becomes a ``BugError`` that says nothing about the data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.contract.errors import BugError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import hyperscan

    from sidecar.masking.patterns import Trigger

Hit = tuple[int, int]
"""Number of the expression, and the offset after the match."""


def compile_database(triggers: Sequence[Trigger]) -> hyperscan.Database:
    """A block-mode database; expressions that only open a sieve report once per scan."""
    import hyperscan  # noqa: PLC0415  heavy: only what masks loads it

    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    flags = [
        hyperscan.HS_FLAG_DOTALL
        | (hyperscan.HS_FLAG_CASELESS if trigger.caseless else 0)
        | (hyperscan.HS_FLAG_SINGLEMATCH if trigger.span == 0 else 0)
        for trigger in triggers
    ]
    expressions = [trigger.expression for trigger in triggers]
    numbers = list(range(len(triggers)))
    try:
        database.compile(expressions=expressions, ids=numbers, elements=len(numbers), flags=flags)
    except hyperscan.error as error:
        raise BugError(f"Hyperscan refused the masking patterns ({type(error).__name__})") from None
    return database


def serialise(database: hyperscan.Database) -> bytes:
    """``database`` as bytes that ``restore`` accepts on a machine of the same kind."""
    import hyperscan  # noqa: PLC0415

    try:
        return hyperscan.dumpb(database)
    except hyperscan.error as error:
        raise _failed("cannot serialise a database", error) from None


def restore(data: bytes) -> hyperscan.Database | None:
    """The database in ``data``, or None if it was made for another kind of machine or version."""
    import hyperscan  # noqa: PLC0415

    try:
        return hyperscan.loadb(data, hyperscan.HS_MODE_BLOCK)
    except hyperscan.error:
        return None


def _failed(what: str, error: Exception) -> BugError:
    """The error to raise instead of the library's, which may name data."""
    return BugError(f"Hyperscan {what} ({type(error).__name__})")


class Scanner:
    """Scans whole buffers with one database. Not to be shared between threads."""

    def __init__(self, database: hyperscan.Database) -> None:
        import hyperscan  # noqa: PLC0415

        self._database = database
        self._error = hyperscan.error
        try:
            self._scratch = hyperscan.Scratch(database)
        except hyperscan.error as error:
            raise _failed("has no room to scan", error) from None
        self._hits: list[Hit] = []
        self._collect = self._collector()

    def _collector(self) -> Callable[[int, int, int, int, object], None]:
        append = self._hits.append

        def collect(number: int, _start: int, end: int, _flags: int, _context: object) -> None:
            append((number, end))

        return collect

    def hits(self, data: bytes) -> list[Hit]:
        """What matches in ``data``, by ascending end. The list is good until the next call."""
        found = self._hits
        found.clear()
        try:
            self._database.scan(data, self._collect, 0, None, self._scratch)
        except self._error as error:
            raise _failed("failed", error) from None
        return found
