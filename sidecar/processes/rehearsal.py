"""Doing once, in memory, what every session does, so that no session pays for first times.

Decoders are built, cryptographic algorithms looked up and memory pages copied on first use.
"""

import os
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sidecar.commands.judging import Judge
from sidecar.contract.events import Channel, Data, encode_event
from sidecar.contract.frames import Chain
from sidecar.contract.grants import (
    DialIn,
    Grant,
    GrantSigner,
    Limits,
    argv_digest,
    check_dial_in,
    issue,
    verify_grant,
)
from sidecar.contract.handshake import Executed, Exited
from sidecar.contract.signing import KeyCertificate, Purpose, certify
from sidecar.masking import Engine
from sidecar.recording.inputs import Delivered, Received, ShimSaid, SourceEnded
from sidecar.recording.programs import Programs
from sidecar.recording.session import Session

_NOW: Final = 1_000_000_000
_ARGV: Final = (b"true",)
_OUTPUT: Final = (
    b"4111111111111111\n4111-1111-1111-1111 cvv=123 pin: 1234\n"
    b"\x1b[1m4111 1111 1111 1111\x1b[0m\r\n;4111111111111111=30011010000012345678?\n"
)
"""Card data in the notations that sessions meet most (a test number of Visa)."""
_PROGRAM: Final = Executed(1, 0, 0, b"/bin/true", b"/", _ARGV, truncated=False)


class Rehearsal:
    """A grant of a throw-away root, and an engine to mask with."""

    def __init__(self, engine: Engine) -> None:
        root, key = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
        self._root = root.public_key().public_bytes_raw()
        self._engine = engine
        certificate = KeyCertificate(Purpose.GRANT, key.public_key().public_bytes_raw(), _NOW, _NOW)
        self._token = issue(_grant(), GrantSigner(key, certify(root, certificate))).encode()

    def run(self) -> None:
        """Run a session that never was."""
        grant = verify_grant(self._token, roots=(self._root,), now=_NOW)
        check_dial_in(
            grant, DialIn(grant.pod_uid, grant.container, _ARGV, tty=False), now=_NOW, skew_seconds=0
        )
        session = Session(
            tty=False,
            limits=grant.limits,
            maskers=dict.fromkeys(Channel, self._engine.stream),
            programs=Programs(
                self._engine.masks, Judge(()), must_be_seen=False, session=grant.session, namespace=""
            ),
            spool_patience=0,
        )
        session.handle(ShimSaid(0, _PROGRAM))
        session.handle(Received(0, Channel.STDOUT, _OUTPUT))
        session.handle(Delivered(0, Channel.STDOUT, len(_OUTPUT)))
        session.handle(SourceEnded(0, Channel.STDIN))
        session.handle(ShimSaid(0, Exited(0, 0)))
        Chain(grant.session).append(encode_event(Data(0, Channel.STDOUT, os.urandom(64))))


def _grant() -> Grant:
    return Grant(
        session="0" * 26,
        issued_at=_NOW,
        expires_at=_NOW,
        namespace="",
        pod="",
        pod_uid="",
        container="",
        argv_digest=argv_digest(_ARGV),
        tty=False,
        profile="",
        limits=Limits(),
        sealed=b"",
    )
