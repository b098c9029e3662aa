"""What the kubelet makes of a command line: ``$(NAME)`` becomes a variable's value, ``$$`` a dollar sign.

Source: https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables
and k8s.io/kubernetes/third_party/forked/golang/expansion, whose answers the tests hold.
"""

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from webhook.admission.pods import Container

_PART: Final = re.compile(r"\$\$|\$\([^)]*\)|\$(?=[^\x00-\x7f])")
"""An escaped dollar sign; a reference; a dollar sign before a letter that old kubelets read byte by byte."""
_PART_WITHOUT_END: Final = re.compile(r"\$\$|\$(?=[^\x00-\x7f])")
"""The same where no parenthesis closes any more: looking for one from each ``$(`` on would take n² steps."""
_CHANGED: Final = re.compile(r"\$[$(]|\$(?=[^\x00-\x7f])")
_FROM_OUTSIDE: Final = re.compile(r"[A-Z0-9_]+")
"""Names of variables that come from Services and devices, and of which the manifest says nothing."""
_MOST_FILLED_IN: Final = 2 * 1024 * 1024
"""Letters that variables bring into a line: more than execve(2) takes, so that none with more runs."""


class Line(msgspec.Struct, frozen=True):
    """A command line as it will run."""

    words: tuple[str, ...]
    unknown: tuple[int, ...] = ()
    """Which of the words nobody knows before the kubelet has filled them in; they are here as written."""

    @property
    def encoded(self) -> tuple[bytes, ...]:
        """The words as execve(2) gets them."""
        return tuple(word.encode("utf-8", "replace") for word in self.words)


class _UnknownError(Exception):
    """A variable whose value the manifest does not say."""


def is_filled_in(line: Iterable[str]) -> bool:
    """Tell whether the kubelet may change a command line."""
    return any(_CHANGED.search(word) for word in line)


def line_of(container: Container) -> Line:
    """Give the command line of a container's own program as it will run."""
    variables = _Variables(container)
    written = container.line
    filled = [variables.filled_into(word) for word in written]
    return Line(
        tuple(word if known is None else known for word, known in zip(written, filled, strict=True)),
        tuple(index for index, known in enumerate(filled) if known is None),
    )


class _Variables:
    """What the manifest says of a container's variables."""

    def __init__(self, container: Container) -> None:
        """Of several of one name the last counts."""
        self._named = {variable.name: variable for variable in container.env or ()}
        self._has_more = bool(container.env_from)
        self._left = _MOST_FILLED_IN

    def filled_into(self, word: str) -> str | None:
        """Give a word filled in; None where the manifest does not say what comes of it."""
        end = word.rfind(")") + 1
        try:
            return _PART.sub(self._filled, word[:end]) + _PART_WITHOUT_END.sub(self._filled, word[end:])
        except _UnknownError:
            return None

    def _filled(self, part: re.Match[str]) -> str:
        written = part[0]
        if written == "$$":
            return "$"
        if written == "$":
            raise _UnknownError
        value = self._value(written[2:-1], written)
        self._left -= len(value)
        if self._left < 0:
            raise _UnknownError
        return value

    def _value(self, name: str, written: str) -> str:
        """Give what comes of a reference; one to a variable that is not there stays as it is written."""
        variable = self._named.get(name)
        if variable is None:
            if self._has_more or _FROM_OUTSIDE.fullmatch(name):
                raise _UnknownError
            return written
        if variable.value_from is not None or "$" in variable.value:
            raise _UnknownError
        return variable.value
