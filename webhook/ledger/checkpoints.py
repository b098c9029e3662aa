"""Checkpoints: what a ledger says of itself at a moment (https://c2sp.org/tlog-checkpoint)."""

import base64
import binascii
import re
from typing import Final

import msgspec

from webhook.ledger.notes import NoteError
from webhook.ledger.tree import HASH_BYTES, MAX_SIZE

_SIZE: Final = re.compile("0|[1-9][0-9]{0,17}", re.ASCII)


class Checkpoint(msgspec.Struct, frozen=True):
    """A ledger's identity, size and root hash."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The text to sign."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def read_checkpoint(text: str) -> Checkpoint:
    """Read a checkpoint's text; further lines, which the format allows, are passed over. Raises NoteError."""
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] or "" in lines[:-1]:
        raise NoteError("a checkpoint has an origin, a size and a root hash, each on a line")
    origin, size, blob = lines[:3]
    try:
        root = base64.b64decode(blob, validate=True)
    except (binascii.Error, ValueError):
        root = b""
    if not _SIZE.fullmatch(size) or int(size) > MAX_SIZE:
        raise NoteError("the checkpoint's size is no number of entries")
    if len(root) != HASH_BYTES or base64.b64encode(root).decode() != blob:
        raise NoteError("the checkpoint's root hash is not base64 of 32 bytes")
    return Checkpoint(origin, int(size), root)
