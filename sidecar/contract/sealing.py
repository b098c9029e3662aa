"""The sealed part of a grant: who asked and what was decided, readable by the control side alone.

Sealed with ChaCha20-Poly1305 (RFC 8439) under a key that only the control side holds, bound to the
session id so that it cannot be moved into another grant.
"""

import hashlib

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from sidecar.contract.decoding import UNREADABLE
from sidecar.contract.errors import CallerError

KEY_BYTES = 32
NONCE_BYTES = 12
_KEY_ID_BYTES = 4


class Identity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who asked, as the API server authenticated them (AdmissionReview ``userInfo``)."""

    username: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: dict[str, tuple[str, ...]] = {}


class Decision(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What admission decided for the request, by which policy and rule."""

    action: str
    policy: str
    rule: str
    request_uid: str
    decided_at: int
    """Unix nanoseconds on the admission side's clock."""
    approval: str | None = None
    would: str | None = None
    """What was not enforced because of audit mode: action, policy and rule, as ``deny by policy/rule``."""


class Sealed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a grant carries for the collector."""

    identity: Identity
    decision: Decision
    approvals: dict[str, bytes] = {}
    """Who may approve programs inside, by ``policy/rule``, as the control side encodes it."""


def seal(key: bytes, session: str, content: Sealed, *, nonce: bytes) -> bytes:
    """Give key id, nonce and ciphertext. ``nonce`` is 12 fresh random bytes."""
    ciphertext = ChaCha20Poly1305(key).encrypt(nonce, msgspec.msgpack.encode(content), session.encode())
    return key_id(key) + nonce + ciphertext


def unseal(keys: tuple[bytes, ...], session: str, sealed: bytes) -> Sealed:
    """Open what :func:`seal` made, trying the key its id names. Raises CallerError."""
    nonce = sealed[_KEY_ID_BYTES : _KEY_ID_BYTES + NONCE_BYTES]
    ciphertext = sealed[_KEY_ID_BYTES + NONCE_BYTES :]
    for key in keys:
        if key_id(key) == sealed[:_KEY_ID_BYTES]:
            try:
                content = ChaCha20Poly1305(key).decrypt(nonce, ciphertext, session.encode())
                return msgspec.msgpack.decode(content, type=Sealed)
            except (InvalidTag, ValueError, *UNREADABLE):
                break
    raise CallerError(f"the sealed identity of session {session} cannot be opened")


def key_id(key: bytes) -> bytes:
    """Give the 4 bytes that name a sealing key without telling it."""
    return hashlib.sha256(b"chaperone.dev/seal-key/v1\0" + key).digest()[:_KEY_ID_BYTES]
