"""Words with ``*`` and ``?``, matched in time that grows with the word alone.

A translated glob is a sequence of atomic groups (``(?>.*?part)``): the earliest place for a part is always a
right one, so nothing is tried twice.
"""

import re
from collections.abc import Callable
from typing import Final

_WILD: Final = re.compile(r"[*?]")


class Glob:
    """One word; ``*`` stands for any characters, ``?`` for one."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.literal = text if is_literal(text) else None
        """The word itself, when it has no wildcards."""
        self.fits = text.__eq__ if self.literal is not None else _wild(text)
        """Tells whether a word is one of those meant."""


def is_literal(text: str) -> bool:
    """Tell whether a word has no wildcards."""
    return _WILD.search(text) is None


def _wild(text: str) -> Callable[[str], bool]:
    beginning = text.removesuffix("*")
    if is_literal(beginning):
        return lambda word: word.startswith(beginning)
    match = re.compile(_translate(text), re.DOTALL).fullmatch
    return lambda word: match(word) is not None


def _translate(text: str) -> str:
    first, *rest = [_part(part) for part in text.split("*")]
    if not rest:
        return first
    *middle, last = rest
    return first + "".join(f"(?>.*?{part})" for part in middle if part) + f".*{last}"


def _part(text: str) -> str:
    return "".join("." if character == "?" else re.escape(character) for character in text)
