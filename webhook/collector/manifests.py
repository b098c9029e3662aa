"""A session's manifest out of its record. Pure."""

from typing import Final

from sidecar.contract.events import Ending
from webhook.ledger.manifest import Gap, Manifest, json_digest
from webhook.store.contract import Phase, SessionRecord

_RESUMED: Final = "another recorder had this program before; what it had taken and not delivered is lost"


def manifest_of(record: SessionRecord, first_digest: bytes, *, sealed_at: int) -> Manifest:
    """Give the manifest of a session that has ended.

    ``first_digest`` is the hash chain's after the first frame, empty when there is none; ``sealed_at`` is the
    time of now in Unix nanoseconds.
    """
    identity, decision = record.identity, record.decision
    return Manifest(
        session=record.session,
        kind=record.kind.value,
        without_content=not record.content,
        namespace=record.namespace,
        pod=record.pod,
        pod_uid=record.pod_uid,
        container=record.container,
        node=record.node,
        user=identity.username,
        identity_digest=json_digest(identity),
        argv_digest=json_digest(record.argv),
        grant_digest=record.grant_digest.hex(),
        action=decision.action,
        policy=decision.policy,
        rule=decision.rule,
        request=decision.request_uid,
        approval=decision.approval or "",
        tty=record.tty,
        stdin=record.stdin,
        phase=record.phase.value,
        how=record.how.value if record.how else "",
        reason=record.reason,
        exit_code=record.exit_code,
        started_at=record.started_at,
        ended_at=record.ended_at,
        sealed_at=sealed_at,
        clock_skew=record.clock_skew,
        frames=record.next_sequence,
        first_digest=first_digest.hex(),
        last_digest=record.digest.hex(),
        stdin_bytes=record.stdin_bytes,
        stdout_bytes=record.stdout_bytes,
        stderr_bytes=record.stderr_bytes,
        findings=record.findings,
        gaps=_gaps(record),
        profile=record.profile,
        masking=record.masking,
        recorder=record.recorder,
    )


def same_ending(one: Manifest, other: Manifest) -> bool:
    """Tell whether two manifests are of the same record, however often and when they were made."""
    return _ending(one) == _ending(other)


def _ending(manifest: Manifest) -> tuple[int, str, str, str]:
    return manifest.frames, manifest.last_digest, manifest.phase, manifest.how


def is_over(record: SessionRecord) -> bool:
    """Tell whether nothing more is taken for a session."""
    return record.phase is not Phase.ACTIVE


def _gaps(record: SessionRecord) -> tuple[Gap, ...]:
    """Give where something may be missing.

    Of a program that another recorder had before, what that one took is not known. What the next recorder
    closed lacks what lies before its last frame, the end; what was not believed, or whose recorder is lost,
    lacks all that would follow.
    """
    gaps = (Gap(0, _RESUMED),) if record.resumed else ()
    if record.phase is not Phase.INTERRUPTED:
        return gaps
    closed = record.how is Ending.INTERRUPTED
    return (*gaps, Gap(max(record.next_sequence - (2 if closed else 1), -1), record.reason))
