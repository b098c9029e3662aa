"""What proves that a session may exist: its pod's token, its grant, its sealed identity. Pure."""

import hashlib
from dataclasses import dataclass, field

import msgspec

from sidecar.contract.errors import CallerError, ConfigurationError
from sidecar.contract.events import SessionKind, SessionStart
from sidecar.contract.grants import Grant, verify_grant
from sidecar.contract.sealing import Sealed, unseal
from sidecar.contract.wire import Open


@dataclass(frozen=True)
class PodIdentity:
    """The pod that a recorder's token proved."""

    namespace: str
    pod: str
    uid: str
    account: str = ""
    """Its service account."""


@dataclass(frozen=True)
class Trust:
    """What grants are checked and opened with."""

    roots: tuple[bytes, ...]
    """Raw Ed25519 public keys."""
    seal_keys: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True)
class Proven:
    """A session that admission allowed in this pod."""

    grant: Grant
    """As it is for this session: that of an own program is completed by what the pod's token proves."""
    digest: bytes
    """SHA-256 of the grant's token."""
    sealed: Sealed


class UnbelievedError(CallerError):
    """A record that is not believed; the text says why and is kept for the auditor."""


class NotReadyError(ConfigurationError):
    """A record that cannot be judged with the keys at hand."""


def prove(message: Open, pod: PodIdentity, trust: Trust) -> Proven:
    """Check a session's grant against the pod that presents it.

    An expired grant is fine: the collector may hear of a session late, and the recorder has judged the
    time. Raises UnbelievedError, and NotReadyError when the seal's key is not here (yet).
    """
    token = message.grant.encode()
    try:
        grant = verify_grant(token, roots=trust.roots, now=None)
    except CallerError as error:
        raise UnbelievedError(str(error)) from None
    opened = _of_own_program(grant, message.session, pod) if grant.application else grant
    if opened.session != message.session:
        raise UnbelievedError("the grant is for another session")
    if (opened.namespace, opened.pod, opened.pod_uid) != (pod.namespace, pod.pod, pod.uid):
        raise UnbelievedError("the grant is for another pod")
    try:
        sealed = unseal(trust.seal_keys, grant.session, grant.sealed)
    except CallerError as error:
        raise NotReadyError(str(error)) from None
    return Proven(opened, hashlib.sha256(token).digest(), sealed)


def _of_own_program(grant: Grant, session: str, pod: PodIdentity) -> Grant:
    """Give the grant of a container's own program for one of its sessions.

    It was issued before the pod had a name of its own, and holds for every start. So the recorder names the
    session, and the pod is the one whose token it has.
    """
    return msgspec.structs.replace(grant, session=session, pod=pod.pod, pod_uid=pod.uid)


def check_start(start: SessionStart, proven: Proven) -> None:
    """Check that a session's first event tells what its grant allows. Raises UnbelievedError.

    The command line cannot be checked here: the grant binds the real one, the event holds it masked.
    The recorder checked it before it let the program start.
    """
    grant = proven.grant
    told = (start.session, start.namespace, start.pod, start.pod_uid, start.container, start.tty)
    allowed = (grant.session, grant.namespace, grant.pod, grant.pod_uid, grant.container, grant.tty)
    kind = SessionKind.MAIN_PROCESS if grant.application else SessionKind.EXEC
    recorded = (start.kind, start.content) == (kind, grant.content or not grant.application)
    same = (start.profile, start.grant_digest) == (grant.profile, proven.digest)
    if told != allowed or not (recorded and same):
        raise UnbelievedError("the session's start differs from its grant")
