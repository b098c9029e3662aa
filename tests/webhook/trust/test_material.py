"""Keys and certificates as values."""

import datetime as dt

import pytest
from reviews import NOW, ROOT

from sidecar.contract.errors import ConfigurationError
from sidecar.contract.signing import Purpose, certified_key, sign, verify
from webhook.trust import material

DAY = dt.timedelta(days=1)
NAMES = ("chaperone-admission.chaperone-system.svc", "chaperone-admission.chaperone-system.svc.cluster.local")


def test_a_root_survives_its_secret() -> None:
    read = material.read_root(material.write_root(ROOT))
    assert read.roots == ROOT.roots == (ROOT.key.public_key().public_bytes_raw(),)
    assert (read.ca, read.bundle) == (ROOT.ca, ROOT.bundle)
    signature = sign(read.key, Purpose.CERTIFICATE, b"x")
    assert verify(ROOT.roots[0], Purpose.CERTIFICATE, b"x", signature)


def test_several_roots_can_be_trusted_at_once() -> None:
    other = material.new_root(NOW)
    both = material.Root(ROOT.key, ROOT.ca_key, ROOT.ca, ROOT.roots + other.roots, ROOT.bundle + other.bundle)
    read = material.read_root(material.write_root(both))
    assert read.roots == ROOT.roots + other.roots
    assert read.bundle.count("BEGIN CERTIFICATE") == 2


@pytest.mark.parametrize("missing", ["root.key", "ca.key", "ca.crt", "roots", "ca-bundle.crt"])
def test_a_damaged_root_is_not_replaced_but_reported(missing: str) -> None:
    data = material.write_root(ROOT)
    del data[missing]
    with pytest.raises(ConfigurationError):
        material.read_root(data)
    with pytest.raises(ConfigurationError):
        material.read_root({**data, missing: b"\xff"})


def test_keys_are_never_shown() -> None:
    assert repr(ROOT) == "Root(…)"


@pytest.mark.parametrize(("age", "due"), [(0, False), (59, False), (61, True), (91, True)])
def test_what_has_less_than_a_third_left_is_renewed(age: int, due: bool) -> None:
    later = NOW + age * DAY
    serving = material.new_serving(ROOT, NAMES, NOW)
    assert material.serving_due(serving, ROOT, NAMES, later) is due
    assert material.grant_key_due(material.new_grant_key(ROOT, NOW), ROOT, later) is due
    assert material.seal_keys_due(material.new_seal_keys({}, bytes(32), NOW), later) is due


def test_a_serving_certificate_of_another_ca_or_for_other_names_is_renewed() -> None:
    serving = material.new_serving(ROOT, NAMES, NOW)
    assert material.serving_due(serving, material.new_root(NOW), NAMES, NOW)
    assert material.serving_due(serving, ROOT, NAMES[:1], NOW)
    assert material.serving_due({}, ROOT, NAMES, NOW)
    assert material.serving_due({"tls.crt": b"nonsense"}, ROOT, NAMES, NOW)


def test_a_grant_key_is_certified_by_the_root_for_grants_alone() -> None:
    signer = material.read_grant_key(material.new_grant_key(ROOT, NOW))
    now = int(NOW.timestamp())
    public = certified_key(signer.certificate, roots=ROOT.roots, purpose=Purpose.GRANT, now=now)
    assert public == signer.key.public_key().public_bytes_raw()


def test_a_grant_key_that_is_not_the_certified_one_is_renewed() -> None:
    one, other = material.new_grant_key(ROOT, NOW), material.new_grant_key(ROOT, NOW)
    assert material.grant_key_due({**one, "grant.key": other["grant.key"]}, ROOT, NOW)
    assert material.grant_key_due(one, material.new_root(NOW), NOW)
    assert material.grant_key_due({}, ROOT, NOW)


def test_a_ledger_key_is_certified_by_the_root_for_the_ledger_alone() -> None:
    data = material.new_ledger_key(ROOT, NOW)
    key = material.read_ledger_key(data)
    now = int(NOW.timestamp())
    public = certified_key(key.certificate, roots=ROOT.roots, purpose=Purpose.LEDGER, now=now)
    assert public == key.public
    assert not material.ledger_key_due(data, ROOT, NOW)
    assert material.ledger_key_due(data, ROOT, NOW + 61 * DAY)
    assert material.ledger_key_due(data, material.new_root(NOW), NOW)
    with pytest.raises(ConfigurationError, match="the ledger key's Secret cannot be read"):
        material.read_ledger_key(material.new_grant_key(ROOT, NOW))


def test_a_new_sealing_key_comes_first_and_old_ones_are_kept_for_a_while() -> None:
    data: material.Data = {}
    for number in range(34):
        data = material.new_seal_keys(data, bytes([number]) * 32, NOW)
    keys = material.read_seal_keys(data)
    assert keys == tuple(bytes([number]) * 32 for number in range(33, 1, -1))


@pytest.mark.parametrize(
    "data", [{}, {"keys": b"[]"}, {"keys": b"x"}, {"keys": b'[{"key":"AA==","made_at":1}]'}]
)
def test_damaged_sealing_keys_are_reported(data: material.Data) -> None:
    with pytest.raises(ConfigurationError):
        material.read_seal_keys(data)
