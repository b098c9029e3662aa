"""What the ledger's key says of a bundle of evidence: that the collector was shown exactly this. Pure."""

import re
from typing import Final

from webhook.ledger.keys import KeyRing
from webhook.ledger.notes import NoteError

_HEADER: Final = "chaperone.dev/evidence/v1"
_DIGEST: Final = re.compile("[0-9a-f]{64}", re.ASCII)


def vouching_text(digest: str) -> str:
    """Give the text to sign for a bundle, by the SHA-256 of its SHA256SUMS. Raises NoteError."""
    if not _DIGEST.fullmatch(digest):
        raise NoteError("a bundle is signed for by a SHA-256 in hexadecimal, small letters")
    return f"{_HEADER}\n{digest}\n"


def check_vouched(note: bytes, digest: str, ring: KeyRing) -> None:
    """Raise NoteError unless a key of the ledger has signed for a bundle with this digest."""
    if ring.open(note) != vouching_text(digest):
        raise NoteError("it was signed for another SHA256SUMS")
