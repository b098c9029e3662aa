import base64

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from sidecar.contract.grants import (
    MAX_COMMANDS_BYTES,
    CommandPattern,
    CommandRule,
    DialIn,
    Grant,
    GrantError,
    GrantSigner,
    Limits,
    MaskingRule,
    PatternKind,
    argv_digest,
    check_commands,
    check_dial_in,
    check_rules,
    issue,
    verify_grant,
)
from sidecar.contract.identifiers import session_id
from sidecar.contract.signing import KeyCertificate, Purpose, certify

ROOT = Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\1")
KEY = Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\2")
ROOTS = (ROOT.public_key().public_bytes_raw(),)
NOW = 1_800_000_000
SIGNER = GrantSigner(
    KEY,
    certify(ROOT, KeyCertificate(Purpose.GRANT, KEY.public_key().public_bytes_raw(), NOW - 3600, NOW + 3600)),
)
ARGV = (b"psql", b"-c", b"select 1")
GRANT = Grant(
    session=session_id(NOW * 1000, bytes(10)),
    issued_at=NOW,
    expires_at=NOW + 60,
    namespace="payments",
    pod="db-0",
    pod_uid="uid-1",
    container="db",
    argv_digest=argv_digest(ARGV),
    tty=False,
    profile="strict",
    limits=Limits(),
    sealed=b"sealed",
)
DIAL_IN = DialIn("uid-1", "db", ARGV, tty=False)
TOKEN = issue(GRANT, SIGNER).encode()


def test_masking_rules_travel_and_are_signed() -> None:
    rules = (MaskingRule("token", "tok_[0-9]{4}", last_four=True),)
    token = issue(msgspec.structs.replace(GRANT, rules=rules), SIGNER).encode()
    assert verify_grant(token, roots=ROOTS, now=NOW).rules == rules


@pytest.mark.parametrize("rules", [33 * (MaskingRule("r", "tok_[0-9]"),), (MaskingRule("r", "x" * 8192),)])
def test_masking_rules_are_bounded_on_both_sides(rules: tuple[MaskingRule, ...]) -> None:
    grant = msgspec.structs.replace(GRANT, rules=rules)
    with pytest.raises(GrantError, match="too many for a grant"):
        issue(grant, SIGNER)
    with pytest.raises(GrantError, match="too many for a grant"):
        check_rules(rules)


def test_command_rules_travel_and_are_bounded_on_both_sides() -> None:
    rule = CommandRule("p/r", "why", deny=(CommandPattern(PatternKind.GLOB, ("rm", "**")),), ends=True)
    grant = msgspec.structs.replace(GRANT, commands=(rule,), traced=True)
    assert verify_grant(issue(grant, SIGNER).encode(), roots=ROOTS, now=NOW) == grant
    long = msgspec.structs.replace(rule, reason="x" * MAX_COMMANDS_BYTES)
    with pytest.raises(GrantError, match="too long for a grant"):
        issue(msgspec.structs.replace(GRANT, commands=(long,)), SIGNER)
    with pytest.raises(GrantError):
        check_commands((long,))


def test_a_grant_without_rules_is_what_older_recorders_read() -> None:
    encoded = msgspec.msgpack.encode(GRANT)
    assert not any(name in encoded for name in (b"rules", b"commands", b"traced"))


def test_a_grant_without_tracing_holds_no_rules_about_programs() -> None:
    untraced = msgspec.structs.replace(GRANT, untraced="payments/debugging")
    assert verify_grant(issue(untraced, SIGNER).encode(), roots=ROOTS, now=NOW) == untraced
    for wanted in ({"traced": True}, {"commands": (CommandRule("p/r", ""),)}):
        with pytest.raises(GrantError, match="wants programs judged, and not traced"):
            issue(msgspec.structs.replace(untraced, **wanted), SIGNER)


def test_a_grant_survives_its_token() -> None:
    assert verify_grant(TOKEN, roots=ROOTS, now=NOW) == GRANT


def test_a_token_is_one_printable_argument() -> None:
    assert TOKEN.isascii()
    assert TOKEN.decode().isprintable()
    assert b" " not in TOKEN


def test_no_changed_byte_is_accepted() -> None:
    raw = bytearray(base64.urlsafe_b64decode(TOKEN + b"=" * (-len(TOKEN) % 4)))
    for position in range(len(raw)):
        changed = bytearray(raw)
        changed[position] ^= 1
        with pytest.raises(GrantError):
            verify_grant(base64.urlsafe_b64encode(bytes(changed)).rstrip(b"="), roots=ROOTS, now=NOW)


