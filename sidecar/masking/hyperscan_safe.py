"""The only place that touches Hyperscan, made safe.

python-hyperscan keeps borrowed references to callbacks, contexts and databases, frees a database's scratch
with it, and its streams crash when they are closed twice or used late. So: databases are scanned in block
mode only (no stream objects exist), a database lives as long as its scanner, each scanner has a scratch of
its own and belongs to one thread, the callback is one that is kept and only appends, and every error of the
library becomes a ``BugError`` without the data it was about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.contract.errors import BugError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import hyperscan


def compile_database(expressions: Sequence[bytes], flags: Sequence[int] | None = None) -> hyperscan.Database:
    """A block-mode database of ``expressions``, numbered in order, where ``.`` matches newlines."""
    import hyperscan  # noqa: PLC0415  heavy: only what masks loads it

    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    chosen = list(flags) if flags is not None else [hyperscan.HS_FLAG_DOTALL] * len(expressions)
    try:
        database.compile(
            expressions=list(expressions),
            ids=list(range(len(expressions))),
            elements=len(expressions),
            flags=chosen,
        )
    except hyperscan.error as error:
        raise BugError(f"Hyperscan refused the masking patterns ({type(error).__name__})") from None
    return database


class Scanner:
    """Scans whole buffers with one database. Not to be shared between threads."""

    def __init__(self, database: hyperscan.Database) -> None:
        import hyperscan  # noqa: PLC0415

        self._database = database
        self._scratch = hyperscan.Scratch(database)
        self._error = hyperscan.error
        self._ends: list[int] = []
        self._collect = self._collector()

    def _collector(self) -> Callable[[int, int, int, int, object], None]:
        append = self._ends.append

        def collect(_number: int, _start: int, end: int, _flags: int, _context: object) -> None:
            append(end)

        return collect

    def ends(self, data: bytes) -> list[int]:
        """Where matches end in ``data``, ascending. The list is good until the next call."""
        found = self._ends
        found.clear()
        try:
            self._database.scan(data, self._collect, 0, None, self._scratch)
        except self._error as error:
            raise BugError(f"Hyperscan failed ({type(error).__name__})") from None
        return found
