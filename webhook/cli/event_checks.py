"""Whether stored audit events are as the ledger has them. No I/O but what is passed in.

Of an event that was walked past, only a digest is kept: there may be millions.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import msgspec

from webhook.audit_api import event_objects
from webhook.audit_api.objects import Session, unix_nanoseconds
from webhook.cli.retelling import flat_fields
from webhook.journal.events import AuditEvent, Kind
from webhook.journal.holds import KEPT_KINDS
from webhook.ledger.removal import Removal
from webhook.replay.safety import printable
from webhook.store.audit import KeptEvent

LATE_NS: Final = 900 * 1_000_000_000
"""How much later than it was taken in an event may get into the ledger."""
_DECIDED_WITHIN_NS: Final = 60 * 1_000_000_000
"""Between a decision and its event, which are told by one process."""
_NOT_TOLD: Final = frozenset({"metadata.resourceVersion", "metadata.creationTimestamp"})
"""When the collector took an event in: it tells that itself, and no ledger has it."""


class _Walked(msgspec.Struct, frozen=True):
    index: int
    digest: bytes
    at: int
    is_kept: bool


class _Decided(msgspec.Struct, frozen=True):
    index: int
    at: int
    would: str


class EventChecks:
    """The audit events of a ledger that was walked."""

    def __init__(self) -> None:
        self._walked: dict[str, _Walked] = {}
        self._decided: dict[str, _Decided] = {}
        self.whole = 0
        """Stored events that are as they were told."""
        self.removed = 0
        """Events that are gone because their time was over."""

    def walk(self, index: int, event: AuditEvent) -> None:
        """Take the next event of the ledger."""
        is_kept = event.kind in KEPT_KINDS
        self._walked[event.id] = _Walked(index, _digest(_expected(event)), event.at, is_kept)
        if event.kind is Kind.DECISION and event.session:
            self._decided[event.session] = _Decided(index, event.at, event.would)

    def decision_difference(self, session: Session) -> str:
        """Give what a session says of its decision that the decision's own event tells otherwise."""
        decision, told = session.spec.decision, self._decided.get(session.metadata.name)
        if told is None:
            return ""
        if decision.would != told.would:
            return f"spec.decision.would, by entry {told.index}"
        if abs(unix_nanoseconds(decision.decided_at) - told.at) > _DECIDED_WITHIN_NS:
            return f"spec.decision.decidedAt, by entry {told.index}"
        return ""

    def check(
        self,
        stored: Iterable[event_objects.AuditEvent],
        entry: Callable[[str], AuditEvent | None],
        removals: Callable[[], Iterable[Removal]],
        *,
        settled: int,
    ) -> Iterator[tuple[int, str]]:
        """Give what is wrong with stored events, with the numbers of entries; -1 where there is none.

        ``entry`` gives an event as the ledger has it, by its id; ``removals`` all removals by now. What was
        taken in some time before ``settled`` (Unix nanoseconds) must be in the ledger.
        """
        for event in stored:
            name = event.metadata.name
            told = self._walked.pop(name, None)
            if told is None:
                yield from _unknown(event, entry(name), settled)
            elif _digest(_fields(event)) != told.digest:
                yield told.index, _where(told.index, name) + _difference(event, entry(name))
            else:
                self.whole += 1
        before = _removed_before(removals()) if self._walked else 0
        for name, told in self._walked.items():
            if told.at < before and not told.is_kept:
                self.removed += 1
            else:
                yield told.index, _where(told.index, name) + "it is missing from the store"


def _removed_before(removals: Iterable[Removal]) -> int:
    return max((removal.before for removal in removals if removal.events), default=0)


def _unknown(
    event: event_objects.AuditEvent, told: AuditEvent | None, settled: int
) -> Iterator[tuple[int, str]]:
    """Tell of an event that was not in the ledger when that was walked."""
    name, version = printable(event.metadata.name), event.metadata.resource_version
    taken = int(version) if version.isdecimal() else 0
    if told is None and taken + LATE_NS < settled:
        yield (
            -1,
            f"audit event {name}: it is in the store and not in the ledger, though others since then are",
        )
    elif told is not None and _fields(event) != _expected(told):
        yield -1, f"audit event {name}: {_difference(event, told)}"


def _where(index: int, name: str) -> str:
    return f"audit event {printable(name)}, told in entry {index}: "


def _difference(event: event_objects.AuditEvent, told: AuditEvent | None) -> str:
    expected, found = _expected(told) if told else {}, _fields(event)
    names = sorted({*expected, *found})
    return f"differs in its {printable(next((n for n in names if expected.get(n) != found.get(n)), 'id'))}"


def _expected(event: AuditEvent) -> dict[str, object]:
    return _fields(event_objects.event_object(KeptEvent(event, 0)))


def _fields(event: event_objects.AuditEvent) -> dict[str, object]:
    found = flat_fields(msgspec.to_builtins(event))
    return {name: value for name, value in found.items() if name not in _NOT_TOLD}


def _digest(fields: dict[str, object]) -> bytes:
    return hashlib.sha256(msgspec.json.encode(fields, order="sorted")).digest()
