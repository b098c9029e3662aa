"""Whether sessions are as their manifests say. No I/O but what is passed in."""

from collections.abc import Iterable

from msgspec import UNSET

from sidecar.contract.errors import CallerError
from sidecar.contract.frames import Chain, Frame
from sidecar.contract.sealing import Identity
from webhook.audit_api.objects import Session, duration, rfc3339
from webhook.ledger.manifest import Manifest, json_digest
from webhook.replay.safety import printable


def difference(manifest: Manifest, session: Session) -> str:
    """Give the first thing in which a session differs from its manifest; empty when there is none."""
    spec, status = session.spec, session.status
    user = spec.user
    identity = Identity(user.username, user.uid, user.groups, user.extra)
    exit_code = None if status.exit_code is UNSET else status.exit_code
    pairs: list[tuple[str, object, object]] = [
        ("namespace", manifest.namespace, session.metadata.namespace),
        ("pod", (manifest.pod, manifest.pod_uid), (spec.pod, spec.pod_uid)),
        ("container", manifest.container, spec.container),
        ("node", manifest.node, spec.node),
        ("user", (manifest.user, manifest.identity_digest), (user.username, json_digest(identity))),
        ("command line", manifest.argv_digest, json_digest(spec.command)),
        ("decision", _decided(manifest), _decision(session)),
        ("terminal", (manifest.tty, manifest.stdin), (spec.tty, spec.stdin)),
        ("phase", manifest.phase, status.phase),
        ("ending", (manifest.how, manifest.reason), (status.how, status.reason)),
        ("exit code", manifest.exit_code, exit_code),
        ("start", rfc3339(manifest.started_at), status.started_at),
        ("end", "" if manifest.ended_at is None else rfc3339(manifest.ended_at), status.ended_at),
        ("clock skew", duration(manifest.clock_skew), status.clock_skew),
        ("number of frames", manifest.frames, status.chain.next_sequence),
        ("hash chain", manifest.last_digest, status.chain.digest),
        ("bytes", _counted(manifest), _bytes(session)),
        ("masked counts", manifest.findings, status.findings.by_rule),
        ("masking", (manifest.profile, manifest.masking), (spec.masking.profile, spec.masking.fingerprint)),
        ("recorder", manifest.recorder, status.recorder),
    ]
    return next((name for name, told, kept in pairs if told != kept), "")


def broken_frame(manifest: Manifest, frames: Iterable[Frame]) -> str:
    """Give where a session's frames are not those that its manifest was made of; empty when they are."""
    chain = Chain(manifest.session)
    for frame in frames:
        try:
            chain.accept(frame)
        except CallerError as error:
            return printable(str(error))
        if frame.sequence == 0 and frame.digest.hex() != manifest.first_digest:
            return "frame 0 is another than the first that was sealed"
    if chain.next_sequence != manifest.frames:
        return f"{chain.next_sequence} frames are kept, and {manifest.frames} were sealed"
    if chain.digest.hex() != manifest.last_digest:
        return "the hash chain ends in another digest than was sealed"
    return ""


def _decided(manifest: Manifest) -> tuple[str, ...]:
    return manifest.action, manifest.policy, manifest.rule, manifest.request, manifest.approval


def _decision(session: Session) -> tuple[str, ...]:
    decision = session.spec.decision
    return decision.action, decision.policy, decision.rule, decision.request_uid, decision.approval


def _counted(manifest: Manifest) -> tuple[int, int, int]:
    return manifest.stdin_bytes, manifest.stdout_bytes, manifest.stderr_bytes


def _bytes(session: Session) -> tuple[int, int, int]:
    counts = session.status.bytes
    return counts.stdin, counts.stdout, counts.stderr
