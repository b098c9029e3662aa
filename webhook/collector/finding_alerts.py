"""Audit events of findings: of the first in a session, the tenth, the hundredth …, never of each.

Whatever a session does, it is told of a handful of times. An event's id follows from session and number, so
that whoever makes it again makes the same one.
"""

import hashlib
from collections.abc import Callable, Iterable
from typing import Final

from sidecar.contract.events import SessionKind
from sidecar.contract.identifiers import RANDOM_BYTES, session_id
from webhook.collector.operations import Append, Outcome
from webhook.journal.events import AuditEvent, Kind, Where
from webhook.journal.events import Outcome as Came
from webhook.journal.making import Stamp
from webhook.store.contract import SessionRecord

_NS_PER_MS: Final = 1_000_000
_MOST_KNOWN: Final = 20_000
_MOST_KINDS: Final = 8

Tell = Callable[[Iterable[AuditEvent]], None]
"""Takes events that have happened. Quick; never raises."""


class FindingAlerts:
    """Watches what is stored of sessions. Used on one event loop."""

    def __init__(self, tell: Tell, stamp: Callable[[], Stamp]) -> None:
        self._tell = tell
        self._stamp = stamp
        self._told: dict[str, int] = {}

    def look(self, outcomes: Iterable[Outcome]) -> None:
        """Tell of sessions in which enough was found since the last time."""
        for outcome in outcomes:
            match outcome.operation:
                case Append(record) if record.findings:
                    self._look(record)
                case _:
                    continue

    def _look(self, record: SessionRecord) -> None:
        level = len(str(sum(record.findings.values())))
        if level <= self._told.get(record.session, 0):
            return
        self._told[record.session] = level
        if len(self._told) > _MOST_KNOWN:
            del self._told[next(iter(self._told))]
        self._tell([finding_event(record, level, self._stamp())])


def finding_event(record: SessionRecord, level: int, stamp: Stamp) -> AuditEvent:
    """Give the event of a session in which as much was found as a number of ``level`` digits says."""
    same = hashlib.sha256(f"finding\0{record.session}\0{level}".encode()).digest()[:RANDOM_BYTES]
    counted = sorted(record.findings.items(), key=lambda item: (-item[1], item[0]))
    by_rule = ", ".join(f"{kind} {count}" for kind, count in counted[:_MOST_KINDS])
    return AuditEvent(
        id=session_id(max(0, record.started_at - record.clock_skew) // _NS_PER_MS, same),
        at=stamp.at,
        origin=stamp.origin,
        kind=Kind.SESSION_FINDING,
        outcome=Came.SUCCESS,
        actor=record.identity,
        where=pod_of(record),
        asked=f"{_what(record)} pod {record.namespace}/{record.pod}, container {record.container}",
        argv=record.argv,
        reason="card data was found and masked",
        session=record.session,
        details={"findings": str(sum(record.findings.values())), "by rule": by_rule},
    )


def _what(record: SessionRecord) -> str:
    return "session in" if record.kind is SessionKind.EXEC else "own program of"


def pod_of(record: SessionRecord) -> Where:
    """Give where a session is, for an audit event about it."""
    return Where(
        namespace=record.namespace,
        resource="pods",
        name=record.pod,
        uid=record.pod_uid,
        container=record.container,
    )
