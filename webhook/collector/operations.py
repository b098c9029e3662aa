"""What the intake asks of the store, as values, and how it is done."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from sidecar.contract.frames import Frame
from sidecar.contract.wire import FromCollector
from webhook.journal.events import AuditEvent
from webhook.store.contract import Passage, PodNotice, SessionRecord, Store


@dataclass(frozen=True)
class Lookup:
    """Give what is kept of a session."""

    session: str


@dataclass(frozen=True)
class Append:
    """Keep more of a session."""

    record: SessionRecord
    frames: tuple[Frame, ...]
    passages: tuple[Passage, ...]
    new: SessionRecord | None = None
    """The session without frames, when it is not kept yet."""


@dataclass(frozen=True)
class Compare:
    """Tell whether frames sent again are those that are kept."""

    session: str
    frames: tuple[Frame, ...]


@dataclass(frozen=True)
class Note:
    """Keep a notice."""

    notice: PodNotice


@dataclass(frozen=True)
class Record:
    """Keep audit events."""

    events: tuple[AuditEvent, ...]


@dataclass(frozen=True)
class Say:
    """Send an answer once what precedes it is durable."""

    answer: FromCollector


Operation = Lookup | Append | Compare | Note | Record | Say


@dataclass(frozen=True)
class Outcome:
    """An operation that is done, and durable if it wrote."""

    operation: Operation
    kept: SessionRecord | None = None
    """Lookup's answer."""
    same: bool = True
    """Compare's answer."""
    fresh: tuple[AuditEvent, ...] = ()
    """Record's answer: those that were not kept before."""


def perform(store: Store, operations: Sequence[Operation], stamp: Callable[[], int]) -> list[Outcome]:
    """Do operations in order. ``stamp`` gives a new ``updated_at`` each time. Raises StoreError."""
    return [_perform(store, operation, stamp) for operation in operations]


def _perform(store: Store, operation: Operation, stamp: Callable[[], int]) -> Outcome:
    match operation:
        case Lookup(session):
            return Outcome(operation, kept=store.session(session))
        case Append(record, frames, passages, new):
            if new is not None:
                store.create(msgspec.structs.replace(new, updated_at=stamp()))
            store.append(msgspec.structs.replace(record, updated_at=stamp()), frames, passages)
        case Compare(session, frames):
            kept = store.frames(session, start=frames[0].sequence, limit=len(frames))
            return Outcome(operation, same=tuple(kept) == frames)
        case Note(notice):
            store.note(notice)
        case Record(events):
            return Outcome(operation, fresh=tuple(store.record(events, received_at=stamp())))
        case Say():
            pass
    return Outcome(operation)
