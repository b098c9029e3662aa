"""Card data of chips, as EMV tags hold it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sidecar.masking.model import REMOVED, Reading
from sidecar.masking.patterns import EMV_HEAD, EMV_SPAN
from sidecar.masking.sad import every

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sidecar.masking.cards import CardTable


class Emv:
    """EMV tags 57 and 9F6B (track 2) and 5A (number) with their length, in hex; the whole value goes.

    A length may have ``81`` before it. Between bytes may stand two blanks, as ``hexdump -C`` puts in the
    middle of a row.
    """

    name = "emv"
    _head = re.compile(
        rb"(?=" + EMV_HEAD + rb" {0,2}"
        rb"([1-9][0-9]{11}|[1-9][0-9](?: {1,2}[0-9]{2}){5}|[1-9][0-9]{3}(?: {1,2}[0-9]{4}){2}))"
    )
    _open = re.compile(EMV_HEAD + rb" {0,2}([1-9] {0,2}(?:[0-9A-Fa-f] {0,2}){0,39})\Z")
    _shapes = (
        ("5a", re.compile(rb"([0-9]{12,19})[Ff]*\Z")),
        ("57", re.compile(rb"([0-9]{12,19})[Dd][0-9]{2}(?:0[1-9]|1[0-2])[0-9]{3}[0-9]*[Ff]?\Z")),
    )
    _viable = re.compile(rb"[0-9]{1,19}(?:[Dd][0-9]*)?[Ff]*\Z")

    def __init__(self, table: CardTable) -> None:
        self._table = table

    def read_between(self, buffer: bytes, spans: Iterable[tuple[int, int]], found: list[Reading]) -> None:
        """See ``Detector``."""
        for low, high in spans:
            for match in every(self._head, buffer, low, high):
                self._read(buffer, match, found)

    def _read(self, buffer: bytes, match: re.Match[bytes], found: list[Reading]) -> None:
        head = match[1].replace(b" ", b"")
        count = _length(head)
        spots = _nibbles(buffer, match.start(2), count)
        if len(spots) < count or spots[-1] - match.start() >= EMV_SPAN:
            return
        value = bytes(buffer[spot] for spot in spots)
        name = head[:-2].removesuffix(b"81").decode("ascii").lower()
        for tag, shape in self._shapes:
            fits = shape.match(value) if tag == name or (tag == "57" and name == "9f6b") else None
            brand = self._table.brand(fits[1]) if fits is not None else None
            if brand is not None:
                ranges = tuple((spot, spot + 1) for spot in spots)
                found.append(Reading(f"emv-{name}", brand, spots[0], spots[-1] + 1, ranges, REMOVED))

    def open_from(self, buffer: bytes) -> int:
        """See ``Detector``."""
        size = len(buffer)
        for match in every(self._open, buffer, max(0, size - EMV_SPAN), size):
            head = match[1].replace(b" ", b"")
            value = match[2].replace(b" ", b"")
            if len(value) < _length(head) and self._viable.match(value):
                return match.start(2)
        return size


def _length(head: bytes) -> int:
    """Hex digits of the value, from a tag and its length."""
    return 2 * int(head[-2:], 16)


def _nibbles(buffer: bytes, start: int, count: int) -> list[int]:
    """Where the next ``count`` hex digits are, up to two blanks between them left out."""
    spots: list[int] = []
    at = start
    while len(spots) < count and at < len(buffer):
        byte = buffer[at]
        if byte in b"0123456789abcdefABCDEF":
            spots.append(at)
        elif byte != 0x20 or buffer[at - 2 : at] == b"  ":
            break
        at += 1
    return spots
