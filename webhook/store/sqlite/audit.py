"""Statements about audit events, inside a transaction of the caller's."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final

from webhook.journal.events import AuditEvent
from webhook.store.audit import AuditQuery, KeptEvent
from webhook.store.codec import decode_audit_event, encode
from webhook.store.sqlite.conditions import match_expression
from webhook.store.sqlite.functions import event_words
from webhook.store.sqlite.places import COUNT_BITS, LAST_COUNT, field_words, first_place, last_place
from webhook.store.text import parse_text

_LAST: Final = (1 << 63) - 1


def insert_audit_events(
    connection: sqlite3.Connection, events: Sequence[AuditEvent], *, received_at: int
) -> list[AuditEvent]:
    """Keep events whose ids are not kept yet, and give them."""
    return [event for event in events if _insert(connection, event, received_at)]


def _insert(connection: sqlite3.Connection, event: AuditEvent, received_at: int) -> bool:
    place = first_place(event.at)
    cursor = connection.execute(
        "INSERT INTO audit_events"
        " (number, id, at, received_at, namespace, kind, outcome, actor, approval, session, event) VALUES"
        " ((SELECT coalesce(max(number) + 1, ?) FROM audit_events WHERE number BETWEEN ? AND ?),"
        " ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
        (
            place,
            place,
            place | LAST_COUNT,
            event.id,
            event.at,
            received_at,
            event.where.namespace,
            event.kind.value,
            event.outcome.value,
            event.actor.username,
            event.approval,
            event.session,
            encode(event),
        ),
    )
    if not cursor.rowcount:
        return False
    words = (cursor.lastrowid, event_words(event))
    connection.execute("INSERT INTO audit_words (rowid, text) VALUES (?, ?)", words)
    return True


def select_audit_events(connection: sqlite3.Connection, query: AuditQuery) -> list[KeptEvent]:
    """Give the events of a query, newest first. Raises CallerError."""
    phrases: Sequence[str] = ()
    if query.text is not None:
        phrases = parse_text(query.text)
        if not phrases:
            return []
    if query.limit <= 0:
        return []
    fields = _fields(query)
    where, values = _conditions(query)
    if query.id is None and (phrases or len(fields) > 1):
        return _newest_with_words(connection, query, match_expression(phrases, field_words(fields)))
    sql = f"""SELECT event, received_at FROM audit_events WHERE {" AND ".join(where)}
        ORDER BY at DESC, id DESC LIMIT ?"""  # noqa: S608  conditions are constants of this module
    return [_kept(*row) for row in connection.execute(sql, (*values, query.limit))]


def _newest_with_words(connection: sqlite3.Connection, query: AuditQuery, match: str) -> list[KeptEvent]:
    """Walk the full-text index backwards, and sort within each tenth of a second."""
    where, values = _conditions(query)
    first = 0 if query.since is None else first_place(query.since)
    last = _LAST if query.until is None else last_place(query.until)
    if query.before is not None:
        last = min(last, last_place(query.before.at))
    sql = f"""SELECT number, event, received_at FROM audit_words
        CROSS JOIN audit_events ON number = audit_words.rowid
        WHERE audit_words MATCH ? AND audit_words.rowid BETWEEN ? AND ? AND {" AND ".join(where)}
        ORDER BY audit_words.rowid DESC"""  # noqa: S608  conditions are constants of this module
    rows: Iterator[tuple[int, bytes, int]] = connection.execute(sql, (match, first, last, *values))
    found: list[KeptEvent] = []
    for _, moment in groupby(rows, key=lambda row: row[0] >> COUNT_BITS):
        kept = [_kept(event, received_at) for _, event, received_at in moment]
        found += sorted(kept, key=lambda one: one.place, reverse=True)
        if len(found) >= query.limit:
            break
    return found[: query.limit]


def select_audit_events_since(
    connection: sqlite3.Connection, *, after: int, namespace: str | None, limit: int
) -> list[KeptEvent]:
    """Give the events received after a moment, in that order."""
    where = "received_at > ? AND (? IS NULL OR namespace = ?)"
    values = (after, namespace, namespace)
    sql = f"""SELECT event, received_at FROM audit_events WHERE {where} AND received_at <= coalesce(
        (SELECT received_at FROM audit_events WHERE {where} ORDER BY received_at LIMIT 1 OFFSET ?),
        9223372036854775807) ORDER BY received_at, number"""  # noqa: S608  conditions are constants
    if limit <= 0:
        return []
    return [_kept(*row) for row in connection.execute(sql, (*values, *values, limit - 1))]


def _kept(event: bytes, received_at: int) -> KeptEvent:
    return KeptEvent(decode_audit_event(event), received_at)


def _fields(query: AuditQuery) -> Mapping[str, str]:
    fields = {
        "namespace": "\0" if query.namespace == "" else query.namespace,
        "kind": query.kind.value if query.kind else None,
        "outcome": query.outcome.value if query.outcome else None,
        "actor": query.actor,
        "approval": query.approval,
        "session": query.session,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _conditions(query: AuditQuery) -> tuple[list[str], list[str | int]]:
    conditions: list[tuple[str, str | int | None]] = [
        ("audit_events.id = ?", query.id),
        ("namespace = ?", query.namespace),
        ("kind = ?", query.kind.value if query.kind else None),
        ("outcome = ?", query.outcome.value if query.outcome else None),
        ("actor = ?", query.actor),
        ("approval != '' AND approval = ?", query.approval),
        ("session != '' AND session = ?", query.session),
        ("at >= ?", query.since),
        ("at < ?", query.until),
    ]
    chosen = [(sql, value) for sql, value in conditions if value is not None]
    where = ["TRUE", *(sql for sql, _ in chosen)]
    values: list[str | int] = [value for _, value in chosen]
    if query.before is not None:
        where.append("(at, audit_events.id) < (?, ?)")
        values += [query.before.at, query.before.id]
    return where, values
