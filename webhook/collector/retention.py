"""Removes what is older than the record is kept, leaves a signed trace of it, and keeps what a hold names.

The trace comes first: an audit event, then the ledger's removal that names the sessions; only then they
go. Whatever is killed in between, nothing is gone that the ledger does not name. One collector takes the
first removal of a day: the ledger has one entry of each name, so the others find it taken and wait a day.
"""

import logging
from calendar import monthrange
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Final

import msgspec
from msgspec.structs import replace

from webhook.collector.book import Book
from webhook.collector.manifests import is_over
from webhook.journal.events import AuditEvent, Kind, Outcome
from webhook.journal.holds import KEPT_KINDS, Hold
from webhook.journal.making import Maker
from webhook.ledger.removal import MOST_SESSIONS, Removal
from webhook.store.audit import AuditQuery
from webhook.store.contract import Query, SessionRecord, Store
from webhook.store.holds import all_events, all_holds

_log = logging.getLogger(__name__)
_SECOND: Final = 1_000_000_000
_PAGE: Final = 500
_AT_ONCE: Final = 50
"""Sessions that are removed between two looks at legal holds."""
LEAST_MONTHS: Final = 12
"""PCI DSS 10.5.1."""


class Terms(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """For how long the record is kept."""

    months: int = LEAST_MONTHS
    """Months; 0 keeps everything."""
    hot_months: int = 3
    """Months in which nothing is done to what is kept (PCI DSS 10.5.1: three are immediately available)."""
    every_seconds: int = 3600
    """Between two looks at what is too old."""


class Retention:
    """Finds what is to go, and lets it go. Methods block and raise ClusterError."""

    def __init__(self, store: Store, book: Book, maker: Maker, terms: Terms) -> None:
        self._store = store
        self._book = book
        self._maker = maker
        self._terms = terms

    def find(self, now: int, number: int) -> Removal | None:
        """Give what is to be removed next as of ``now`` (Unix nanoseconds); None when there is nothing."""
        if not self._terms.months:
            return None
        before = months_before(now, self._terms.months)
        holds = self._holds()
        sessions = tuple(sorted(record.session for record in self._old_sessions(before, holds)))
        events = not number and next(self._old_events(before, holds), None) is not None
        if not sessions and not events:
            return None
        day = datetime.fromtimestamp(now // _SECOND, UTC).date().isoformat()
        return Removal(
            name=f"{day}/{number}",
            at=now,
            before=before,
            months=self._terms.months,
            sessions=sessions,
            events=events,
        )

    def event(self, removal: Removal) -> AuditEvent:
        """Give the audit event of a removal, to be kept before it is carried out."""
        what = f"{len(removal.sessions)} sessions" + (" and audit events" if removal.events else "")
        moment = datetime.fromtimestamp(removal.before // _SECOND, UTC).isoformat()
        return self._maker.own(
            Kind.RECORD_REMOVED,
            Outcome.SUCCESS,
            f"{what} that had ended before {moment}: the record is kept for {removal.months} months",
            details={"removal": removal.name, "before": moment, "sessions": " ".join(removal.sessions)},
        )

    def is_taken(self, removal: Removal) -> bool:
        """Tell whether a removal of this name was begun, by another collector or before a restart."""
        return bool(self._store.known_keys([f"removal/{removal.name}"]))

    def carry_out(self, removal: Removal) -> bool:
        """Sign for a removal and do it; False when another collector has taken it.

        It takes a while, so legal holds are looked at anew right before each part of it goes.
        """
        if not self._book.remove(removal):
            return False
        for start in range(0, len(removal.sessions), _AT_ONCE):
            group = removal.sessions[start : start + _AT_ONCE]
            held = set(self._held(group, self._holds()))
            self._store.remove_sessions([session for session in group if session not in held])
        if removal.events:
            self._remove_events(removal.before)
        _log.info("removed by retention: %s, %d sessions", removal.name, len(removal.sessions))
        return True

    def _remove_events(self, before: int) -> None:
        events = self._old_events(before, self._holds())
        while group := list(islice(events, _PAGE)):
            holds = self._holds()
            self._store.remove_audit_events([event.id for event in group if not _is_event_held(event, holds)])
        if not self._holds():
            self._store.remove_notices(before=before)

    def tidy(self, now: int) -> None:
        """Give space back, and store what is not hot any more for rare use."""
        self._store.tidy(hot_before=months_before(now, self._terms.hot_months))

    def _holds(self) -> list[Hold]:
        return [hold for hold in all_holds(self._store) if hold.in_force]

    def _held(self, sessions: Iterable[str], holds: Sequence[Hold]) -> Iterator[str]:
        """Give those that are held by now: a hold may be younger than the plan."""
        for session in sessions if holds else ():
            record = self._store.session(session)
            if record is not None and _is_held(record, holds):
                yield session

    def _old_sessions(self, before: int, holds: Sequence[Hold]) -> list[SessionRecord]:
        """Give some sessions that are over, old, sealed and not held."""
        query = Query(until=before, limit=_PAGE)
        found: list[SessionRecord] = []
        while len(found) < MOST_SESSIONS:
            page = self._store.sessions(query)
            old = [record for record in page if _is_old(record, before) and not _is_held(record, holds)]
            sealed = self._store.known_keys([f"manifest/{record.session}" for record in old])
            found += [record for record in old if f"manifest/{record.session}" in sealed]
            if len(page) < _PAGE:
                break
            query = replace(query, before=page[-1].session)
        return found[:MOST_SESSIONS]

    def _old_events(self, before: int, holds: Sequence[Hold]) -> Iterator[AuditEvent]:
        """Give audit events that are old, in the ledger and not held."""
        events = all_events(self._store, AuditQuery(until=before))
        while page := list(islice(events, _PAGE)):
            old = [
                event for event in page if event.kind not in KEPT_KINDS and not _is_event_held(event, holds)
            ]
            sealed = self._store.known_keys([f"event/{event.id}" for event in old])
            yield from (event for event in old if f"event/{event.id}" in sealed)


def months_before(unix_ns: int, months: int) -> int:
    """Give the same day and time some months earlier (Unix nanoseconds), or that month's last day."""
    now = datetime.fromtimestamp(unix_ns // _SECOND, UTC)
    count = now.year * 12 + now.month - 1 - months
    year, month = count // 12, count % 12 + 1
    earlier = now.replace(year=year, month=month, day=min(now.day, monthrange(year, month)[1]))
    return int(earlier.timestamp()) * _SECOND + unix_ns % _SECOND


def _is_old(record: SessionRecord, before: int) -> bool:
    """Tell by both clocks: the recorder's may be wrong."""
    ended = record.updated_at if record.ended_at is None else max(record.ended_at, record.updated_at)
    return is_over(record) and ended < before


def _is_held(record: SessionRecord, holds: Sequence[Hold]) -> bool:
    end = record.updated_at if record.ended_at is None else record.ended_at
    return any(
        hold.scope.covers(
            session=record.session,
            agent=record.identity.username,
            namespace=record.namespace,
            start=record.started_at,
            end=end,
        )
        for hold in holds
    )


def _is_event_held(event: AuditEvent, holds: Sequence[Hold]) -> bool:
    people = {event.actor.username, event.requester}
    return any(
        hold.scope.covers(
            session=event.session, agent=person, namespace=event.where.namespace, start=event.at, end=event.at
        )
        for hold in holds
        for person in people
    )
