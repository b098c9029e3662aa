"""How wide characters are on a terminal, and how far its tab stops are apart."""

from __future__ import annotations

from unicodedata import category, east_asian_width

TAB = 8
_NONE = frozenset(("Mn", "Me", "Cf"))


def columns(character: bytes) -> int:
    """Columns of one character in UTF-8 as terminals count them (UAX 11): 0, 1 or 2; 1 if it is not valid."""
    if len(character) == 1:
        return 1
    try:
        text = character.decode("utf-8")
    except UnicodeDecodeError:
        return 1
    if category(text) in _NONE:
        return 0
    return 2 if east_asian_width(text) in "WF" else 1
