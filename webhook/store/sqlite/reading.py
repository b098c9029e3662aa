"""Statements that read, inside a transaction of the caller's."""

import sqlite3
from collections.abc import Sequence

from sidecar.contract.events import Channel
from sidecar.contract.frames import Frame
from webhook.store.codec import decode_notice, decode_record
from webhook.store.contract import Hit, Passage, PodNotice, Query, SessionRecord
from webhook.store.sqlite.packing import unpack
from webhook.store.sqlite.schema import SEQUENCE_BITS
from webhook.store.text import highlight, parse_text


def select_sessions(connection: sqlite3.Connection, query: Query) -> list[SessionRecord]:
    """Give the sessions of a query, newest first."""
    where, values = _conditions(query)
    if query.text is not None:
        phrases = parse_text(query.text)
        if not phrases:
            return []
        where.append(
            "number IN (SELECT number FROM words JOIN texts ON id = words.rowid WHERE words MATCH ?)"
        )
        values.append(match_expression(phrases))
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


def select_hits(connection: sqlite3.Connection, query: Query) -> list[Hit]:
    """Give where the query's text is found, best first."""
    phrases = parse_text(query.text or "")
    if not phrases:
        return []
    where, values = _conditions(query)
    narrowed = "JOIN texts ON id = words.rowid JOIN sessions USING (number)" if values else ""
    sql = f"""SELECT record, session, sequence, at, channel, packed, texts.text FROM
        (SELECT words.rowid AS id, rank AS score FROM words {narrowed}
            WHERE words MATCH ? AND {" AND ".join(where)} ORDER BY rank LIMIT ?)
        JOIN texts USING (id) JOIN sessions USING (number) ORDER BY score, session DESC, id"""  # noqa: S608  conditions are constants of this module
    rows = connection.execute(sql, (match_expression(phrases), *values, max(query.limit, 0)))
    return [_hit(row[0], row[1:5], unpack(row[5], row[6]).decode(), phrases) for row in rows]


def _hit(record: bytes, place: Sequence[object], text: str, phrases: Sequence[str]) -> Hit:
    session, sequence, at, channel = place
    passage = None
    if isinstance(session, str) and isinstance(sequence, int) and isinstance(at, int):
        passage = Passage(session, sequence, at, None if channel is None else Channel(channel), text)
    return Hit(decode_record(record), passage, highlight(text, phrases))


def match_expression(phrases: Sequence[str]) -> str:
    """Give the FTS5 expression; inside double quotes nothing is syntax, and phrases hold no quote."""
    return " AND ".join(f'"{phrase}"' for phrase in phrases)


def _conditions(query: Query) -> tuple[list[str], list[str | int]]:
    conditions: list[tuple[str, str | int | None]] = [
        ("namespace = ?", query.namespace),
        ("username = ?", query.user),
        ("pod = ?", query.pod),
        ("phase = ?", query.phase.value if query.phase else None),
        ("started_at >= ?", query.since),
        ("started_at < ?", query.until),
        ("session < ?", query.before),
    ]
    chosen = [(sql, value) for sql, value in conditions if value is not None]
    return ["TRUE", *(sql for sql, _ in chosen)], [value for _, value in chosen]
