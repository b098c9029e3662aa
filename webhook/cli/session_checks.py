"""Whether sessions are as their manifests say. No I/O but what is passed in."""

from collections.abc import Iterable, Sequence

from msgspec import UNSET

from sidecar.contract.errors import CallerError
from sidecar.contract.frames import Chain, Frame
from sidecar.contract.sealing import Identity
from webhook.audit_api.objects import Session, duration, rfc3339
from webhook.ledger.manifest import Manifest, json_digest
from webhook.replay.safety import printable


def difference(manifest: Manifest, session: Session, *, goes_on: bool = False) -> str:
    """Give the first thing in which a session differs from its manifest; empty when there is none.

    Of one that ``goes_on`` since the manifest was made, what was known when it started is compared.
    """
    spec, status = session.spec, session.status
    user = spec.user
    identity = Identity(user.username, user.uid, user.groups, user.extra)
    exit_code = None if status.exit_code is UNSET else status.exit_code
    pairs: list[tuple[str, object, object]] = [
        ("kind", (manifest.kind, manifest.without_content), (spec.kind, spec.without_content)),
        ("namespace", manifest.namespace, session.metadata.namespace),
        ("pod", (manifest.pod, manifest.pod_uid), (spec.pod, spec.pod_uid)),
        ("container", manifest.container, spec.container),
        ("node", manifest.node, spec.node),
        ("user", (manifest.user, manifest.identity_digest), (user.username, json_digest(identity))),
        ("command line", manifest.argv_digest, json_digest(spec.command)),
        ("decision", _decided(manifest), _decision(session)),
        ("terminal", (manifest.tty, manifest.stdin), (spec.tty, spec.stdin)),
        ("start", rfc3339(manifest.started_at), status.started_at),
        ("masking", (manifest.profile, manifest.masking), (spec.masking.profile, spec.masking.fingerprint)),
        ("recorder", manifest.recorder, status.recorder),
    ]
    later: list[tuple[str, object, object]] = [
        ("phase", manifest.phase, status.phase),
        ("ending", (manifest.how, manifest.reason), (status.how, status.reason)),
        ("exit code", manifest.exit_code, exit_code),
        ("end", "" if manifest.ended_at is None else rfc3339(manifest.ended_at), status.ended_at),
        ("clock skew", duration(manifest.clock_skew), status.clock_skew),
        ("number of frames", manifest.frames, status.chain.next_sequence),
        ("hash chain", manifest.last_digest, status.chain.digest),
        ("bytes", _counted(manifest), _bytes(session)),
        ("masked counts", manifest.findings, status.findings.by_rule),
    ]
    pairs += [] if goes_on else later
    return next((name for name, told, kept in pairs if told != kept), "")


def broken_frame(
    session: str, frames: Iterable[Frame], *, last: Manifest | None, former: Sequence[Manifest] = ()
) -> str:
    """Give where a session's frames are not those that its manifests were made of; empty when they are.

    ``last`` is of all frames, None while the session goes on; ``former`` are of so many as there were then.
    """
    manifests = (*former, *([last] if last else []))
    digests = {manifest.frames: manifest.last_digest for manifest in manifests}
    chain = Chain(session)
    for frame in frames:
        try:
            chain.accept(frame)
        except CallerError as error:
            return printable(str(error))
        if frame.sequence == 0 and any(frame.digest.hex() != each.first_digest for each in manifests):
            return "frame 0 is another than the first that was sealed"
        if chain.digest.hex() != digests.get(chain.next_sequence, chain.digest.hex()):
            return _other_end(frame.sequence, is_last=last is not None and chain.next_sequence == last.frames)
    most = max(digests, default=0)
    if chain.next_sequence < most or (last is not None and chain.next_sequence != last.frames):
        return f"{chain.next_sequence} frames are kept, and {most} were sealed"
    return ""


def _other_end(sequence: int, *, is_last: bool) -> str:
    if is_last:
        return "the hash chain ends in another digest than was sealed"
    return f"frame {sequence} is another than was sealed when the session was taken for lost"


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
