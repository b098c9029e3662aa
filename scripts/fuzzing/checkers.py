"""Where stories are told: in plain Python, under atheris, valgrind's memory checker, or gcc's sanitizers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from fuzzing import sanitized

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]
ATHERIS = "atheris==3.0.0"
# Reading behind the end of what is given is what vectorised code does on purpose with undefined values; reads
# and writes outside of any block, and blocks freed twice, are what is looked for.
VALGRIND = (
    "valgrind",
    "--quiet",
    "--undef-value-errors=no",
    "--error-exitcode=9",
    "--exit-on-first-error=yes",
)


class Checker(Enum):
    """What watches while stories are told."""

    NONE = "none"
    ATHERIS = "atheris"
    VALGRIND = "valgrind"
    SANITIZERS = "sanitizers"


def run(checker: Checker, arguments: Sequence[str]) -> int:
    """Tell stories as ``arguments`` say; give the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        return _run(checker, arguments, Path(folder))


def _run(checker: Checker, arguments: Sequence[str], folder: Path) -> int:
    known = [str(ROOT / "scripts"), str(ROOT / "tests/support"), str(ROOT)]
    environment = dict(os.environ)
    if checker is Checker.ATHERIS:
        command = [str(_atheris()), "-m", "fuzzing.guided"]
        known += [path for path in sys.path if path.endswith("site-packages")]
    elif checker is Checker.VALGRIND:
        if shutil.which("valgrind") is None:
            sys.exit("scripts/fuzz: no valgrind; on Debian: apt-get install valgrind")
        command = [*VALGRIND, sys.executable, "-m", "fuzzing.plain"]
        environment["PYTHONMALLOC"] = "malloc"
    elif checker is Checker.SANITIZERS:
        command = [sys.executable, "-m", "fuzzing.sanitized"]
        environment |= sanitized.build(folder)
    else:
        command = [sys.executable, "-m", "fuzzing.plain"]
    environment["PYTHONPATH"] = os.pathsep.join(known)
    return subprocess.run([*command, *arguments], env=environment, check=False).returncode


def _atheris() -> Path:
    """An interpreter that has atheris, in a cache of its own, made on the first call."""
    cache = Path(os.environ.get("CHAPERONE_CACHE", Path.home() / ".cache/chaperone")) / "atheris"
    python = cache / "bin/python"
    wanted = cache / ATHERIS
    if not wanted.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(cache)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", ATHERIS], check=True)
        wanted.touch()
    return python
