"""How frames lie in a segment file: length, CRC-32 and MessagePack of each, one after the other.

A record is whole when its length and checksum hold. What follows the last whole record is being written,
or was torn when its writer died; readers stop before it.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import Final

import msgspec

from sidecar.contract.decoding import UNREADABLE
from sidecar.contract.frames import Frame
from sidecar.contract.wire import MAX_MESSAGE_BYTES

SEGMENT_BYTES: Final = 256 * 1024
"""A segment takes no further record once it is this long."""
SEGMENT_SUFFIX: Final = ".frames"
_HEADER: Final = struct.Struct("<II")
MAX_RECORD_BYTES: Final = MAX_MESSAGE_BYTES // 2
"""Longest record: it must fit into one message with room to spare."""


def segment_name(sequence: int) -> str:
    """Give the name of the segment whose first frame has this number; names sort by number."""
    return f"{sequence:020d}{SEGMENT_SUFFIX}"


class RecordEncoder:
    """Encodes records into one buffer that is used again and again."""

    def __init__(self) -> None:
        self._buffer = bytearray(4096)
        self._encoder = msgspec.msgpack.Encoder()

    def encode(self, frame: Frame) -> bytearray:
        """Give the record of a frame. It is valid until the next call."""
        self._encoder.encode_into(frame, self._buffer, _HEADER.size)
        with memoryview(self._buffer) as view:
            body = view[_HEADER.size :]
            length, checksum = len(body), zlib.crc32(body)
            body.release()
        _HEADER.pack_into(self._buffer, 0, length, checksum)
        return self._buffer


class RecordDecoder:
    """Finds whole records in the bytes of a segment."""

    def __init__(self) -> None:
        self._decoder = msgspec.msgpack.Decoder(Frame)

    def whole(self, data: bytes) -> Iterator[tuple[Frame, int]]:
        """Give each frame at the start of ``data`` with the offset after its record."""
        start = 0
        while (found := self._record(data, start)) is not None:
            yield found
            start = found[1]

    def _record(self, data: bytes, start: int) -> tuple[Frame, int] | None:
        body = start + _HEADER.size
        if len(data) < body:
            return None
        length, checksum = _HEADER.unpack_from(data, start)
        end = body + length
        if not 0 < length <= MAX_RECORD_BYTES or len(data) < end:
            return None
        encoded = memoryview(data)[body:end]
        if zlib.crc32(encoded) != checksum:
            return None
        try:
            return self._decoder.decode(encoded), end
        except UNREADABLE:
            return None
