"""A session's manifest: what the collector signs when the session has ended, for good or interrupted."""

import hashlib
from collections.abc import Sequence

import msgspec

from sidecar.contract.sealing import Identity

_encode = msgspec.json.Encoder(order="sorted").encode


class Gap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place where the record may be incomplete."""

    after: int
    """Number of the last frame before it; -1 when the session has none."""
    reason: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """What a session was, in numbers. Times are Unix nanoseconds, digests SHA-256 in hexadecimal.

    Masked texts of others, the command line above all, are in it as digests alone.
    """

    session: str
    kind: str = "exec"
    """``main-process`` for a container's own program."""
    without_content: bool = False
    """Whether it was only counted what came and went."""
    number: int = 1
    """Further ones are of a session that was taken for lost and went on: the last one counts."""
    before: int = 0
    """Frames that the manifest before it was made of; what follows them came late."""
    namespace: str
    pod: str
    pod_uid: str
    container: str
    node: str
    user: str
    identity_digest: str
    """See :func:`json_digest`: of username, uid, groups and extra as the API server gave them."""
    argv_digest: str
    """See :func:`json_digest`: of the masked command line as a list."""
    grant_digest: str
    """Of the grant that let the session start."""
    action: str
    policy: str
    rule: str
    request: str
    """UID of the AdmissionReview, which the API server's own audit log has as well."""
    approval: str = ""
    tty: bool
    stdin: bool
    phase: str
    how: str = ""
    """How it ended; absent when nobody knows."""
    reason: str = ""
    exit_code: int | None = None
    started_at: int
    """On the recorder's clock."""
    ended_at: int | None = None
    """On the recorder's clock; absent when nobody knows."""
    sealed_at: int
    """When the manifest was made, on the collector's clock."""
    clock_skew: int
    """Recorder's clock minus collector's."""
    frames: int
    first_digest: str = ""
    """Of the hash chain after the first frame; absent without frames."""
    last_digest: str
    stdin_bytes: int
    stdout_bytes: int
    stderr_bytes: int
    findings: dict[str, int]
    """Masked counts by ``rule/brand``."""
    gaps: tuple[Gap, ...] = ()
    profile: str
    masking: str
    """Fingerprint of the masking engine: version, profile and card-table hash."""
    recorder: str
    """Version of the recorder."""


def json_digest(value: Identity | Sequence[str]) -> str:
    """Give the SHA-256 of a value as JSON: keys sorted, no spaces, UTF-8, in hexadecimal."""
    return hashlib.sha256(_encode(value)).hexdigest()
