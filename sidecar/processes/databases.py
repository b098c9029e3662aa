"""Where a recorder's image keeps the compiled databases of the masking engine: in a file beside the engine.

The image's build runs ``python -m sidecar.processes.databases``. A file of other sources or of another kind
of machine is not used; without one the databases are compiled when the first session starts.
"""

# pathlib would cost a megabyte where the engine's memory is measured
# ruff: noqa: PTH118, PTH120, PTH123
import os.path
from importlib.util import source_hash
from typing import Final

from sidecar import masking
from sidecar.masking.databases import Compiled, compile_all, dump, load

_ENGINE: Final = os.path.dirname(masking.__file__)
FILE: Final = os.path.join(_ENGINE, "compiled.hsdb")
SOURCES: Final = (
    *("alphabets.py", "card_table.py", "cards.py", "databases.py", "dumps.py", "gaps.py"),
    *("hyperscan_safe.py", "model.py", "patterns.py", "sad_table.py", "scripts.py"),
)
"""Modules of the engine that the databases are made from, and made by."""
_HEAD: Final = 16


def kept(file: str = FILE) -> Compiled:
    """Give the databases in ``file`` where they are those of this engine, else the same compiled."""
    content = _read(file) or b""
    body = memoryview(content)[_HEAD:]
    loaded = load(body) if body and content[:_HEAD] == _head(body) else None
    return loaded if loaded is not None else compile_all()


def keep(file: str = FILE) -> None:
    """Compile the databases into ``file``."""
    body = dump(compile_all())
    with open(file, "wb") as opened:
        opened.write(_head(body) + body)


def fingerprint() -> bytes:
    """Give eight bytes that change with the sources of the databases' expressions."""
    contents = (_read(os.path.join(_ENGINE, name)) for name in SOURCES)
    return source_hash(b"".join(source_hash(content or b"") for content in contents))


def _head(body: bytes | memoryview) -> bytes:
    """Give what the file was made from, and a checksum of what it holds."""
    # Python's own hash of sources: another library for a checksum would cost memory.
    return fingerprint() + source_hash(body)


def _read(file: str) -> bytes | None:
    """Give what ``file`` holds; None if there is none."""
    try:
        with open(file, "rb") as opened:
            return opened.read()
    except FileNotFoundError:
        return None


if __name__ == "__main__":
    keep()
