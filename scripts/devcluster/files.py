"""Small file helpers: atomic writes, locks, folder digests."""

import fcntl
import hashlib
import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


def write_atomically(path: Path, text: str, mode: int = 0o644) -> bool:
    """Replace a file so that a reader sees the old or the new text; True when it changed."""
    try:
        if path.read_text() == text:
            return False
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
    partial.replace(path)
    return True


@contextmanager
def locked(path: Path, waiting: Callable[[], None] | None = None) -> Generator[None]:
    """Hold an exclusive lock on a file; the kernel drops it when the process dies.

    `waiting` is called once where somebody else holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waiting is not None:
                waiting()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def digest_of(parts: Iterable[bytes]) -> str:
    """Short digest over parts; where one part ends matters."""
    total = hashlib.sha256()
    for part in parts:
        total.update(len(part).to_bytes(8, "big") + part)
    return total.hexdigest()[:16]


def digest_tree(roots: Iterable[Path], ignored: frozenset[str] = frozenset({"__pycache__"})) -> str:
    """Digest over names, execute bits and contents of files and folders."""

    def parts() -> Iterator[bytes]:
        for root in roots:
            found = sorted(root.rglob("*")) if root.is_dir() else [root]
            for path in found:
                if path.is_file() and not ignored.intersection(path.parts):
                    yield str(path.relative_to(root.parent)).encode()
                    yield b"x" if os.access(path, os.X_OK) else b"-"
                    yield path.read_bytes()

    return digest_of(parts())
