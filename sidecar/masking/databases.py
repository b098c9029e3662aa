"""The compiled Hyperscan databases: loaded from a file beside this module, or compiled where there is none.

Compiling takes a noticeable part of a second, loading a few milliseconds, so image builds run
``python -m sidecar.masking.databases``. A file of other sources or of another kind of machine is not used.
"""

from __future__ import annotations

import marshal
import os.path
from functools import lru_cache
from importlib.util import source_hash
from typing import TYPE_CHECKING, NamedTuple, cast

from sidecar.masking.hyperscan_safe import compile_database, restore, serialise
from sidecar.masking.patterns import Route, Sieve, triggers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import hyperscan

COMPILED = "compiled.hsdb"
_SOURCES = (
    *("alphabets.py", "card_table.py", "cards.py", "dumps.py", "patterns.py", "sad.py", "sad_table.py"),
    "scripts.py",
)
_Stored = tuple[dict[str, bytes], dict[str, list[tuple[str, bool, int]]]]


class Compiled(NamedTuple):
    """One database for each sieve, and where the hits of each of its expressions lead."""

    databases: Mapping[Sieve, hyperscan.Database]
    routes: Mapping[Sieve, Sequence[Route]]


def fingerprint() -> bytes:
    """Changes with the sources of the expressions."""
    return source_hash(b"".join(source_hash(_read(name) or b"") for name in _SOURCES))


@lru_cache(maxsize=1)
def compiled() -> Compiled:
    """The databases of this process, made on the first call and never freed."""
    content = _read(COMPILED)
    loaded = load(content) if content is not None else None
    return loaded if loaded is not None else compile_all()


def _path(name: str) -> str:
    return os.path.join(os.path.dirname(__file__), name)  # noqa: PTH118, PTH120  pathlib costs a megabyte


def _read(name: str) -> bytes | None:
    """A file beside this module; None if there is none."""
    try:
        with open(_path(name), "rb") as file:  # noqa: PTH123  see above
            return file.read()
    except FileNotFoundError:
        return None


def compile_all() -> Compiled:
    """Every database, from its expressions."""
    known = {sieve: triggers(sieve) for sieve in Sieve}
    databases = {sieve: compile_database(wanted) for sieve, wanted in known.items()}
    routes = {sieve: [(wanted.reader, wanted.span) for wanted in known[sieve]] for sieve in Sieve}
    return Compiled(databases, routes)


def dump(content: Compiled) -> bytes:
    """``content`` as a file that ``load`` accepts."""
    databases = {sieve.value: serialise(database) for sieve, database in content.databases.items()}
    routes = {
        sieve.value: [
            (reader.value, True, span) if isinstance(reader, Sieve) else (reader, False, span)
            for reader, span in wanted
        ]
        for sieve, wanted in content.routes.items()
    }
    body = marshal.dumps((databases, routes))
    return _head(body) + body


def _head(body: bytes | memoryview) -> bytes:
    """What the file was made from, and a checksum of ``body``."""
    # Python's own hash of sources: another library for a checksum would cost memory.
    return fingerprint() + source_hash(body)


def load(content: bytes) -> Compiled | None:
    """The databases in ``content``, which ``dump`` made; None if damaged, for other sources or machines."""
    head, body = content[:16], memoryview(content)[16:]
    if head != _head(body):
        return None
    # The file is part of the package, as its code is.
    stored, routes = cast("_Stored", marshal.loads(body))  # noqa: S302
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


def main() -> None:
    """Write the file."""
    with open(_path(COMPILED), "wb") as file:  # noqa: PTH123  see above
        file.write(dump(compile_all()))


if __name__ == "__main__":
    main()
