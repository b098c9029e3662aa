"""Grants: the admission side's signed word that one session may start in one container.

A grant travels as an argument of the shim, so everybody in the container can read it. It holds no
secret: what only the collector may know is sealed (see ``sealing``), and a grant is used once.
"""

import base64
import binascii
import hashlib
import struct
from collections.abc import Collection, Sequence
from enum import Enum
from typing import Annotated, TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sidecar.contract.decoding import UNREADABLE
from sidecar.contract.errors import CallerError
from sidecar.contract.identifiers import is_session_id
from sidecar.contract.signing import Certified, Purpose, certified_key, sign, verify

_V = TypeVar("_V")

LIFETIME_SECONDS = 60
MAX_TOKEN_BYTES = 96 * 1024
"""Longest grant accepted: one execve argument holds at most 128 KiB (execve(2), MAX_ARG_STRLEN)."""


MAX_RULES = 32
MAX_RULES_BYTES = 8 * 1024
"""Of the names and patterns of one grant's masking rules together."""


MAX_COMMANDS_BYTES = 16 * 1024
"""Of the command rules of one grant, encoded."""


class GrantError(CallerError):
    """A grant that must not start a session; the text says why and is shown to the caller."""


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """When a session is ended from outside. Seconds, bytes and findings; zero means no limit."""

    idle_seconds: int = 900
    """No input and no output for this long (PCI DSS 8.2.8 asks for 15 minutes)."""
    total_seconds: int = 8 * 3600
    output_bytes: int = 0
    findings: int = 0
    """How much card data may be found in it, on all channels together."""


class MaskingRule(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A masking rule that a policy adds, as it travels; ``sidecar.masking`` says what a pattern may be."""

    name: str
    pattern: str
    last_four: bool = False
    """Whether the last four characters stay visible."""
    check_digit: bool = False
    """Whether the digits must carry a check digit (ISO/IEC 7812-1)."""


class PatternKind(Enum):
    """How a description of command lines is meant; GuardPolicy documents say it in these words."""

    EXACT = "exact"
    PREFIX = "prefix"
    GLOB = "glob"
    REGEX = "regex"
    CEL = "cel"
    """No description of a line: an expression over a program, for rules about programs alone."""


class CommandPattern(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A description of command lines, as it travels: argument by argument, or one expression."""

    kind: PatternKind
    words: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]


