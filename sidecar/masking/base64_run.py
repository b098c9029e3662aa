"""One run of base64 characters, read in each of its alignments (RFC 4648, sections 4 and 5).

Where a run begins in a stream says nothing about where the encoded data begins, so four readings are tried. A
wrong one gives bytes that are no text; that twelve of them are digits by chance does not happen.
"""

from __future__ import annotations

import re
from binascii import a2b_base64, b2a_base64
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from sidecar.masking.model import Finding
    from sidecar.masking.stream import Masker

# A run of fewer characters holds no card number.
SHORTEST = 16
# Before this character of a run nothing can be hidden.
FIRST_HIDDEN = 5
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_TO_URL_SAFE = bytes.maketrans(b"+/", b"-_")
# Not text, as far as a masker is to know.
_AS_TEXT = bytes(
    1 if (byte < 32 and byte not in b"\x00\t\r\n") or byte == 127 else byte for byte in range(256)
)
_WORTH_A_LOOK = re.compile(
    rb"(?i:(?:[0-9][^0-9]{0,12}){4}|[\xd9\xdb\xdf\xe0\xe1\xef\xf0][^\x00-\x7f]"
    rb"|cv[vcn]|c[as]v|c[si][cd]|pin|cod|num|val|ver|&#|%3|u00)"
)
_REMEMBERED = 258
# Characters that a finding may reach back.
_REACH = 1024
_MOST_PLACES = 2048


class Change(NamedTuple):
    """A character of the stream that becomes another."""

    offset: int
    character: int


