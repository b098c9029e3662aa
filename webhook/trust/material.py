"""Keys and certificates as values: made, due for renewal, written as a Secret's data and read. No I/O."""

import datetime as dt
from typing import Final, TypeVar

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from sidecar.contract.environment import read_roots, write_roots
from sidecar.contract.errors import ConfigurationError
from sidecar.contract.grants import GrantSigner
from sidecar.contract.sealing import KEY_BYTES
from sidecar.contract.signing import Certified, KeyCertificate, Purpose, certify
from webhook.ledger.keys import LedgerKey
from webhook.trust import certificates

Data = dict[str, bytes]
"""``data`` of a Secret."""
_K = TypeVar("_K")

ROOT_YEARS: Final = 20
KEY_LIFETIME: Final = dt.timedelta(days=90)
"""Of serving certificates, signing keys and sealing keys."""
BACKDATED: Final = dt.timedelta(hours=1)
"""How much earlier validity starts, for clocks that are behind."""
_GRANT: Final = "grant"
_LEDGER: Final = "ledger"
KEPT_SEAL_KEYS: Final = 32
"""Five years: so long may a pod live whose own programs are under the shim, by grants as old as itself."""


class Root(msgspec.Struct, frozen=True):
    """What everything else is certified by."""

    key: Ed25519PrivateKey
    ca_key: ec.EllipticCurvePrivateKey
    ca: x509.Certificate
    roots: tuple[bytes, ...]
    """Raw public keys trusted now: this root's first, then those of an overlap."""
    bundle: str
    """PEM of the certificate authorities trusted now."""

    def __repr__(self) -> str:
        return "Root(…)"


def new_root(now: dt.datetime) -> Root:
    """Make a root."""
    key = Ed25519PrivateKey.generate()
    ca_key, ca = certificates.new_authority(now - BACKDATED, now + dt.timedelta(days=365 * ROOT_YEARS))
    return Root(key, ca_key, ca, (key.public_key().public_bytes_raw(),), certificates.pem(ca).decode())


def write_root(root: Root) -> Data:
    """Give the Secret's data for a root."""
    return {
        "root.key": certificates.private_pem(root.key),
        "roots": write_roots(root.roots).encode(),
        "ca.key": certificates.private_pem(root.ca_key),
        "ca.crt": certificates.pem(root.ca),
        "ca-bundle.crt": root.bundle.encode(),
    }


def read_root(data: Data) -> Root:
    """Read what :func:`write_root` gave. Raises ConfigurationError."""
    try:
        return Root(
            _private_key(data["root.key"], Ed25519PrivateKey),
            _private_key(data["ca.key"], ec.EllipticCurvePrivateKey),
            x509.load_pem_x509_certificate(data["ca.crt"]),
            read_roots(data["roots"].decode()),
            data["ca-bundle.crt"].decode(),
        )
    except (KeyError, ValueError):
        raise ConfigurationError("the root's Secret cannot be read") from None


def new_serving(root: Root, names: tuple[str, ...], now: dt.datetime) -> Data:
    """Give the data of a ``kubernetes.io/tls`` Secret for a server with these DNS names."""
    key, certificate = certificates.new_leaf(
        root.ca_key, root.ca, names, not_before=now - BACKDATED, not_after=now + KEY_LIFETIME
    )
    return {
        "tls.crt": certificates.pem(certificate),
        "tls.key": certificates.private_pem(key),
        "ca.crt": root.bundle.encode(),
    }


def serving_due(data: Data, root: Root, names: tuple[str, ...], now: dt.datetime) -> bool:
    """Tell whether a serving certificate must be renewed: old, unreadable, for other names or another CA."""
    try:
        leaf = x509.load_pem_x509_certificate(data["tls.crt"])
    except (KeyError, ValueError):
        return True
    if not certificates.issued_by(leaf, root.ca) or certificates.dns_names(leaf) != names:
        return True
    return renewal_due(leaf.not_valid_before_utc, leaf.not_valid_after_utc, now)


def new_grant_key(root: Root, now: dt.datetime) -> Data:
    """Give the data of the grant key's Secret: a fresh key and the root's certificate for it."""
    return _new_signing_key(Purpose.GRANT, _GRANT, root, now)


def read_grant_key(data: Data) -> GrantSigner:
    """Read what :func:`new_grant_key` gave. Raises ConfigurationError."""
    return GrantSigner(*_read_signing_key(data, _GRANT))


