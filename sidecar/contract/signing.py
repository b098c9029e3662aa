"""Ed25519 signatures below a long-lived root: the root certifies keys, the keys sign.

Every signature is made over a purpose, a zero byte and the body, so that a signature for one purpose
never verifies for another.
"""

from enum import Enum

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sidecar.contract.decoding import UNREADABLE
from sidecar.contract.errors import CallerError


class Purpose(Enum):
    """What a signature is for."""

    CERTIFICATE = "chaperone.dev/key-certificate/v1"
    GRANT = "chaperone.dev/grant/v1"
    LEDGER = "chaperone.dev/ledger/v1"
    """Of checkpoints and manifests, which are signed as notes; see ``webhook.ledger.notes``."""


class KeyCertificate(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The root's word that a public key may sign for one purpose during a time (Unix seconds)."""

    purpose: Purpose
    public_key: bytes
    not_before: int
    not_after: int


class Certified(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A key certificate as encoded, with the root's signature over those bytes."""

    body: bytes
    signature: bytes


def sign(key: Ed25519PrivateKey, purpose: Purpose, body: bytes) -> bytes:
    """Give the 64-byte signature over a body for one purpose (RFC 8032)."""
    return key.sign(_message(purpose, body))


def verify(public_key: bytes, purpose: Purpose, body: bytes, signature: bytes) -> bool:
    """Tell whether a signature holds. A malformed key or signature does not hold."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, _message(purpose, body))
    except (InvalidSignature, ValueError):
        return False
    return True


def certify(root: Ed25519PrivateKey, certificate: KeyCertificate) -> Certified:
    """Sign a key certificate with the root."""
    body = msgspec.msgpack.encode(certificate)
    return Certified(body, sign(root, Purpose.CERTIFICATE, body))


def certified_key(certified: Certified, *, roots: tuple[bytes, ...], purpose: Purpose, now: int) -> bytes:
    """Give the 32-byte public key a certificate vouches for.

    ``roots`` are the raw public keys trusted now, ``now`` is in Unix seconds. Raises CallerError when no
    root signed the certificate, or it is for another purpose or time.
    """
    if not any(verify(root, Purpose.CERTIFICATE, certified.body, certified.signature) for root in roots):
        raise CallerError("the signing key is not certified by this installation's root")
    try:
        certificate = msgspec.msgpack.decode(certified.body, type=KeyCertificate)
    except UNREADABLE:
        raise CallerError("the signing key's certificate cannot be read") from None
    if certificate.purpose is not purpose:
        raise CallerError("the signing key is certified for another purpose")
    if not certificate.not_before <= now <= certificate.not_after:
        raise CallerError("the signing key's certificate is not valid at this time; check the clocks")
    return certificate.public_key


def _message(purpose: Purpose, body: bytes) -> bytes:
    return purpose.value.encode() + b"\0" + body
