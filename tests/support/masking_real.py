"""Real text that every machine has on which the tests run: this repository, Python, its packages, programs.

Nothing is fetched and nothing depends on a clock. Another machine or commit has other text, which is meant:
whatever it holds, engine and reference must agree.
"""

from __future__ import annotations

import importlib.metadata
import io
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from masking_inputs import NUMBERS, SEPARATORS, by_thousands, grouped, scattered_by

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = Path(sysconfig.get_path("stdlib"))
TEXT = frozenset(
    {
        ".py",
        ".pyi",
        ".md",
        ".txt",
        ".json",
        ".html",
        ".css",
        ".js",
        ".yaml",
        ".c",
        ".h",
        ".po",
        ".pem",
        ".csv",
    }
)
MOST_OF_A_FILE = 20_000
SPACING = 1_500
"""Bytes between two planted numbers, about."""


class Planted(NamedTuple):
    """Text with test numbers in it."""

    data: bytes
    alone: tuple[tuple[int, int], ...]
    """Where numbers stand on lines of their own, plain or in the groups of their brand."""


def real_text(name: str, size: int) -> bytes:
    """At most ``size`` bytes of one of ``KINDS``."""
    return KINDS[name](size)[:size]


def planted(data: bytes, rng: Random) -> Planted:
    """``data`` with test numbers at random places, every second of them on a line of its own.

    The others are written in any way that the reference reads, and may stand in a word or another number.
    """
    places = sorted(rng.randrange(len(data)) for _ in range(len(data) // SPACING + 1))
    out = bytearray()
    alone: list[tuple[int, int]] = []
    for count, (low, high) in enumerate(zip([0, *places], [*places, len(data)], strict=True)):
        out += data[low:high]
        number = rng.choice(NUMBERS)
        if high < len(data) and count % 2:
            written = rng.choice((number, grouped(number, b" "), grouped(number, b"-")))
            out += b"\n\n"
            alone.append((len(out), len(out) + len(written)))
            out += written + b"\n\n"
        elif high < len(data):
            out += _written(number, rng)
    return Planted(bytes(out), tuple(alone))


def _written(number: bytes, rng: Random) -> bytes:
    gap = rng.choice(SEPARATORS)
    return rng.choice((number, grouped(number, gap), by_thousands(number, gap), scattered_by(number, rng)))


def cut(data: bytes, rng: Random) -> Iterable[bytes]:
    """``data`` in pieces of any size, most of them small and some large."""
    at = 0
    while at < len(data):
        size = rng.choice((1, 2, 7, rng.randrange(1, 60), rng.randrange(1, 1_100), rng.randrange(1, 40_000)))
        yield data[at : at + size]
        at += size


def _joined(files: Iterable[Path], size: int) -> bytes:
    """The beginnings of ``files``, in an order that is always the same, until there is enough."""
    chosen = sorted(files)
    Random(len(chosen)).shuffle(chosen)
    out = bytearray()
    for file in chosen:
        if len(out) >= size:
            break
        with file.open("rb") as opened:
            out += opened.read(MOST_OF_A_FILE)
    return bytes(out)


def _repository(size: int) -> bytes:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    files = [ROOT / name.decode() for name in listed.split(b"\0") if name]
    return _joined((file for file in files if file.is_file()), size)


def _files_of_packages(suffixes: frozenset[str] | None) -> list[Path]:
    """Files of installed packages, with ``suffixes`` or, for None, with nothing but licences and records."""
    files = [file for found in importlib.metadata.distributions() for file in found.files or ()]
    papers = ("LICEN", "COPYING", "NOTICE", "AUTHORS", "METADATA", "RECORD")
    chosen = [
        file
        for file in files
        if (file.suffix in suffixes if suffixes is not None else file.name.upper().startswith(papers))
    ]
    return [Path(str(file.locate())) for file in chosen if Path(str(file.locate())).is_file()]


def _tar(size: int) -> bytes:
    """Licences, records and sources in a tar, each with its header of octal numbers."""
    out = io.BytesIO()
    files = sorted(_files_of_packages(None))
    Random(7).shuffle(files)
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for file in files:
            if out.tell() >= size:
                break
            archive.add(file, file.name)
    return out.getvalue()


def _printed(*command: str | Path) -> Callable[[int], bytes]:
    """What a program prints."""
    return lambda _: subprocess.run([*map(str, command)], cwd=ROOT, capture_output=True, check=True).stdout


KINDS: dict[str, Callable[[int], bytes]] = {
    "repository": _repository,
    "licences and records": lambda size: _joined(_files_of_packages(None), size),
    "sources and data": lambda size: _joined(_files_of_packages(TEXT), size),
    "tar": _tar,
    "ls --color": _printed("ls", "-lR", "--color=always", "--time-style=full-iso", LIBRARY),
    "git log --color": _printed("git", "log", "-60", "-p", "--stat", "--color=always"),
    "grep --color": _printed(
        "grep", "-rnE", "--include=*.py", "--color=always", "[0-9]{2,}", LIBRARY / "encodings"
    ),
    "JSON of ruff": _printed(sys.executable, "-m", "ruff", "rule", "--all", "--output-format", "json"),
    "tokens": _printed(sys.executable, "-m", "tokenize", LIBRARY / "_pydecimal.py"),
    "byte code": _printed(sys.executable, "-m", "dis", LIBRARY / "_pydecimal.py"),
}
