"""The compiled Hyperscan databases: compiled, or made again from the bytes that an earlier process dumped.

Compiling takes a noticeable part of a second, loading a few milliseconds. Where those bytes are kept is the
caller's: ``sidecar.processes.databases`` for recorders.
"""

from __future__ import annotations

import marshal
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, cast

from sidecar.masking.hyperscan_safe import compile_database, restore, serialise
from sidecar.masking.patterns import Route, Sieve, triggers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import hyperscan

_Stored = tuple[dict[str, bytes], dict[str, list[tuple[str, bool, int]]]]


class Compiled(NamedTuple):
    """One database for each sieve, and where the hits of each of its expressions lead."""

    databases: Mapping[Sieve, hyperscan.Database]
    routes: Mapping[Sieve, Sequence[Route]]


@lru_cache(maxsize=1)
def compiled() -> Compiled:
    """The databases of this process, compiled on the first call and never freed."""
    return compile_all()


def compile_all() -> Compiled:
    """Every database, from its expressions."""
    known = {sieve: triggers(sieve) for sieve in Sieve}
    databases = {sieve: compile_database(wanted) for sieve, wanted in known.items()}
    routes = {sieve: [(wanted.reader, wanted.span) for wanted in known[sieve]] for sieve in Sieve}
    return Compiled(databases, routes)


def dump(content: Compiled) -> bytes:
    """``content`` as bytes that ``load`` accepts."""
    databases = {sieve.value: serialise(database) for sieve, database in content.databases.items()}
    routes = {
        sieve.value: [
            (reader.value, True, span) if isinstance(reader, Sieve) else (reader, False, span)
            for reader, span in wanted
        ]
        for sieve, wanted in content.routes.items()
    }
    return marshal.dumps((databases, routes))


def load(content: bytes | memoryview) -> Compiled | None:
    """The databases in ``content``, which ``dump`` made, to the byte; None if for another kind of machine."""
    # It comes with the package, as its code does.
    stored, routes = cast("_Stored", marshal.loads(content))  # noqa: S302
    databases: dict[Sieve, hyperscan.Database] = {}
    for sieve in Sieve:
        database = restore(stored[sieve.value])
        if database is None:
            return None
        databases[sieve] = database
    return Compiled(
        databases,
        {
            sieve: [(Sieve(name) if is_sieve else name, span) for name, is_sieve, span in routes[sieve.value]]
            for sieve in Sieve
        },
    )
