"""The values of the masking engine: what is asked of it and what it reports."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

FIRST, LAST = 6, 4
"""Digits of a card number that stay visible, at its beginning and its end (PCI DSS 3.4.1)."""
MASKED = f"{FIRST}/{LAST}"
REMOVED = "0/0"
"""What stays visible, as findings and readings tell it (``shown``)."""


class Profile(Enum):
    """How wide the net is.

    STRICT accepts numbers of 12 to 19 digits, and the brands that do not always use the check digit without
    it. MODERN accepts 14 to 19 digits, and every brand only with its check digit.
    """

    STRICT = "strict"
    MODERN = "modern"


class Finding(NamedTuple):
    """One thing that was masked. Never holds a digit of it.

    ``offset`` and ``length`` are bytes in the channel's input (and in its output, which has the same
    length); ``shown`` says what stays visible, as ``first/last`` digits: ``MASKED`` for card numbers,
    ``REMOVED`` for what is removed whole.
    """

    rule: str
    brand: str
    offset: int
    length: int
    shown: str


class Reading(NamedTuple):
    """One valid reading of a stretch of a buffer: ``start`` to ``end``, and the bytes it hides.

    ``hidden`` holds (start, end) pairs, each of whole stars long; positions are relative to the buffer that
    was read. A reading that is not ``complete`` hides what it says and may grow. ``again`` are places outside
    the number that show it once more, one byte for a digit.
    """

    rule: str
    brand: str
    start: int
    end: int
    hidden: tuple[tuple[int, int], ...]
    shown: str
    star: bytes = b"*"
    complete: bool = True
    again: tuple[tuple[int, int], ...] = ()
