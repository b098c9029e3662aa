"""Where notifications go: names and URLs, out of a directory that a Secret is mounted at.

A URL holds tokens and passwords. It is kept where no log, error, metric or repr can take it from.
"""

import re
from pathlib import Path
from typing import Final

from sidecar.contract.errors import ConfigurationError

MOST: Final = 32
"""Receivers there can be; each has a thread."""
_MOST_BYTES: Final = 16 * 1024
_NAME: Final = re.compile(r"[a-zA-Z0-9]([-._a-zA-Z0-9]{0,62})")


class Url:
    """An Apprise URL."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Give it, for the service alone."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Url) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "Url(…)"


def read_receivers(directory: Path) -> dict[str, Url]:
    """Give receivers' URLs by name; none when there is no such directory. Raises ConfigurationError.

    Every key of the Secret is a receiver's name, and its value one URL. What Kubernetes itself puts there
    begins with a dot.
    """
    found: dict[str, Url] = {}
    try:
        files = sorted(
            path for path in directory.iterdir() if not path.name.startswith(".") and path.is_file()
        )
        for path in files[:MOST]:
            found[_checked(path.name)] = Url(_one_line(path))
    except FileNotFoundError:
        return found
    except OSError as error:
        raise ConfigurationError(
            f"the receivers of notifications cannot be read ({type(error).__name__})"
        ) from None
    if len(files) > MOST:
        raise ConfigurationError(
            f"there are {len(files)} receivers of notifications, and at most {MOST} can be"
        )
    return found


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{name!r} is not the name of a receiver: letters, digits, dots and dashes are"
        )
    return name


def _one_line(path: Path) -> str:
    try:
        text = path.read_bytes()[:_MOST_BYTES].decode().strip()
    except UnicodeDecodeError:
        text = ""
    if not text or not text.isprintable():
        raise ConfigurationError(f"receiver {path.name} must hold one URL on one line, and nothing else")
    return text