class CommandRule(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What a policy's rule says of the programs inside a session."""

    rule: str
    """``policy/rule``."""
    reason: str
    allow: tuple[CommandPattern, ...] = ()
    """Nothing else may run; empty where anything may."""
    deny: tuple[CommandPattern, ...] = ()
    ends: bool = False
    """Whether what must not run ends the session."""
    approve: tuple[CommandPattern, ...] = ()
    """What waits before its first instruction until somebody has approved it."""
    wait_seconds: int = 0
    """How long it waits; then it does not run."""
    lines: bool = False
    """Whether ``deny`` and ``approve`` are about lines for shells, too: typed, or given with ``-c``."""


class Grant(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What may start: one session, in one container of one pod, with one command line."""

    session: str
    issued_at: int
    """Unix seconds."""
    expires_at: int
    namespace: str
    pod: str
    pod_uid: str
    container: str
    argv_digest: bytes
    tty: bool
    profile: str
    limits: Limits
    sealed: bytes
    """The requester's identity and the decision, for the collector alone."""
    rules: tuple[MaskingRule, ...] = ()
    """What else is masked, at most ``MAX_RULES`` of ``MAX_RULES_BYTES`` together."""
    commands: tuple[CommandRule, ...] = ()
    """What may run inside, at most ``MAX_COMMANDS_BYTES``; every rule must let a program pass."""
    traced: bool = False
    """Whether there is no session where its programs cannot be seen."""
    untraced: str = ""
    """The rule, ``policy/rule``, by which its programs are not traced at all; empty where they are."""
    application: bool = False
    """Whether it is for a container's own program: see :func:`check_application`."""
    content: bool = False
    """Of an own program: whether what comes and goes is recorded, and not only that it runs."""
    unbound: tuple[int, ...] = ()
    """Of an own program: which words of its command line the digest leaves out, counted from 0."""


class _Token(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    version: int
    certificate: Certified
    body: bytes
    signature: bytes


class GrantSigner(msgspec.Struct, frozen=True):
    """A signing key and the root's certificate for it."""

    key: Ed25519PrivateKey
    certificate: Certified

    def __repr__(self) -> str:
        return "GrantSigner(…)"


class DialIn(msgspec.Struct, frozen=True):
    """What a recorder knows of the shim that presents a grant."""

    pod_uid: str
    container: str
    argv: tuple[bytes, ...]
    tty: bool
    namespace: str = ""
    application: bool = False


def argv_digest(argv: Sequence[bytes], unbound: Collection[int] = ()) -> bytes:
    """Give the SHA-256 over a command line, each argument preceded by its length.

    Those at the places in ``unbound``, counted from 0, count as empty.
    """
    digest, left_out = hashlib.sha256(), frozenset(unbound)
    for place, word in enumerate(argv):
        argument = b"" if place in left_out else word
        digest.update(struct.pack("<Q", len(argument)) + argument)
    return digest.digest()


def issue(grant: Grant, signer: GrantSigner) -> str:
    """Give the token for a grant: one argument of printable ASCII. Raises GrantError."""
    _check_terms(grant)
    body = msgspec.msgpack.encode(grant)
    token = _Token(1, signer.certificate, body, sign(signer.key, Purpose.GRANT, body))
    encoded = base64.urlsafe_b64encode(msgspec.msgpack.encode(token)).rstrip(b"=").decode()
    if len(encoded) > MAX_TOKEN_BYTES:
        raise GrantError(
            "the requester's identity is too large for a grant (too many groups or extra fields)"
        )
    return encoded


def verify_grant(token: bytes, *, roots: tuple[bytes, ...], now: int | None) -> Grant:
    """Give the grant in a token after checking its signature and its key's certificate.

    ``roots`` are raw Ed25519 public keys, ``now`` is in Unix seconds and judges the certificate only;
    None judges it at the time the grant was issued, for those who are told of a session later. A grant for a
    container's own program is always judged so: pods live longer than keys.
    :func:`check_dial_in` judges the grant's own times. Raises GrantError.
    """
    if len(token) > MAX_TOKEN_BYTES:
        raise GrantError("the grant is too long")
    parsed = _parse(token)
    grant = _decode(parsed.body, Grant)
    moment = grant.issued_at if now is None or grant.application else now
    try:
        public_key = certified_key(parsed.certificate, roots=roots, purpose=Purpose.GRANT, now=moment)
    except CallerError as error:
        raise GrantError(str(error)) from None
    if parsed.version != 1 or not verify(public_key, Purpose.GRANT, parsed.body, parsed.signature):
        raise GrantError("the grant's signature does not hold")
    if not is_session_id(grant.session):
        raise GrantError("the grant names no session")
    _check_terms(grant)
    return grant


def _check_terms(grant: Grant) -> None:
    check_rules(grant.rules)
    check_commands(grant.commands)
    if grant.untraced and (grant.traced or grant.commands):
        raise GrantError("the grant wants programs judged, and not traced")


def check_rules(rules: Sequence[MaskingRule]) -> None:
    """Check that masking rules fit into a grant. Raises GrantError."""
    size = sum(len(rule.name.encode()) + len(rule.pattern.encode()) for rule in rules)
    if len(rules) > MAX_RULES or size > MAX_RULES_BYTES:
        raise GrantError(
            f"the policies' masking rules for this session are too many for a grant: {len(rules)} of at most"
            f" {MAX_RULES}, {size} bytes of at most {MAX_RULES_BYTES}"
        )


def check_commands(rules: Sequence[CommandRule]) -> None:
    """Check that command rules fit into a grant. Raises GrantError."""
    size = len(msgspec.msgpack.encode(rules))
    if size > MAX_COMMANDS_BYTES:
        raise GrantError(
            f"the policies' rules for programs inside this session are too long for a grant: {size} bytes"
            f" of at most {MAX_COMMANDS_BYTES}"
        )


def check_dial_in(grant: Grant, dial_in: DialIn, *, now: int, skew_seconds: int) -> None:
    """Check that a verified grant is for this dial-in, at this time (Unix seconds).

    ``skew_seconds`` is how far the issuer's clock may be from ours. Raises GrantError.
    """
    if grant.application or dial_in.application:
        check_application(grant, dial_in)
        return
    if now > grant.expires_at + skew_seconds:
        raise GrantError("the grant has expired; run the command again")
    if now < grant.issued_at - skew_seconds:
        raise GrantError("the grant is from the future; the clocks of node and webhook differ too much")
    if grant.pod_uid != dial_in.pod_uid:
        raise GrantError("the grant is for another pod")
    if grant.container != dial_in.container:
        raise GrantError("the grant is for another container")
    if grant.argv_digest != argv_digest(dial_in.argv):
        raise GrantError("the grant is for another command line")
    _check_terminal(grant, dial_in)


def check_application(grant: Grant, dial_in: DialIn) -> None:
    """Check that a verified grant is for this container's own program. Raises GrantError.

    It is part of the pod's manifest, so it neither expires nor is used up, and holds wherever the same
    program runs in a container of this name in the namespace; it lets nothing happen but masking. Words that
    nobody knows before the kubelet fills them in (``$(VARIABLE)``) are not bound.
    """
    if not (grant.application and dial_in.application):
        raise GrantError(
            "the grant is for a container's own program"
            if grant.application
            else "the grant is for a session, and not for a container's own program"
        )
    if (grant.namespace, grant.container) != (dial_in.namespace, dial_in.container):
        raise GrantError("the grant is for another container")
    if grant.argv_digest != argv_digest(dial_in.argv, grant.unbound):
        raise GrantError("the grant is for another command line")
    _check_terminal(grant, dial_in)


def _check_terminal(grant: Grant, dial_in: DialIn) -> None:
    if grant.tty != dial_in.tty:
        raise GrantError(
            "the grant is for a session with a terminal"
            if grant.tty
            else "the grant is for a session without a terminal"
        )


def _parse(token: bytes) -> _Token:
    try:
        raw = base64.b64decode(token + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise GrantError("the grant cannot be read") from None
    return _decode(raw, _Token)


def _decode(data: bytes, kind: type[_V]) -> _V:
    try:
        return msgspec.msgpack.decode(data, type=kind)
    except UNREADABLE:
        raise GrantError("the grant cannot be read") from None
