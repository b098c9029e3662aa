"""Where in a document something stands: by line in a file, by path in an object of the cluster."""

import re
from collections.abc import Mapping
from typing import Final

Step = str | int
Path = tuple[Step, ...]
_STEP: Final = re.compile(r"\.(\w+)|\[(\d+)\]")
_UNKNOWN: Final = re.compile(r"unknown field `([^`]*)`")


class Place:
    """A document's name and the lines of its parts; none for an object."""

    def __init__(self, name: str, lines: Mapping[Path, int] | None = None) -> None:
        self._name = name
        self._lines = lines or {}

    def at(self, path: Path) -> str:
        """Give ``file:line: field`` or ``object: field`` for a part, or the nearest that has a line."""
        line = next(
            (
                self._lines[path[:length]]
                for length in range(len(path), -1, -1)
                if path[:length] in self._lines
            ),
            None,
        )
        where = self._name if line is None else f"{self._name}:{line}"
        return f"{where}: {dotted(path)}" if path else where

    def of(self, message: str) -> str:
        """Give the place that an error of msgspec is about, from its ``$.path`` and field."""
        _, _, tail = message.partition(" - at `$")
        path: Path = tuple(
            int(index) if index else name for name, index in _STEP.findall(tail.partition("[...]")[0])
        )
        unknown = _UNKNOWN.search(message)
        return self.at((*path, unknown[1]) if unknown else path)


def dotted(path: Path) -> str:
    """Give a path as in ``spec.rules[0].match``."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")
