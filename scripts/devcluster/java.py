"""Finding a Java that fits."""

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from devcluster.errors import PrerequisiteError

FOLDERS = (Path("/usr/lib/jvm"), Path("/opt"), Path("/usr/local"))
"""Where packages and people put Java installations, one folder each."""

_VERSION = re.compile(r'^JAVA_VERSION="(?:1\.)?(\d+)', re.MULTILINE)


@dataclass(frozen=True)
class Java:
    """One installation."""

    home: Path
    major: int

    @property
    def command(self) -> Path:
        return self.home / "bin/java"


def parse_release(text: str) -> int | None:
    """The major version that an installation's `release` file states."""
    match = _VERSION.search(text)
    return int(match[1]) if match else None


def find_java(oldest: int, newest: int, *, purpose: str, environment: Mapping[str, str]) -> Java:
    """The first fitting one of JAVA_HOME, the PATH and the usual folders.

    Raises PrerequisiteError, which says what was found and what to install.
    """
    found = list(installations(environment))
    for java in found:
        if oldest <= java.major <= newest:
            return java
    versions = ", ".join(sorted({str(java.major) for java in found})) or "none"
    raise PrerequisiteError(
        f"{purpose} needs Java {oldest} to {newest} (found: {versions}); install openjdk-21-jre-headless"
        " (Debian 13) or a Temurin build of 21, or set JAVA_HOME"
    )


def installations(environment: Mapping[str, str], folders: tuple[Path, ...] = FOLDERS) -> Iterator[Java]:
    """Every installation that can be seen, the preferred ones first."""
    homes: list[Path] = []
    if "JAVA_HOME" in environment:
        homes.append(Path(environment["JAVA_HOME"]))
    if command := shutil.which("java", path=environment.get("PATH")):
        homes.append(Path(command).resolve().parent.parent)
    for folder in folders:
        homes += sorted(folder.glob("*/"))
    for home in homes:
        if (java := _look(home)) is not None:
            yield java


def _look(home: Path) -> Java | None:
    try:
        major = parse_release((home / "release").read_text())
    except OSError:
        return None
    java = Java(home, major or 0)
    return java if major and os.access(java.command, os.X_OK) else None
