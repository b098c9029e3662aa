"""Notices: what auditors must see that belongs to no running session."""

import os
import time
from pathlib import Path

from sidecar.contract.identifiers import fresh_id
from sidecar.contract.wire import Notice, NoticeKind
from sidecar.processes.admission import RefusedError
from sidecar.settings import Settings
from sidecar.shipping.notices import NoticeSpool
from sidecar.shipping.waking import Waker


def report_refusal(
    settings: Settings, waker: Waker, refused: RefusedError, container: str, argv: tuple[str, ...]
) -> None:
    """Tell the auditors; ``argv`` is masked."""
    now = time.time_ns()
    notice = Notice(
        id=fresh_id(now, os.urandom),
        at=now,
        kind=refused.kind,
        container=container,
        session=refused.session,
        reason=refused.reason,
        argv=argv,
    )
    if NoticeSpool(Path(settings.spool)).add(notice):
        waker.wake()


def report_death(spool: Path, session: str, reason: str) -> None:
    """Tell the auditors that the process of a session died."""
    now = time.time_ns()
    identifier = fresh_id(now, os.urandom)
    kind = NoticeKind.RECORDER_FAILED
    notice = Notice(id=identifier, at=now, kind=kind, session=session, reason=reason)
    NoticeSpool(spool).add(notice, own=True)
