"""What a session's document should say, by its manifest and its frames. No I/O but what is passed in."""

from collections.abc import Iterable, Iterator
from typing import Final, cast

import msgspec

from sidecar.contract.errors import CallerError
from sidecar.contract.events import (
    Ending,
    Event,
    Program,
    Resize,
    SessionKind,
    SessionStart,
    Untraced,
    decode_event,
)
from sidecar.contract.frames import Frame
from sidecar.contract.sealing import Decision, Identity
from webhook.audit_api.conversion import session_object
from webhook.audit_api.objects import Session
from webhook.ledger.manifest import Manifest
from webhook.store.contract import Phase, SessionRecord

_NOT_SEALED: Final = ("metadata.resourceVersion", "spec.decision.decidedAt", "spec.decision.would")
"""Fields of a session that neither manifest nor frames know; the last two are in its audit event."""


class Retelling:
    """What a session's frames say of it that its manifest does not."""

    def __init__(self) -> None:
        self.start: SessionStart | None = None
        self.size = (0, 0)
        """Rows and columns: the first that are some."""
        self.programs = 0
        self.untraced = ""
        self.unread = ""
        """What the first frame is that cannot be read."""

    def listen(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """Give the frames on, and take from them what they say."""
        for frame in frames:
            try:
                self._take(decode_event(frame.payload))
            except CallerError as error:
                self.unread = self.unread or f"frame {frame.sequence}: {error}"
            yield frame

    def _take(self, event: Event) -> None:
        match event:
            case SessionStart(rows=rows, cols=cols):
                self.start, self.size = event, (rows, cols)
            case Resize(rows=rows, cols=cols) if not all(self.size):
                self.size = rows, cols
            case Program():
                self.programs += 1
            case Untraced(reason=reason):
                self.untraced = self.untraced or reason
            case _:
                pass


def retold_difference(manifest: Manifest, session: Session, told: Retelling) -> str:
    """Give the first field of a session that its manifest and frames tell otherwise; empty when none.

    Who asked, for what, and what was decided are taken from the session: its manifest has their digests.
    """
    if told.unread:
        return told.unread
    if told.start is None:
        return ""
    if told.start.grant_digest.hex() != manifest.grant_digest:
        return "grant"
    should, does = (_fields(each) for each in (session_object(_record(manifest, session, told)), session))
    names = sorted({*should, *does} - {*_NOT_SEALED})
    return next((name for name in names if should.get(name) != does.get(name)), "")


def _record(manifest: Manifest, session: Session, told: Retelling) -> SessionRecord:
    user, start = session.spec.user, told.start
    rows, cols = told.size
    return SessionRecord(
        session=manifest.session,
        namespace=manifest.namespace,
        pod=manifest.pod,
        pod_uid=manifest.pod_uid,
        container=manifest.container,
        node=manifest.node,
        identity=Identity(user.username, user.uid, user.groups, user.extra),
        decision=Decision(
            manifest.action, manifest.policy, manifest.rule, manifest.request, 0, manifest.approval
        ),
        argv=session.spec.command,
        tty=manifest.tty,
        stdin=manifest.stdin,
        rows=rows,
        cols=cols,
        profile=manifest.profile,
        masking=manifest.masking,
        recorder=manifest.recorder,
        grant_digest=bytes.fromhex(manifest.grant_digest),
        started_at=manifest.started_at,
        clock_skew=manifest.clock_skew,
        updated_at=0,
        next_sequence=manifest.frames,
        digest=bytes.fromhex(manifest.last_digest),
        phase=Phase(manifest.phase),
        ended_at=manifest.ended_at,
        how=Ending(manifest.how) if manifest.how else None,
        reason=manifest.reason,
        exit_code=manifest.exit_code,
        stdin_bytes=manifest.stdin_bytes,
        stdout_bytes=manifest.stdout_bytes,
        stderr_bytes=manifest.stderr_bytes,
        findings=manifest.findings,
        programs=told.programs,
        untraced=told.untraced,
        kind=SessionKind(manifest.kind),
        content=not manifest.without_content,
        resumed=bool(start and start.resumed),
        previous=start.previous if start else "",
    )


def flat_fields(value: object, name: str = "") -> dict[str, object]:
    """Give the fields of an object of the API by the names that JSON has, as ``spec.terminal.rows``."""
    if not isinstance(value, dict):
        return {name: value}
    found: dict[str, object] = {}
    for part, inner in cast("dict[str, object]", value).items():
        found |= flat_fields(inner, f"{name}.{part}" if name else part)
    return found


def _fields(session: Session) -> dict[str, object]:
    return flat_fields(msgspec.to_builtins(session))
