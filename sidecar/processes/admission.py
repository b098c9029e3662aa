"""Deciding whether a dial-in becomes a session."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from sidecar.contract.errors import CallerError
from sidecar.contract.grants import DialIn, Grant, GrantError, check_dial_in, verify_grant
from sidecar.contract.handshake import Hello
from sidecar.contract.wire import NoticeKind
from sidecar.processes import claims
from sidecar.processes.installation import DEBUG
from sidecar.settings import Settings


class RefusedError(CallerError):
    """A dial-in that gets no session; the text is shown to the caller."""

    def __init__(self, reason: str, kind: NoticeKind, session: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.kind = kind
        self.session = session


@dataclass(frozen=True)
class Admitted:
    """A dial-in whose grant holds and is used up by it."""

    grant: Grant
    token: bytes
    hello: Hello
    container: str
    lock: claims.Lock | None = None
    """Of a container's own program: nobody else is served as such as long as it is held."""

    @property
    def grant_digest(self) -> bytes:
        """SHA-256 of the grant's token."""
        return hashlib.sha256(self.token).digest()


def admit(hello: Hello, dialled: str, settings: Settings, *, now: int) -> Admitted:
    """Check a dial-in's grant and use it up; ``now`` is in Unix seconds. Raises RefusedError.

    ``dialled`` names the container whose socket it came by; that of all debug containers does not say which.
    """
    session = ""
    try:
        grant = verify_grant(hello.grant, roots=settings.root_keys, now=now)
        session = grant.session
        container = _container(grant, dialled, settings)
        dial_in = DialIn(
            settings.pod_uid,
            container,
            hello.argv,
            hello.header.tty,
            namespace=settings.namespace,
            application=hello.header.application,
        )
        check_dial_in(grant, dial_in, now=now, skew_seconds=settings.skew_seconds)
    except GrantError as error:
        raise RefusedError(str(error), NoticeKind.GRANT_REFUSED, session) from None
    if grant.application:
        return _admit_application(Admitted(grant, hello.grant, hello, container), container, settings)
    if not claims.claim(Path(settings.spool), session):
        raise RefusedError(
            "the grant was used before; run the command again", NoticeKind.GRANT_REPLAYED, session
        )
    return Admitted(grant, hello.grant, hello, container)


def _container(grant: Grant, dialled: str, settings: Settings) -> str:
    """Give which container dials; a debug container is any that has no socket of its own."""
    is_debug = dialled == DEBUG and not grant.application and grant.container not in settings.containers
    return grant.container if is_debug else dialled


def _admit_application(admitted: Admitted, container: str, settings: Settings) -> Admitted:
    lock = claims.lock(Path(settings.spool), container)
    if lock is None:
        reason = "the container's own program is under the shim already; this grant is for it alone"
        raise RefusedError(reason, NoticeKind.GRANT_REPLAYED, admitted.grant.session)
    return replace(admitted, lock=lock)