class Alignment:
    """The run decoded from its character ``first`` on."""

    def __init__(self, first: int, new_masker: Callable[[], Masker], *, always: bool) -> None:
        self._first = first
        self._always = always
        self.taken = first
        """Characters of the run that were decoded."""
        self._new_masker = new_masker
        self._masker: Masker | None = None
        self._begin = 0
        self._done = 0
        self._decoded: bytes = b""
        self._masked: bytes = b""

    def take(self, characters: bytes) -> None:
        """Decode groups of four ``characters``; fewer end the run."""
        self.taken += len(characters)
        characters = characters[: len(characters) // 4 * 4 + (0 if len(characters) % 4 == 1 else 3)]
        decoded = a2b_base64(characters + b"A" * (-len(characters) % 4))[: len(characters) * 3 // 4]
        if self._masker is None:
            seen = len(self._decoded)
            self._decoded += decoded
            if not self._always and _WORTH_A_LOOK.search(self._decoded, max(0, seen - 48)) is None:
                self._done += max(0, len(self._decoded) - _REMEMBERED)
                self._decoded = self._decoded[-_REMEMBERED:]
                return
            self._masker = self._new_masker()
            self._begin = self._done
            decoded = self._decoded
        else:
            self._decoded += decoded
        self._masked += self._masker.feed(decoded.translate(_AS_TEXT))

    def end(self) -> None:
        """Nothing follows."""
        if self._masker is not None:
            self._masked += self._masker.close()

    @property
    def settled(self) -> int:
        """Characters of the run about which everything is decided."""
        if self._masker is None:
            return self.taken
        return self._first + (self._done + len(self._masked)) // 3 * 4

    def changes(self, *, ended: bool) -> list[tuple[int, bytes, bytes]]:
        """Groups of the run that change: where they are, what they were and what they become."""
        count = len(self._masked) if ended else len(self._masked) // 3 * 3
        old, new = self._decoded[:count], self._masked[:count]
        text = old.translate(_AS_TEXT)
        found: list[tuple[int, bytes, bytes]] = []
        for at in range(0, count, 3) if text != new else ():
            if text[at : at + 3] != new[at : at + 3]:
                three = zip(old[at : at + 3], text[at : at + 3], new[at : at + 3], strict=True)
                become = bytes(masked if masked != known else was for was, known, masked in three)
                place = self._first + (self._done + at) // 3 * 4
                found.append((place, _encoded(old[at : at + 3]), _encoded(become)))
        if self._masker is not None:
            self._done += count
            self._decoded, self._masked = self._decoded[count:], self._masked[count:]
        return found

    def findings(self) -> list[tuple[int, int, Finding]]:
        """What was found, with its first character and the one behind its last."""
        found = self._masker.take_findings() if self._masker is not None else []
        return [
            (self._character(one.offset), self._character(one.offset + one.length - 1) + 2, one)
            for one in found
        ]

    def _character(self, offset: int) -> int:
        """The character with the first bits of a decoded byte."""
        offset += self._begin
        return self._first + offset // 3 * 4 + offset % 3


def _encoded(data: bytes) -> bytes:
    return b2a_base64(data, newline=False).rstrip(b"=")


class Run:
    """A run that is still going on."""

    def __init__(self, new_masker: Callable[[], Masker], *, always: bool) -> None:
        """With ``always`` every alignment is masked, and not only where digits or the name of a key are."""
        self._alignments = [Alignment(first, new_masker, always=always) for first in range(4)]
        self.column = 0
        """Characters since the last line break."""
        self._total = 0
        self._kept = b""
        self._kept_from = 0
        self._places: list[int] = []
        self._offsets: list[int] = []
        self._url_safe = False

    def add(self, characters: bytes, offset: int) -> None:
        """Go on with ``characters``, which stand at ``offset`` of the stream."""
        self._places.append(self._total)
        self._offsets.append(offset)
        self._total += len(characters)
        self.column += len(characters)
        self._url_safe = self._url_safe or b"-" in characters or b"_" in characters
        self._kept += characters.translate(_URL_SAFE)
        if self._total >= SHORTEST:
            for alignment in self._alignments:
                self._decode(alignment, (self._total - alignment.taken) // 4 * 4)
            self._forget()

    def end(self) -> None:
        """Nothing follows."""
        if self._total >= SHORTEST:
            for alignment in self._alignments:
                self._decode(alignment, self._total - alignment.taken)
                alignment.end()

    def settled(self) -> int | None:
        """Where in the stream the first character is that must wait; None if none must."""
        settled = FIRST_HIDDEN
        if self._total >= SHORTEST:
            settled = min(alignment.settled for alignment in self._alignments)
        return self._offset(settled) if settled < self._total else None

    def changes(self, *, ended: bool) -> list[Change]:
        """What of the stream becomes something else, as far as that is decided."""
        changed: list[Change] = []
        for alignment in self._alignments:
            for place, old, new in alignment.changes(ended=ended):
                written = new.translate(_TO_URL_SAFE) if self._url_safe else new
                changed += [
                    Change(self._offset(place + at), written[at])
                    for at in range(len(old))
                    if old[at] != new[at]
                ]
        return changed

    def findings(self) -> list[Finding]:
        """What was found, by its place in the stream."""
        found: list[Finding] = []
        for alignment in self._alignments:
            for first, behind, one in alignment.findings():
                offset = self._offset(first)
                found.append(one._replace(offset=offset, length=self._offset(behind - 1) + 1 - offset))
        return found

    def _decode(self, alignment: Alignment, count: int) -> None:
        at = alignment.taken - self._kept_from
        if count > 0:
            alignment.take(self._kept[at : at + count])

    def _offset(self, place: int) -> int:
        at = bisect_right(self._places, place) - 1
        return self._offsets[at] + place - self._places[at]

    def _forget(self) -> None:
        """Drop the characters that every alignment has decoded, and places that nobody asks for any more."""
        taken = min(alignment.taken for alignment in self._alignments)
        self._kept, self._kept_from = self._kept[taken - self._kept_from :], taken
        if len(self._places) > _MOST_PLACES:
            drop = bisect_right(self._places, taken - _REACH) - 1
            if drop > 0:
                del self._places[:drop], self._offsets[:drop]
