"""Output that another recorder had before: what it took and did not deliver is gone.

It may have taken the beginning of a number whose end is still to come, and nobody would recognise the end. So
all up to the end of the line is left out, and digits after it are hidden until something else comes. A remark
says where.
"""

from typing import Final

MOST_LEFT_OUT: Final = 64 * 1024
"""Bytes without the end of a line after which the output is shown again."""
_IN_NUMBERS: Final = frozenset(b"0123456789 \t\r\n-._/")
_DIGITS: Final = frozenset(b"0123456789")


class Resumed:
    """Hides the beginning of one channel's output."""

    def __init__(self, remark: bytes) -> None:
        """``remark`` is shown in the place of what is missing."""
        self._remark = remark
        self._left_out = 0
        self._leaving_out = True
        self._hiding = True

    def feed(self, data: bytes) -> bytes:
        """Give what may be shown to the masker."""
        if not self._hiding:
            return data
        if self._leaving_out:
            data = self._leave_out(data)
        return self._hide(data) if not self._leaving_out else b""

    def _leave_out(self, data: bytes) -> bytes:
        room = MOST_LEFT_OUT - self._left_out
        ends = [at for at in (data.find(b"\n"), data.find(b"\r")) if at >= 0]
        end = min([*ends, room], default=room)
        self._left_out += min(end, len(data))
        if end >= len(data):
            return b""
        self._leaving_out = False
        return self._remark + data[end:].lstrip(b"\r\n")

    def _hide(self, data: bytes) -> bytes:
        start = len(self._remark) if data.startswith(self._remark) else 0
        for at in range(start, len(data)):
            if data[at] not in _IN_NUMBERS:
                self._hiding = False
                return data[:start] + _starred(data[start:at]) + data[at:]
        return data[:start] + _starred(data[start:])


def _starred(data: bytes) -> bytes:
    return bytes(ord("*") if byte in _DIGITS else byte for byte in data)