def grant_key_due(data: Data, root: Root, now: dt.datetime) -> bool:
    """Tell whether the grant key must be renewed: old, unreadable or certified by another root."""
    return _signing_key_due(data, _GRANT, root, now)


def new_ledger_key(root: Root, now: dt.datetime) -> Data:
    """Give the data of the ledger key's Secret: a fresh key and the root's certificate for it."""
    return _new_signing_key(Purpose.LEDGER, _LEDGER, root, now)


def read_ledger_key(data: Data) -> LedgerKey:
    """Read what :func:`new_ledger_key` gave. Raises ConfigurationError."""
    return LedgerKey(*_read_signing_key(data, _LEDGER))


def ledger_key_due(data: Data, root: Root, now: dt.datetime) -> bool:
    """Tell whether the ledger key must be renewed: old, unreadable or certified by another root."""
    return _signing_key_due(data, _LEDGER, root, now)


def _new_signing_key(purpose: Purpose, name: str, root: Root, now: dt.datetime) -> Data:
    key = Ed25519PrivateKey.generate()
    certificate = KeyCertificate(
        purpose,
        key.public_key().public_bytes_raw(),
        int((now - BACKDATED).timestamp()),
        int((now + KEY_LIFETIME).timestamp()),
    )
    certified = msgspec.msgpack.encode(certify(root.key, certificate))
    return {f"{name}.key": certificates.private_pem(key), f"{name}.certificate": certified}


def _read_signing_key(data: Data, name: str) -> tuple[Ed25519PrivateKey, Certified]:
    try:
        key = _private_key(data[f"{name}.key"], Ed25519PrivateKey)
        return key, msgspec.msgpack.decode(data[f"{name}.certificate"], type=Certified)
    except (KeyError, ValueError):
        raise ConfigurationError(f"the {name} key's Secret cannot be read") from None


def _signing_key_due(data: Data, name: str, root: Root, now: dt.datetime) -> bool:
    try:
        key, certified = _read_signing_key(data, name)
        certificate = msgspec.msgpack.decode(certified.body, type=KeyCertificate)
    except (ConfigurationError, msgspec.MsgspecError):
        return True
    if (
        certify(root.key, certificate) != certified
        or certificate.public_key != key.public_key().public_bytes_raw()
    ):
        return True
    moments = (certificate.not_before, certificate.not_after)
    not_before, not_after = (dt.datetime.fromtimestamp(moment, dt.UTC) for moment in moments)
    return renewal_due(not_before, not_after, now)


class _SealKey(msgspec.Struct, frozen=True):
    key: bytes
    made_at: int


_seal_keys = msgspec.json.Decoder(tuple[_SealKey, ...])


def new_seal_keys(previous: Data, randomness: bytes, now: dt.datetime) -> Data:
    """Give the data of the sealing keys' Secret: a new key of 32 random bytes, then the previous ones."""
    kept = _read_seal_keys(previous)[: KEPT_SEAL_KEYS - 1]
    keys = (_SealKey(randomness[:KEY_BYTES], int(now.timestamp())), *kept)
    return {"keys": msgspec.json.encode(keys)}


def read_seal_keys(data: Data) -> tuple[bytes, ...]:
    """Give the sealing keys, the one in use first. Raises ConfigurationError when there is none."""
    keys = tuple(entry.key for entry in _read_seal_keys(data))
    if not keys or any(len(key) != KEY_BYTES for key in keys):
        raise ConfigurationError("the sealing keys' Secret cannot be read")
    return keys


def seal_keys_due(data: Data, now: dt.datetime) -> bool:
    """Tell whether there must be a new sealing key."""
    keys = _read_seal_keys(data)
    if not keys:
        return True
    made = dt.datetime.fromtimestamp(keys[0].made_at, dt.UTC)
    return renewal_due(made, made + KEY_LIFETIME, now)


def renewal_due(not_before: dt.datetime, not_after: dt.datetime, now: dt.datetime) -> bool:
    """Tell whether less than a third of a validity remains."""
    return now >= not_after - (not_after - not_before) / 3


def _read_seal_keys(data: Data) -> tuple[_SealKey, ...]:
    if "keys" not in data:
        return ()
    try:
        return _seal_keys.decode(data["keys"])
    except msgspec.MsgspecError:
        raise ConfigurationError("the sealing keys' Secret cannot be read") from None


def _private_key(pem: bytes, kind: type[_K]) -> _K:
    key = load_pem_private_key(pem, password=None)
    if not isinstance(key, kind):
        raise ConfigurationError(f"a private key is not of the kind {kind.__name__}")
    return key
