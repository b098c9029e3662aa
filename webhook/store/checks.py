"""What both stores check before they keep anything. No I/O."""

from collections.abc import Sequence

from sidecar.contract.errors import CallerError
from sidecar.contract.frames import Frame
from webhook.store.contract import ANY_FINDING, MAX_APPROVALS, Passage, Query, SessionRecord, StoreError


def check_query(query: Query) -> None:
    """Raise CallerError when a question is about more than a store looks for at once."""
    if query.approvals is not None and len(query.approvals) > MAX_APPROVALS:
        raise CallerError(
            f"the search is about {len(query.approvals)} approvals; at most {MAX_APPROVALS} are looked for:"
            " narrow it by --since and --until"
        )


def is_asked(record: SessionRecord, query: Query) -> bool:
    """Tell whether a session is as a query asks, in what may change during its life."""
    named = {name for key in record.findings for name in (key, key.partition("/")[0])}
    return (
        query.phase in {None, record.phase}
        and query.exit_code in {None, record.exit_code}
        and not (query.failed and not record.exit_code)
        and (
            query.finding is None or query.finding in named or (query.finding == ANY_FINDING and bool(named))
        )
        and (query.approvals is None or (record.namespace, record.decision.approval) in query.approvals)
    )


def narrows(query: Query) -> bool:
    """Tell whether a query is about what is not kept beside each passage; see :func:`is_asked`."""
    changing = (query.phase, query.exit_code, query.finding, query.approvals)
    return query.failed or any(value is not None for value in changing)


def fresh_frames(
    kept: SessionRecord, record: SessionRecord, frames: Sequence[Frame], passages: Sequence[Passage]
) -> Sequence[Frame]:
    """Give the frames that are not kept yet.

    Raises StoreError when the append does not hang together or does not follow what is kept: a gap, or a
    chain that differs from the kept one at the frame where they meet.
    """
    _check_whole(record, frames, passages)
    first = frames[0].sequence if frames else record.next_sequence
    if first > kept.next_sequence:
        missing = f"frames {kept.next_sequence} to {first - 1}"
        raise StoreError(f"session {kept.session}: {missing} are missing before frame {first}")
    _check_same_chain(kept, record, frames)
    return frames[kept.next_sequence - first :] if frames else ()


def check_new(record: SessionRecord) -> None:
    """Raise StoreError when a session to create has frames already."""
    if record.next_sequence != 0:
        raise StoreError(f"session {record.session}: a new session has no frames yet; append them")


def advances(kept: SessionRecord, record: SessionRecord) -> bool:
    """Tell whether a record is newer than the kept one, by its frames and then by its time of change."""
    return (record.next_sequence, record.updated_at) > (kept.next_sequence, kept.updated_at)


def _check_whole(record: SessionRecord, frames: Sequence[Frame], passages: Sequence[Passage]) -> None:
    start = record.next_sequence - len(frames)
    if any(frame.sequence != start + offset for offset, frame in enumerate(frames)):
        raise StoreError(
            f"session {record.session}: the frames to append are not consecutive up to the record"
        )
    if frames and frames[-1].digest != record.digest:
        raise StoreError(f"session {record.session}: the record's digest is not the last frame's")
    for passage in passages:
        if passage.session != record.session or not 0 <= passage.sequence < record.next_sequence:
            raise StoreError(f"session {record.session}: a passage belongs to none of its frames")


def _check_same_chain(kept: SessionRecord, record: SessionRecord, frames: Sequence[Frame]) -> None:
    if record.next_sequence == kept.next_sequence and record.digest != kept.digest:
        raise StoreError(f"session {kept.session}: its kept hash chain ends in another digest")
    met = kept.next_sequence - 1
    if any(frame.sequence == met and frame.digest != kept.digest for frame in frames):
        raise StoreError(f"session {kept.session}: frame {met} is kept with another digest")
