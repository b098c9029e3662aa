"""Statements about audit events, inside a transaction of the caller's."""

import sqlite3
from collections.abc import Sequence

from webhook.journal.events import AuditEvent
from webhook.store.audit import AuditQuery, KeptEvent, searched_text
from webhook.store.codec import decode_audit_event, encode
from webhook.store.sqlite.reading import match_expression
from webhook.store.text import parse_text


def insert_audit_events(
    connection: sqlite3.Connection, events: Sequence[AuditEvent], *, received_at: int
) -> list[AuditEvent]:
    """Keep events whose ids are not kept yet, and give them."""
    return [event for event in events if _insert(connection, event, received_at)]


def _insert(connection: sqlite3.Connection, event: AuditEvent, received_at: int) -> bool:
    cursor = connection.execute(
        "INSERT INTO audit_events"
        " (id, at, received_at, namespace, kind, outcome, actor, approval, session, event)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
        (
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
    words = (cursor.lastrowid, searched_text(event))
    connection.execute("INSERT INTO audit_words (rowid, text) VALUES (?, ?)", words)
    return True


def select_audit_events(connection: sqlite3.Connection, query: AuditQuery) -> list[KeptEvent]:
    """Give the events of a query, newest first."""
    where, values = _conditions(query)
    if query.text is not None:
        phrases = parse_text(query.text)
        if not phrases:
            return []
        where.append("number IN (SELECT rowid FROM audit_words WHERE audit_words MATCH ?)")
        values.append(match_expression(phrases))
    if query.before is not None:
        where.append("(at, id) < (?, ?)")
        values += [query.before.at, query.before.id]
    sql = f"""SELECT event, received_at FROM audit_events WHERE {" AND ".join(where)}
        ORDER BY at DESC, id DESC LIMIT ?"""  # noqa: S608  conditions are constants of this module
    return _kept(connection.execute(sql, (*values, max(query.limit, 0))))


def select_audit_events_since(
    connection: sqlite3.Connection, *, after: int, namespace: str | None, limit: int
) -> list[KeptEvent]:
    """Give the events received after a moment, in that order."""
    where = "received_at > ? AND (? IS NULL OR namespace = ?)"
    values = (after, namespace, namespace)
    sql = f"""SELECT event, received_at FROM audit_events WHERE {where} AND received_at <= coalesce(
        (SELECT received_at FROM audit_events WHERE {where} ORDER BY received_at LIMIT 1 OFFSET ?),
        9223372036854775807) ORDER BY received_at, number"""  # noqa: S608  conditions are constants
    return _kept(connection.execute(sql, (*values, *values, limit - 1))) if limit > 0 else []


def _kept(rows: sqlite3.Cursor) -> list[KeptEvent]:
    return [KeptEvent(decode_audit_event(event), received_at) for event, received_at in rows]


def _conditions(query: AuditQuery) -> tuple[list[str], list[str | int]]:
    conditions: list[tuple[str, str | int | None]] = [
        ("id = ?", query.id),
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
    return ["TRUE", *(sql for sql, _ in chosen)], [value for _, value in chosen]
