"""Keys that sign for the ledger, each certified by the installation's root for a time.

Keys are replaced; a certificate stays in the ledger, so what a former key signed in its time stays
verifiable, by whoever trusts the root.
"""

import hashlib
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sidecar.contract.decoding import UNREADABLE
from sidecar.contract.errors import CallerError
from sidecar.contract.signing import Certified, KeyCertificate, Purpose, certified_key
from webhook.ledger.checkpoints import Checkpoint, read_checkpoint
from webhook.ledger.notes import NoteError, check, key_id, read_note, sign_note

_FINGERPRINT_BYTES: Final = 8


class ForeignKeyError(CallerError):
    """A key that the installation's root has not certified for its ledger."""


class LedgerKey(msgspec.Struct, frozen=True):
    """A signing key and the root's certificate for it."""

    key: Ed25519PrivateKey
    certificate: Certified

    def __repr__(self) -> str:
        return "LedgerKey(…)"

    @property
    def public(self) -> bytes:
        """The raw public key."""
        return self.key.public_key().public_bytes_raw()

    def is_certified_at(self, unix: int) -> bool:
        """Tell whether what it signs at this time, Unix seconds, verifies."""
        certificate = msgspec.msgpack.decode(self.certificate.body, type=KeyCertificate)
        return certificate.not_before <= unix <= certificate.not_after

    def sign(self, text: str, origin: str) -> str:
        """Give the signed note of a text in the ledger's name."""
        return sign_note(text, origin, self.key)


def origin_of(root: bytes) -> str:
    """Give the name of the ledger of an installation with this root (a raw public key)."""
    return f"chaperone.dev/ledger/{hashlib.sha256(root).digest()[:_FINGERPRINT_BYTES].hex()}"


class KeyRing:
    """The keys that may sign for one ledger."""

    def __init__(self, origin: str, roots: tuple[bytes, ...]) -> None:
        """``roots`` are the raw public keys of every root that is trusted to have certified a key."""
        self.origin = origin
        self._roots = roots
        self._keys: dict[bytes, bytes] = {}
        self._certificates: dict[bytes, KeyCertificate] = {}

    def add(self, certified: Certified) -> bytes:
        """Take a key by its certificate and give it. Raises ForeignKeyError."""
        try:
            certificate = msgspec.msgpack.decode(certified.body, type=KeyCertificate)
            key = certified_key(
                certified, roots=self._roots, purpose=Purpose.LEDGER, now=certificate.not_before
            )
        except UNREADABLE:
            raise ForeignKeyError("the certificate of a ledger key cannot be read") from None
        except CallerError as error:
            raise ForeignKeyError(f"a ledger key is foreign: {error}") from None
        self._keys[key_id(self.origin, key)] = key
        self._certificates[key] = certificate
        return key

    def open(self, data: str | bytes, *, at: int | None = None) -> str:
        """Give the text of a note that one of the keys has signed, at this time if it is known.

        ``at`` is in Unix seconds. Raises NoteError.
        """
        note = read_note(data)
        certificate = self._certificates[check(note, self.origin, self._keys)]
        if at is not None and not certificate.not_before <= at <= certificate.not_after:
            raise NoteError("it was signed outside the time that its key was certified for")
        return note.text

    def open_checkpoint(self, data: str | bytes) -> Checkpoint:
        """Give the checkpoint in a signed note. Raises NoteError."""
        checkpoint = read_checkpoint(self.open(data))
        if checkpoint.origin != self.origin:
            raise NoteError(f"the checkpoint is of another ledger: {checkpoint.origin}")
        return checkpoint
