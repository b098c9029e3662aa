"""Telling auditors of a recorder's start, stop, and end without being told to (PCI DSS 10.2.1.6, 10.7.2).

A mark in the spool, which outlives the container, says that a recorder runs. A recorder that finds another's
mark when it starts knows that nobody stopped that one.
"""

import hashlib
import time
from pathlib import Path

from sidecar.contract.identifiers import RANDOM_BYTES, session_id
from sidecar.contract.names import VERSION
from sidecar.contract.wire import Notice, NoticeKind
from sidecar.settings import Settings
from sidecar.shipping.layout import write_whole
from sidecar.shipping.notices import NoticeSpool
from sidecar.shipping.waking import Waker

_MARK = "running"


def tell_start(settings: Settings, started: int, wake: int) -> None:
    """Note that the recorder started (Unix nanoseconds); once, however often this is called for one start."""
    mark = Path(settings.spool) / _MARK
    before = mark.read_text() if mark.exists() else ""
    if before == str(started):
        return
    if before:
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(before) // 1_000_000_000))
        reason = f"the recorder that started at {when} ended without being told to; the next one tells"
        _note(settings, NoticeKind.RECORDER_FAILED, started, reason)
    reason = f"version {VERSION} serves {', '.join(settings.containers)} from now on"
    _note(settings, NoticeKind.RECORDER_STARTED, started, reason)
    write_whole(mark, str(started).encode())
    Waker(wake).wake()


def tell_stop(settings: Settings, wake: int) -> None:
    """Note that the recorder was told to end and has ended its sessions."""
    reason = "it was told to end; no session runs here any more"
    _note(settings, NoticeKind.RECORDER_STOPPED, time.time_ns(), reason)
    (Path(settings.spool) / _MARK).unlink(missing_ok=True)
    Waker(wake).wake()


def _note(settings: Settings, kind: NoticeKind, at: int, reason: str) -> None:
    same = hashlib.sha256(f"{settings.pod_uid}\0{kind.value}\0{at}".encode()).digest()[:RANDOM_BYTES]
    notice = Notice(id=session_id(at // 1_000_000, same), at=at, kind=kind, reason=reason)
    NoticeSpool(Path(settings.spool)).add(notice, own=True)
