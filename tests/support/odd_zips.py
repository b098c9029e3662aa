"""Zips that no library writes: of each file, every field as it is wanted."""

import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

import msgspec

REGULAR = 0o100644 << 16


class Odd(msgspec.Struct, frozen=True, kw_only=True):
    """What is odd about a file; the rest is as its data asks."""

    packed: bytes | None = None
    method: int = zipfile.ZIP_DEFLATED
    flags: int = 0
    extra: bytes = b""
    """Further fields beside its data."""
    listed: bytes = b""
    """Further fields in the directory."""
    attributes: int = REGULAR


def deflated(data: bytes) -> bytes:
    stream = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


def field(kind: int, body: bytes) -> bytes:
    return struct.pack("<HH", kind, len(body)) + body


def renaming(name: str, other: str) -> bytes:
    """The field by which Info-ZIP's unzip gives a file another name (APPNOTE 4.6.9)."""
    return field(0x7075, struct.pack("<BL", 1, zlib.crc32(name.encode())) + other.encode())


def odd_zip(
    content: Mapping[str, bytes], odd: Mapping[str, Odd], *, end: Mapping[int, int] | None = None
) -> bytes:
    """Give a zip; ``end`` are numbers of its end that are others, by their place."""
    out, directory = bytearray(), bytearray()
    for name, data in content.items():
        one = odd.get(name, Odd())
        packed = deflated(data) if one.packed is None else one.packed
        about = (one.flags, one.method, 0x210000, zlib.crc32(data), len(packed), len(data), len(name))
        directory += struct.pack("<4s2H", b"PK\1\2", 3 << 8 | 20, 20)
        directory += struct.pack("<2H4L2H", *about, len(one.listed))
        directory += struct.pack("<3H2L", 0, 0, 0, one.attributes, len(out)) + name.encode() + one.listed
        out += struct.pack("<4sH", b"PK\3\4", 20) + struct.pack("<2H4L2H", *about, len(one.extra))
        out += name.encode() + one.extra + packed
    told: list[Any] = [0, 0, len(content), len(content), len(directory), len(out), 0]
    for place, number in (end or {}).items():
        told[place] = number
    return bytes(out + directory + struct.pack("<4s4H2LH", b"PK\5\6", *told))
