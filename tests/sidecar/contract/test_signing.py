import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sidecar.contract.errors import CallerError
from sidecar.contract.signing import Certified, KeyCertificate, Purpose, certified_key, certify, sign, verify

ROOT = Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\1")
KEY = Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\2")
ROOTS = (ROOT.public_key().public_bytes_raw(),)
PUBLIC = KEY.public_key().public_bytes_raw()


def certificate(purpose: Purpose = Purpose.GRANT, not_before: int = 100, not_after: int = 200) -> Certified:
    return certify(ROOT, KeyCertificate(purpose, PUBLIC, not_before, not_after))


def test_a_signature_holds_for_its_purpose_and_body_alone() -> None:
    signature = sign(KEY, Purpose.GRANT, b"body")
    assert verify(PUBLIC, Purpose.GRANT, b"body", signature)
    assert not verify(PUBLIC, Purpose.LEDGER, b"body", signature)
    assert not verify(PUBLIC, Purpose.GRANT, b"bodies", signature)
    assert not verify(ROOTS[0], Purpose.GRANT, b"body", signature)


def test_malformed_keys_and_signatures_do_not_hold() -> None:
    assert not verify(b"short", Purpose.GRANT, b"body", bytes(64))
    assert not verify(PUBLIC, Purpose.GRANT, b"body", b"short")


def test_a_certificate_gives_its_key_within_its_time() -> None:
    for now in (100, 200):
        assert certified_key(certificate(), roots=ROOTS, purpose=Purpose.GRANT, now=now) == PUBLIC


def test_an_overlapping_root_is_trusted_too() -> None:
    other = Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\3").public_key().public_bytes_raw()
    assert certified_key(certificate(), roots=(other, *ROOTS), purpose=Purpose.GRANT, now=150) == PUBLIC


@pytest.mark.parametrize(
    ("certified", "roots", "now", "why"),
    [
        (certificate(), (), 150, "not certified by"),
        (certificate(), (PUBLIC,), 150, "not certified by"),
        (certificate(Purpose.LEDGER), ROOTS, 150, "another purpose"),
        (certificate(), ROOTS, 99, "not valid at this time"),
        (certificate(), ROOTS, 201, "not valid at this time"),
        (Certified(b"\xc1", sign(ROOT, Purpose.CERTIFICATE, b"\xc1")), ROOTS, 150, "cannot be read"),
    ],
)
def test_refuses_other_certificates(
    certified: Certified, roots: tuple[bytes, ...], now: int, why: str
) -> None:
    with pytest.raises(CallerError, match=why):
        certified_key(certified, roots=roots, purpose=Purpose.GRANT, now=now)
