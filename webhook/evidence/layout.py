"""Whether a zip says the same to every program that unpacks it.

Some programs go by a zip's directory, others by the header before each file, and either may name what the
other does not. A bundle is what its directory says, and holds nothing else: no bytes before, between or after
its files, no name that leads out of the folder or means another file elsewhere, and no bytes that are given
twice, as a zip has that would fill a disk.
"""

import re
import struct
import zipfile
from collections.abc import Sequence
from typing import BinaryIO, Final

from sidecar.contract.errors import CallerError

_NAME: Final = re.compile(r"(?!\.{1,2}(/|$))[A-Za-z0-9._-]+(/(?!\.{1,2}(/|$))[A-Za-z0-9._-]+)*", re.ASCII)
_LOCAL: Final = struct.Struct("<4s2xHH4xLLLHH")
_SIZES: Final = struct.Struct("<HHQQ")
"""Extra field 1: sizes of 64 bits (APPNOTE 4.5.3)."""
_IN_EXTRA: Final = 0xFFFFFFFF
_ENTRY_BYTES: Final = 46
_ENDS: Final = (22, 22 + 56 + 20)
"""Bytes after the directory: its end, or with the end of 64 bits and where that is (APPNOTE 4.3)."""
_ENCRYPTED, _STREAMED = 1, 8
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class LayoutError(CallerError):
    """A zip that is put together as no bundle is."""


def check_layout(file: BinaryIO, archive: zipfile.ZipFile) -> None:
    """Raise LayoutError unless all of ``file`` is what the archive's directory says."""
    infos = archive.infolist()
    check_names([info.orig_filename for info in infos])
    place = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset != place:
            raise LayoutError("it holds bytes that belong to no file, or that belong to two")
        place = _end_of(file, info)
    directory = sum(_ENTRY_BYTES + len(i.filename) + len(i.extra) + len(i.comment) for i in infos)
    start, size = archive.start_dir, file.seek(0, 2)
    if place != start or size - start - directory not in _ENDS or archive.comment:
        raise LayoutError("it holds bytes that belong to no file, or that belong to two")


def check_names(names: Sequence[str]) -> None:
    """Raise LayoutError for a name that no bundle has, and for two that some file system takes for one."""
    for name in names:
        if not _NAME.fullmatch(name):
            raise LayoutError(f"a file in it has a name that no bundle has: {name[:200]}")
    if len({name.lower() for name in names}) != len(names):
        raise LayoutError("it holds two files of one name")


def _end_of(file: BinaryIO, info: zipfile.ZipInfo) -> int:
    """Give where a file's bytes end, when the header before it says what the directory says."""
    file.seek(info.header_offset)
    head = file.read(_LOCAL.size)
    if len(head) < _LOCAL.size:
        raise LayoutError(f"{info.filename} is not where the zip's directory says")
    magic, flags, method, crc, packed, size, name_length, extra_length = _LOCAL.unpack(head)
    name, extra = file.read(name_length), file.read(extra_length)
    if (flags | info.flag_bits) & (_ENCRYPTED | _STREAMED) or info.compress_type not in _METHODS:
        raise LayoutError(f"{info.filename} is packed in another way than in a bundle")
    if _IN_EXTRA in {packed, size}:
        size, packed = _sizes(extra)
    told = (b"PK\x03\x04", info.filename.encode(), info.compress_type, info.CRC)
    if (magic, name, method, crc) != told or (packed, size) != (info.compress_size, info.file_size):
        raise LayoutError(f"{info.filename} is another file than the zip's directory says")
    return file.tell() + packed


def _sizes(extra: bytes) -> tuple[int, int]:
    if len(extra) < _SIZES.size:
        return -1, -1
    kind, _, size, packed = _SIZES.unpack_from(extra)
    return (size, packed) if kind == 1 else (-1, -1)
