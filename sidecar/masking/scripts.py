"""Decimal digits of scripts that few write today: all of Unicode 15 that ``alphabets`` does not name."""

from __future__ import annotations

from typing import NamedTuple


class Script(NamedTuple):
    """Digits in UTF-8 that begin with the same byte, and of which the last byte tells the value."""

    mark: bytes
    """What every digit begins with."""
    token: bytes
    """An expression for a digit."""
    part: bytes
    """The same as one class for every byte; it may match more."""
    star: bytes
    """What a hidden digit becomes."""
    zero: int
    """The low half of the last byte of a zero."""

    @property
    def values(self) -> bytes:
        """Translation of last bytes to ASCII digits."""
        return bytes(48 + max(0, min(9, (byte & 15) - self.zero)) for byte in range(256))


_WIDE_STAR, _LONG_STAR = b"\xef\xbc\x8a", b"****"
_E1 = rb"\xe1(?:[\x82\xa0\xa7\xaa\xad\xb1][\x90-\x99]|[\xaa\xb1][\x80-\x89]|\xae[\xb0-\xb9])"
_EA = rb"\xea(?:\x98[\xa0-\xa9]|[\xa3\xa7\xa9][\x90-\x99]|\xa4[\x80-\x89]|[\xa7\xaf][\xb0-\xb9])"
_F0 = (
    rb"\xf0(?:\x90(?:\x92[\xa0-\xa9]|\xb4[\xb0-\xb9])"
    rb"|\x91(?:[\x87\x91\x93\x99\xa5\xb1\xb5\xbd][\x90-\x99]|\x9b[\x80-\x89]|[\xa3\xb6][\xa0-\xa9])"
    rb"|\x91[\x83\x8b\x9c][\xb0-\xb9]|\x96(?:\xa9[\xa0-\xa9]|\xab[\x80-\x89]|\xad[\x90-\x99])"
    rb"|\x9e(?:\x85[\x80-\x89]|[\x8b\x93][\xb0-\xb9]|\xa5[\x90-\x99])|\x9f\xaf[\xb0-\xb9])"
)
_LIMBU = rb"\xe1\xa5[\x86-\x8f]"
_BRAHMI = rb"\xf0\x91(?:\x81[\xa6-\xaf]|\x84[\xb6-\xbf])"
SCRIPTS = {
    "scripts E1": Script(b"\xe1", _E1, rb"\xe1[\x80-\xbf][\x80-\xbf]", _WIDE_STAR, 0),
    "scripts EA": Script(b"\xea", _EA, rb"\xea[\x80-\xbf][\x80-\xbf]", _WIDE_STAR, 0),
    "scripts F0": Script(b"\xf0", _F0, rb"\xf0[\x90-\x9f][\x80-\xbf][\x80-\xbf]", _LONG_STAR, 0),
    "limbu": Script(b"\xe1\xa5", _LIMBU, _LIMBU, _WIDE_STAR, 6),
    "brahmi and chakma": Script(b"\xf0\x91", _BRAHMI, rb"\xf0\x91[\x81\x84][\xa6-\xbf]", _LONG_STAR, 6),
}
