"""Words with ``*`` and ``?``, matched in time that grows with the word alone.

A translated glob is a sequence of atomic groups (``(?>.*?part)``): the earliest place for a part is always a
right one, so nothing is tried twice.
"""

import re
from typing import Final

_WILD: Final = re.compile(r"[*?]")


class Glob:
    """One word; ``*`` stands for any characters, ``?`` for one."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.literal = text if not _WILD.search(text) else None
        """The word itself, when it has no wildcards."""
        self._match = re.compile(_translate(text), re.DOTALL).fullmatch

    def fits(self, word: str) -> bool:
        """Tell whether a word is one of those meant."""
        return word == self.literal if self.literal is not None else self._match(word) is not None


def _translate(text: str) -> str:
    first, *rest = [_part(part) for part in text.split("*")]
    if not rest:
        return first
    *middle, last = rest
    return first + "".join(f"(?>.*?{part})" for part in middle if part) + f".*{last}"


def _part(text: str) -> str:
    return "".join("." if character == "?" else re.escape(character) for character in text)
