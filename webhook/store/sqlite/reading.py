"""Statements that read, inside a transaction of the caller's."""

import sqlite3

from sidecar.contract.frames import Frame
from webhook.store.codec import decode_notice, decode_record
from webhook.store.contract import PodNotice, Query, SessionRecord
from webhook.store.sqlite.conditions import conditions
from webhook.store.sqlite.packing import unpack
from webhook.store.sqlite.schema import SEQUENCE_BITS
from webhook.store.sqlite.searching import text_condition
from webhook.store.text import parse_text


def select_sessions(connection: sqlite3.Connection, query: Query) -> list[SessionRecord]:
    """Give the sessions of a query, newest first."""
    where, values = conditions(query)
    if query.text is not None:
        phrases = parse_text(query.text)
        if not phrases:
            return []
        condition, more = text_condition(connection, phrases)
        where.append(condition)
        values += more
    sql = f"SELECT record FROM sessions WHERE {' AND '.join(where)} ORDER BY session DESC LIMIT ?"  # noqa: S608  conditions are constants of this module
    return [decode_record(row[0]) for row in connection.execute(sql, (*values, max(query.limit, 0)))]


def select_changed(
    connection: sqlite3.Connection, *, after: int, namespace: str | None, limit: int
) -> list[SessionRecord]:
    """Give sessions changed after a moment, oldest change first."""
    where = "updated_at > ? AND (? IS NULL OR namespace = ?)"
    values = (after, namespace, namespace)
    sql = f"""SELECT record FROM sessions WHERE {where} AND updated_at <= coalesce(
        (SELECT updated_at FROM sessions WHERE {where} ORDER BY updated_at LIMIT 1 OFFSET ?),
        9223372036854775807) ORDER BY updated_at, session"""  # noqa: S608  conditions are constants of this module
    if limit <= 0:
        return []
    return [decode_record(row[0]) for row in connection.execute(sql, (*values, *values, limit - 1))]


def select_frames(connection: sqlite3.Connection, session: str, *, start: int, limit: int) -> list[Frame]:
    """Give frames from number ``start``."""
    row = connection.execute("SELECT number FROM sessions WHERE session = ?", (session,)).fetchone()
    if row is None:
        return []
    base = row[0] << SEQUENCE_BITS
    rows = connection.execute(
        "SELECT id, digest, packed, payload FROM frames WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
        (base + start, base + (1 << SEQUENCE_BITS), max(limit, 0)),
    )
    return [Frame(key - base, digest, unpack(packed, payload)) for key, digest, packed, payload in rows]


def select_notices(
    connection: sqlite3.Connection, *, namespace: str | None, since: int | None, limit: int
) -> list[PodNotice]:
    """Give notices, newest first."""
    rows = connection.execute(
        "SELECT notice FROM notices WHERE (? IS NULL OR namespace = ?) AND (? IS NULL OR received_at >= ?)"
        " ORDER BY received_at DESC, id DESC LIMIT ?",
        (namespace, namespace, since, since, max(limit, 0)),
    )
    return [decode_notice(row[0]) for row in rows]
