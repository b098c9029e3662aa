"""Tables of sessions: those that are sealed, and those that are not. Pure."""

import shlex
from collections.abc import Iterable
from typing import Final

import msgspec

from webhook.audit_api.objects import duration, rfc3339
from webhook.evidence.recordings import Outline
from webhook.evidence.selection import started
from webhook.evidence.source import Asked
from webhook.evidence.tables import asked_of
from webhook.journal.events import AuditEvent, Kind
from webhook.ledger.manifest import Manifest
from webhook.replay.safety import printable

FINDINGS_PEAK: Final = 10
"""Masked numbers in one session from which on somebody should look."""


class SessionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One session that ended."""

    session: str
    kind: str
    """exec, or main-process for a container's own program."""
    without_content: bool
    entry: int
    """Number of its manifest in the ledger."""
    user: str
    groups: tuple[str, ...]
    namespace: str
    pod: str
    container: str
    node: str
    command: str
    tty: bool
    started: str
    ended: str
    duration: str
    exit_code: int | None
    phase: str
    how: str
    reason: str
    action: str
    policy: str
    rule: str
    approval: str
    masked: int
    masked_by: dict[str, int]
    gaps: int
    stdin_bytes: int
    stdout_bytes: int
    stderr_bytes: int
    clock_skew: str
    masking: str
    profile: str
    programs: int
    denied: int
    untraced: str
    played: bool
    kept: bool
    """Whether its recording is there."""


class OpenRow(msgspec.Struct, frozen=True, kw_only=True):
    """A session that was let start and is not sealed: it never began, or had not ended."""

    session: str
    entry: int
    at: str
    user: str
    namespace: str
    asked: str


def is_pan(finding: str) -> bool:
    """Tell whether ``rule/brand`` of masked counts is of card numbers: ``pan`` may begin other names."""
    return finding.partition("/")[0] == "pan"


def session_row(entry: int, manifest: Manifest, asked: Asked | None, outline: Outline | None) -> SessionRow:
    """Give a session's row; ``asked`` and ``outline`` are missing where the recording is."""
    seen = outline or Outline()
    ended = manifest.ended_at
    return SessionRow(
        session=manifest.session,
        kind=manifest.kind,
        without_content=manifest.without_content,
        entry=entry,
        user=manifest.user,
        groups=asked.identity.groups if asked else (),
        namespace=manifest.namespace,
        pod=manifest.pod,
        container=manifest.container,
        node=manifest.node,
        command=printable(shlex.join(asked.command)) if asked else "",
        tty=manifest.tty,
        started=rfc3339(started(manifest)),
        ended="" if ended is None else rfc3339(ended - manifest.clock_skew),
        duration="" if ended is None else duration(max(0, ended - manifest.started_at)),
        exit_code=manifest.exit_code,
        phase=manifest.phase,
        how=manifest.how,
        reason=manifest.reason,
        action=manifest.action,
        policy=manifest.policy,
        rule=manifest.rule,
        approval=manifest.approval,
        masked=sum(manifest.findings.values()),
        masked_by=manifest.findings,
        gaps=len(manifest.gaps),
        stdin_bytes=manifest.stdin_bytes,
        stdout_bytes=manifest.stdout_bytes,
        stderr_bytes=manifest.stderr_bytes,
        clock_skew=duration(manifest.clock_skew),
        masking=manifest.masking,
        profile=manifest.profile,
        programs=seen.programs,
        denied=seen.denied,
        untraced=seen.untraced,
        played=seen.played,
        kept=outline is not None,
    )


def open_rows(events: Iterable[tuple[int, AuditEvent]], sealed: set[str]) -> list[OpenRow]:
    """Give the sessions that were let start and have no manifest."""
    rows: dict[str, OpenRow] = {}
    for entry, event in events:
        if event.kind is Kind.DECISION and event.session and event.session not in sealed:
            rows[event.session] = OpenRow(
                session=event.session,
                entry=entry,
                at=rfc3339(event.at),
                user=event.actor.username,
                namespace=event.where.namespace,
                asked=asked_of(event),
            )
    return [rows[session] for session in sorted(rows)]
