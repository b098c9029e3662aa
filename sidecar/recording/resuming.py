"""Output that another recorder had before: what it took and did not deliver is gone.

It may have taken the beginning of a number whose end is still to come, and nobody would recognise the end. So
all up to the end of the line is left out, and what may go on with a number is hidden until something else
comes: digits and what stands between them, or one word of the letters of base64 and hexadecimal, whose
lines belong together while they are long. A remark says where.
"""

from typing import Final

MOST_LEFT_OUT: Final = 64 * 1024
"""Bytes without the end of a line after which the output is shown again."""
WHOLE_LINE: Final = 32
"""A line of at least so many letters and nothing else may go on in the next (RFC 2045 has 76, PEM 64)."""
_DIGITS: Final = frozenset(b"0123456789")
_BETWEEN_DIGITS: Final = frozenset(b" \t\r\n-._/")
_LETTERS: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_-")
_LINE_ENDS: Final = frozenset(b"\r\n")
_STAR: Final = ord("*")


class RestHidden:
    """Hides the rest of a number that may have begun before."""

    def __init__(self) -> None:
        self._hiding = True
        self._in_letters = True
        """Whether all since the line's beginning could be base64."""
        self._letters = 0
        self._in_number = True
        """Whether all that was hidden could be of one number."""

    def feed(self, data: bytes) -> bytes:
        """Give as many bytes, stars for what may belong to it."""
        if not self._hiding:
            return data
        shown = bytearray()
        for at, byte in enumerate(data):
            hidden = self._hidden(byte)
            if hidden is None:
                self._hiding = False
                return bytes(shown) + data[at:]
            shown.append(hidden)
        return bytes(shown)

    def _hidden(self, byte: int) -> int | None:
        """Give what is shown of the next byte; None once it and all after it may be seen."""
        if self._in_letters and byte in _LETTERS:
            self._letters += 1
            self._in_number &= byte in _DIGITS or byte in _BETWEEN_DIGITS
            return _STAR
        if byte in _LINE_ENDS and self._in_letters and (self._letters >= WHOLE_LINE or not self._letters):
            self._letters = 0
            return byte
        self._in_letters = False
        if not self._in_number:
            return None
        if byte in _DIGITS:
            return _STAR
        return byte if byte in _BETWEEN_DIGITS else None


class Resumed:
    """Hides the beginning of one channel's output."""

    def __init__(self, remark: bytes) -> None:
        """``remark`` is shown in the place of what is missing."""
        self._remark = remark
        self.left_out = 0
        """Bytes that were left out so far."""
        self.leaves_out = True
        """Whether it still leaves out all that comes."""
        self._rest = RestHidden()

    def feed(self, data: bytes) -> bytes:
        """Give what may be shown to the masker."""
        if not self.leaves_out:
            return self._rest.feed(data)
        room = MOST_LEFT_OUT - self.left_out
        ends = [at for at in (data.find(b"\n"), data.find(b"\r")) if at >= 0]
        end = min([*ends, room], default=room)
        self.left_out += min(end, len(data))
        if end >= len(data):
            return b""
        self.leaves_out = False
        return self._remark + self._rest.feed(data[end:].lstrip(b"\r\n"))
