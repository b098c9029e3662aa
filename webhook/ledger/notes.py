"""Signed notes: a text and, after an empty line, the signatures over it (https://c2sp.org/signed-note).

The signature is plain Ed25519 (RFC 8032) over the text with its last newline, so that any tool checks it.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sidecar.contract.errors import CallerError

MAX_NOTE_BYTES: Final = 1 << 20
MAX_SIGNATURES: Final = 100
KEY_ID_BYTES: Final = 4
_ED25519: Final = b"\1"
_DASH: Final = "\N{EM DASH} "


class NoteError(CallerError):
    """A note that is malformed, or that no known key has signed; the text says which."""


class Signature(msgspec.Struct, frozen=True):
    """One signature line."""

    name: str
    key_id: bytes
    signature: bytes


class Note(msgspec.Struct, frozen=True):
    """A note as read; its text means nothing before :func:`check`."""

    text: str
    """With its last newline."""
    signatures: tuple[Signature, ...]


def key_id(name: str, public_key: bytes) -> bytes:
    """Give the 4 bytes by which a signature names its key."""
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public_key).digest()[:KEY_ID_BYTES]


def sign_note(text: str, name: str, key: Ed25519PrivateKey) -> str:
    """Give the note: the text, which ends in a newline, and one signature. Raises NoteError."""
    _check_text(text)
    _check_name(name)
    public = key.public_key().public_bytes_raw()
    blob = base64.b64encode(key_id(name, public) + key.sign(text.encode())).decode()
    return f"{text}\n{_DASH}{name} {blob}\n"


def read_note(data: str | bytes) -> Note:
    """Read a note without judging its signatures. Raises NoteError when it is malformed."""
    if len(data) > MAX_NOTE_BYTES:
        raise NoteError(f"a signed note is at most {MAX_NOTE_BYTES} bytes")
    try:
        whole = data if isinstance(data, str) else data.decode()
    except UnicodeDecodeError:
        raise NoteError("the signed note is not UTF-8") from None
    text, gap, lines = whole.rpartition("\n\n")
    if not gap or not lines.endswith("\n"):
        raise NoteError("this is no signed note: it has no signatures after an empty line")
    _check_text(f"{text}\n")
    signatures = tuple(_signature(line) for line in lines[:-1].split("\n"))
    if len(signatures) > MAX_SIGNATURES:
        raise NoteError(f"a signed note has at most {MAX_SIGNATURES} signatures")
    return Note(f"{text}\n", signatures)


def check(note: Note, name: str, keys: Mapping[bytes, bytes]) -> bytes:
    """Give the public key whose signature holds.

    ``keys`` are raw public keys by their key ids; signatures of other keys and names say nothing. Raises
    NoteError when a signature of a known key does not hold, or no known key has signed.
    """
    signed_by = b""
    for signature in note.signatures:
        key = keys.get(signature.key_id)
        if key is None or signature.name != name:
            continue
        if not _holds(key, note.text, signature.signature):
            raise NoteError("the signature does not hold: the text or the signature was changed")
        signed_by = key
    if not signed_by:
        by = ", ".join(f"{item.name}+{item.key_id.hex()}" for item in note.signatures)
        raise NoteError(f"no key that the root has certified for {name} has signed it (signed by {by})")
    return signed_by


def _holds(key: bytes, text: str, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, text.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def _signature(line: str) -> Signature:
    name, space, blob = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space:
        raise NoteError("a signature line of the note is malformed")
    _check_name(name)
    try:
        raw = base64.b64decode(blob, validate=True)
    except (binascii.Error, ValueError):
        raise NoteError("a signature of the note is not base64") from None
    if len(raw) <= KEY_ID_BYTES or base64.b64encode(raw).decode() != blob:
        raise NoteError("a signature of the note is not base64 of a key id and a signature")
    return Signature(name, raw[:KEY_ID_BYTES], raw[KEY_ID_BYTES:])


def _check_text(text: str) -> None:
    if not text.endswith("\n") or any(char < " " and char != "\n" for char in text):
        raise NoteError("the text of a signed note has control characters, or no newline at its end")


def _check_name(name: str) -> None:
    if not name or any(char.isspace() or char == "+" for char in name):
        raise NoteError("the name of a signing key is empty, or has spaces or plus signs")