@given(st.binary(max_size=300))
def test_garbage_is_a_grant_error(garbage: bytes) -> None:
    with pytest.raises(GrantError):
        verify_grant(garbage, roots=ROOTS, now=NOW)


def test_refuses_a_grant_of_another_installation() -> None:
    with pytest.raises(GrantError, match="root"):
        verify_grant(TOKEN, roots=(KEY.public_key().public_bytes_raw(),), now=NOW)


def test_refuses_an_identity_too_large_to_carry() -> None:
    with pytest.raises(GrantError, match="too large"):
        issue(msgspec.structs.replace(GRANT, sealed=bytes(100_000)), SIGNER)


def test_admits_the_dial_in_it_was_made_for_within_the_skew() -> None:
    for now in (NOW - 5, NOW, NOW + 60, NOW + 65):
        check_dial_in(GRANT, DIAL_IN, now=now, skew_seconds=5)


@pytest.mark.parametrize(
    ("dial_in", "now", "why"),
    [
        (DIAL_IN, NOW + 66, "expired"),
        (DIAL_IN, NOW - 6, "from the future"),
        (DialIn("uid-2", "db", ARGV, tty=False), NOW, "another pod"),
        (DialIn("uid-1", "app", ARGV, tty=False), NOW, "another container"),
        (DialIn("uid-1", "db", (*ARGV, b""), tty=False), NOW, "another command line"),
        (DialIn("uid-1", "db", ARGV, tty=True), NOW, "without a terminal"),
    ],
)
def test_refuses_every_other_dial_in(dial_in: DialIn, now: int, why: str) -> None:
    with pytest.raises(GrantError, match=why):
        check_dial_in(GRANT, dial_in, now=now, skew_seconds=5)


@given(st.lists(st.binary(max_size=8), max_size=4), st.lists(st.binary(max_size=8), max_size=4))
def test_command_lines_share_a_digest_only_when_equal(a: list[bytes], b: list[bytes]) -> None:
    assert (argv_digest(a) == argv_digest(b)) == (a == b)


def test_a_signer_never_shows_its_key() -> None:
    assert repr(SIGNER) == "GrantSigner(…)"


APPLICATION = msgspec.structs.replace(
    GRANT, expires_at=0, pod="", pod_uid="", limits=Limits(idle_seconds=0, total_seconds=0), application=True
)
OWN = DialIn("uid-9", "db", ARGV, tty=False, namespace="payments", application=True)


def test_the_grant_of_an_own_program_holds_after_its_key_has_expired() -> None:
    token = issue(APPLICATION, SIGNER).encode()
    assert verify_grant(token, roots=ROOTS, now=NOW + 10**8) == APPLICATION
    check_dial_in(APPLICATION, OWN, now=NOW + 10**8, skew_seconds=0)
    early = msgspec.structs.replace(APPLICATION, issued_at=NOW + 7200)
    with pytest.raises(GrantError, match="not valid at this time"):
        verify_grant(issue(early, SIGNER).encode(), roots=ROOTS, now=NOW)


@pytest.mark.parametrize(
    "changed",
    [
        {"namespace": "other"},
        {"container": "other"},
        {"argv": (b"other",)},
        {"tty": True},
        {"application": False},
    ],
)
def test_the_grant_of_an_own_program_is_for_nothing_else(changed: dict[str, object]) -> None:
    with pytest.raises(GrantError, match="the grant is for"):
        check_dial_in(APPLICATION, msgspec.structs.replace(OWN, **changed), now=NOW, skew_seconds=0)


def test_an_own_program_needs_a_grant_of_its_own() -> None:
    with pytest.raises(GrantError, match="for a session, and not"):
        check_dial_in(GRANT, OWN, now=NOW, skew_seconds=0)


def test_of_a_command_line_that_is_filled_in_all_other_words_are_bound() -> None:
    digest = argv_digest((b"psql", b"-c", b"$(WHAT)"), (2,))
    unbound = msgspec.structs.replace(APPLICATION, argv_digest=digest, unbound=(2,))
    assert verify_grant(issue(unbound, SIGNER).encode(), roots=ROOTS, now=NOW) == unbound
    for argv in (ARGV, (b"psql", b"-c", b"any")):
        check_dial_in(unbound, msgspec.structs.replace(OWN, argv=argv), now=NOW, skew_seconds=0)
    for argv in ((b"psql", b"-f", b"any"), (b"sh", b"-c", b"any"), (b"psql", b"-c", b"any", b"more")):
        with pytest.raises(GrantError, match="for another command line"):
            check_dial_in(unbound, msgspec.structs.replace(OWN, argv=argv), now=NOW, skew_seconds=0)
