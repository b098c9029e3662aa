"""Blobs smaller by zlib where that pays."""

import zlib

LEVEL = 1
WORTH_BYTES = 256
"""Shorter blobs gain too little."""


def pack(data: bytes) -> tuple[bool, bytes]:
    """Give whether the blob is compressed, and the blob."""
    if len(data) < WORTH_BYTES:
        return False, data
    packed = zlib.compress(data, LEVEL)
    return (True, packed) if len(packed) < len(data) else (False, data)


def unpack(packed: bool | int, blob: bytes) -> bytes:
    """Give back exactly what was packed."""
    return zlib.decompress(blob) if packed else blob
