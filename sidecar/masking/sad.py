"""Sensitive authentication data (PCI DSS 3.3.1): what must not be kept at all is removed whole.

A detector finds all its readings that start in given spans of a buffer, and says from where on bytes must
wait at the end of a buffer. Matches are tried at every position, so what is found never depends on where a
search began.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Iterator

    from sidecar.masking.model import Reading

DIGITS = b"0123456789"
# More than any match of ``every``.
_LONGEST = 256


class Detector(Protocol):
    """One kind of sensitive authentication data."""

    name: str

    def read_between(self, buffer: bytes, spans: Iterable[tuple[int, int]], found: list[Reading]) -> None:
        """Add the readings that start in ``spans``."""
        ...

    def open_from(self, buffer: bytes) -> int:
        """The first byte that must wait at the end of ``buffer``, or its length."""
        ...


def every(pattern: re.Pattern[bytes], buffer: bytes, low: int, high: int) -> Iterator[re.Match[bytes]]:
    """A match at every position of ``buffer[low:high]`` where one starts, overlapping ones too."""
    at = low
    while at < high and (match := pattern.search(buffer, at, high + _LONGEST)) and match.start() < high:
        yield match
        at = match.start() + 1
