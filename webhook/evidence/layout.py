"""Whether a zip says the same to every program that unpacks it.

Some programs go by a zip's directory, others by the header before each file, and either may name what the
other does not. A bundle is what its directory says, and holds nothing else: no bytes before, between or after
its files or within their packed bytes, no name that leads out of the folder or means another file elsewhere,
no further field that names a file anew, no link, and no bytes that are given twice, as a zip has that would
fill a disk.
"""

import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final

from sidecar.contract.errors import CallerError

_NAME: Final = re.compile(r"(?!\.{1,2}(/|$))[A-Za-z0-9._-]+(/(?!\.{1,2}(/|$))[A-Za-z0-9._-]+)*", re.ASCII)
_LOCAL: Final = struct.Struct("<4s2xHH4xLLLHH")
_SIZES: Final = struct.Struct("<HHQQ")
"""Extra field 1: sizes of 64 bits (APPNOTE 4.5.3)."""
_IN_EXTRA: Final = 0xFFFFFFFF
_ENTRY_BYTES: Final = 46
_END: Final = struct.Struct("<4s4H2LH")
_END_64: Final = struct.Struct("<4sQ2H2L4Q4sLQL")
"""The end of 64 bits, and where that is (APPNOTE 4.3.14, 4.3.15)."""
_LEVELS, _UTF_8 = 6, 0x800
_DOS_FOLDER: Final = 0x10
_PIECE: Final = 256 * 1024
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
    if place != archive.start_dir or archive.comment:
        raise LayoutError("it holds bytes that belong to no file, or that belong to two")
    _check_end(file, len(infos), directory, place)


def check_names(names: Sequence[str]) -> None:
    """Raise LayoutError for a name that no bundle has, and for two that some file system takes for one."""
    for name in names:
        if not _NAME.fullmatch(name):
            raise LayoutError(f"a file in it has a name that no bundle has: {name[:200]}")
    known = {name.lower() for name in names}
    if len(known) != len(names):
        raise LayoutError("it holds two files of one name")
    if any(name[: at.start()] in known for name in known for at in re.finditer("/", name)):
        raise LayoutError("it holds a file that is a folder, too")


def contents(file: BinaryIO, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """Give a file's bytes, piece by piece, of a zip whose layout was checked.

    Raises LayoutError, after the last of them, unless its packed bytes come to just those: programs that go
    by the size would stop where others go on.
    """
    size, crc = 0, 0
    for piece in _unpacked(file, info):
        size, crc = size + len(piece), zlib.crc32(piece, crc)
        yield piece
        if size > info.file_size:
            break
    if (size, crc) != (info.file_size, info.CRC):
        raise LayoutError("it unpacks to other bytes than the zip's directory says")


def _unpacked(file: BinaryIO, info: zipfile.ZipInfo) -> Iterator[bytes]:
    if info.compress_type == zipfile.ZIP_STORED:
        yield from _packed(file, info)
        return
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    for packed in _packed(file, info):
        rest = packed
        while rest and not stream.eof:
            yield stream.decompress(rest, _PIECE)
            rest = stream.unconsumed_tail
        if rest or stream.unused_data:
            raise LayoutError("it has bytes after its end")
    yield stream.flush()
    if not stream.eof:
        raise LayoutError("it ends too early")


def _packed(file: BinaryIO, info: zipfile.ZipInfo) -> Iterator[bytes]:
    file.seek(info.header_offset)
    *_, name, extra = _LOCAL.unpack(file.read(_LOCAL.size))
    place = info.header_offset + _LOCAL.size + name + extra
    end = place + info.compress_size
    while place < end:
        file.seek(place)
        piece = file.read(min(_PIECE, end - place))
        if not piece:
            raise LayoutError("it ends too early")
        place += len(piece)
        yield piece


def _check_end(file: BinaryIO, files: int, size: int, start: int) -> None:
    """Check that the directory of so many files and bytes is all that the zip's end tells of."""
    end = file.seek(0, 2) - _END.size
    room = end - start - size
    file.seek(end)
    magic, *told, comment = _END.unpack(file.read(_END.size))
    true = [0, 0, files, files, size, start]
    agreed = told == true
    if room == _END_64.size:
        file.seek(start + size)
        head, length, _, _, *wide, there, disk, place, disks = _END_64.unpack(file.read(_END_64.size))
        known = (head, length, wide, there, disk, place, disks)
        agreed = known == (b"PK\6\6", 44, true, b"PK\6\7", 0, start + size, 1) and all(
            one in {short, (1 << width) - 1}
            for one, short, width in zip(told, true, (16, 16, 16, 16, 32, 32), strict=True)
        )
    if room not in {0, _END_64.size} or not agreed or (magic, comment) != (b"PK\5\6", 0):
        raise LayoutError("it holds bytes that belong to no file, or that belong to two")


def _end_of(file: BinaryIO, info: zipfile.ZipInfo) -> int:
    """Give where a file's bytes end, when the header before it says what the directory says."""
    file.seek(info.header_offset)
    head = file.read(_LOCAL.size)
    if len(head) < _LOCAL.size:
        raise LayoutError(f"{info.filename} is not where the zip's directory says")
    magic, flags, method, crc, packed, size, name_length, extra_length = _LOCAL.unpack(head)
    name, extra = file.read(name_length), file.read(extra_length)
    if (flags | info.flag_bits) & ~(_LEVELS | _UTF_8) or info.compress_type not in _METHODS:
        raise LayoutError(f"{info.filename} is packed in another way than in a bundle")
    if not (_is_sizes(extra) and _is_sizes(info.extra) and _is_regular(info)):
        raise LayoutError(f"{info.filename} is no plain file to every program")
    if _IN_EXTRA in {packed, size}:
        size, packed = _sizes(extra)
    told = (b"PK\x03\x04", info.filename.encode(), info.compress_type, info.CRC)
    if (magic, name, method, crc) != told or (packed, size) != (info.compress_size, info.file_size):
        raise LayoutError(f"{info.filename} is another file than the zip's directory says")
    return file.tell() + packed


def _sizes(extra: bytes) -> tuple[int, int]:
    if len(extra) != _SIZES.size:
        return -1, -1
    _, _, size, packed = _SIZES.unpack(extra)
    return size, packed


def _is_sizes(extra: bytes) -> bool:
    """Tell whether further fields are none but that of sizes: others may give a file another name."""
    return not extra or any(
        extra[:4] == struct.pack("<HH", 1, length) and len(extra) == 4 + length for length in (8, 16, 24)
    )


def _is_regular(info: zipfile.ZipInfo) -> bool:
    """Tell whether a file is neither a link nor a folder, nor anything else but a file."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    return kind in {0, stat.S_IFREG} and not info.external_attr & _DOS_FOLDER
