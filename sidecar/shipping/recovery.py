"""Finding sessions that a dead recorder left without an End, so that they can be closed."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from sidecar.contract.events import End, SessionStart, decode_event
from sidecar.contract.frames import Chain, Frame
from sidecar.shipping.layout import SESSIONS, claim, ended_before, exclusive, mark_ended, read_grant
from sidecar.shipping.records import SEGMENT_SUFFIX, RecordDecoder, segment_name
from sidecar.shipping.spool import SpoolWriter


@dataclass(frozen=True)
class Abandoned:
    """A session without an End whose writer is dead. The holder appends one and closes the writer."""

    session: str
    writer: SpoolWriter
    chain: Chain
    """Continues after the last whole frame."""
    last_at: int
    """``at`` of the last whole frame, nanoseconds since the session started."""


def recover(root: Path) -> list[Abandoned]:
    """Claim every abandoned session below the spool's root.

    A torn last record is cut off. Living sessions are left alone, so this may run at any time. A
    session that died before its first frame had started nothing and is removed.
    """
    sessions = root / SESSIONS
    if not sessions.exists():
        return []
    with exclusive(sessions):
        found = [_recover(directory) for directory in sorted(sessions.iterdir())]
    return [abandoned for abandoned in found if abandoned is not None]


def _recover(directory: Path) -> Abandoned | None:
    if read_grant(directory) is None:
        shutil.rmtree(directory)
        return None
    lock = claim(directory)
    if lock is None:
        return None
    last = None if ended_before(directory) is not None else _repair(directory)
    if last is None:
        os.close(lock)
        return None
    segment, frame = last
    event = decode_event(frame.payload)
    if isinstance(event, End):
        mark_ended(directory, frame.sequence + 1)
        os.close(lock)
        return None
    return Abandoned(
        session=directory.name,
        writer=SpoolWriter.resume(directory, lock, segment, frame.sequence + 1),
        chain=Chain(directory.name, sequence=frame.sequence + 1, digest=frame.digest),
        last_at=0 if isinstance(event, SessionStart) else event.at,
    )


def _repair(directory: Path) -> tuple[Path, Frame] | None:
    """Cut off what is not whole; give the segment to continue and the last frame, None when none is."""
    decoder = RecordDecoder()
    last: Frame | None = None
    current: Path | None = None
    for segment in sorted(directory.glob("*" + SEGMENT_SUFFIX)):
        if last is not None and segment.name != segment_name(last.sequence + 1):
            segment.unlink()
            continue
        current = segment
        whole = list(decoder.whole(segment.read_bytes()))
        os.truncate(segment, whole[-1][1] if whole else 0)
        last = whole[-1][0] if whole else last
    if last is None or current is None:
        shutil.rmtree(directory)
        return None
    return current, last
