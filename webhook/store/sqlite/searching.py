"""Where words are found in command lines and masked output, newest first.

Two ways lead there. Walking the full-text index backwards finds common words at once, and rare ones too.
Where few sessions are left by what may change in them (phase, exit code, findings) or by approvals, each of
these is asked for the words instead: walking could pass millions of texts of others.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from sidecar.contract.events import Channel
from webhook.store.checks import narrows
from webhook.store.codec import decode_record
from webhook.store.contract import Hit, Passage, Query, SessionRecord
from webhook.store.sqlite.conditions import conditions, match_expression
from webhook.store.sqlite.functions import session_words
from webhook.store.sqlite.packing import unpack
from webhook.store.sqlite.places import LAST_COUNT, first_place, last_place
from webhook.store.text import highlight, parse_text

FEW_SESSIONS: Final = 5000
FEW_WALKED: Final = 2000
FEW_TEXTS: Final = 20_000
_HAS_TEXT: Final = """EXISTS (SELECT 1 FROM words CROSS JOIN texts ON texts.id = words.rowid
    WHERE words MATCH ? AND words.rowid BETWEEN place AND place + ? AND texts.number = sessions.number)"""
_FOUND: Final = """SELECT number, sessions.record, session, sequence, at, channel, packed, texts.text
    FROM words CROSS JOIN texts ON texts.id = words.rowid CROSS JOIN sessions USING (number)
    WHERE words MATCH ? AND words.rowid BETWEEN ? AND ? AND {} ORDER BY words.rowid DESC LIMIT ?"""


def select_hits(connection: sqlite3.Connection, query: Query) -> list[Hit]:
    """Give where the query's text is found. Raises CallerError."""
    phrases = parse_text(query.text or "")
    if not phrases or query.limit <= 0:
        return []
    where, values = conditions(query)
    match = match_expression(phrases, _words(query))
    few = None
    if narrows(query) and not _are_few(connection, match, FEW_WALKED):
        few = _few_sessions(connection, where, values)
    if few is None:
        span = _span(query)
        sql = _FOUND.format(" AND ".join(where))
        rows: Iterator[tuple[object, ...]] = connection.execute(sql, (match, *span, *values, query.limit))
    else:
        rows = islice(_in_each(connection, match, few, query.limit), query.limit)
    return _hits(rows, phrases)


def text_condition(connection: sqlite3.Connection, phrases: Sequence[str]) -> tuple[str, list[str | int]]:
    """Give the condition that a session has a text with these phrases, and its values."""
    match = match_expression(phrases)
    if _are_few(connection, match, FEW_TEXTS):
        return "number IN (SELECT number FROM words JOIN texts ON id = words.rowid WHERE words MATCH ?)", [
            match
        ]
    return _HAS_TEXT, [match, LAST_COUNT]


def _are_few(connection: sqlite3.Connection, match: str, count: int) -> bool:
    sql = "SELECT count(*) FROM (SELECT rowid FROM words WHERE words MATCH ? LIMIT ?)"
    (texts,) = connection.execute(sql, (match, count)).fetchone()
    return texts < count


def _few_sessions(
    connection: sqlite3.Connection, where: Sequence[str], values: Sequence[str | int]
) -> list[tuple[int, int]] | None:
    """Give number and place of each session that is left, newest first; None when they are many."""
    sql = f"SELECT number, place FROM sessions WHERE {' AND '.join(where)} LIMIT ?"  # noqa: S608  conditions are constants
    rows = connection.execute(sql, (*values, FEW_SESSIONS + 1)).fetchall()
    if len(rows) > FEW_SESSIONS:
        return None
    return sorted(rows, key=lambda row: (row[1], row[0]), reverse=True)


def _in_each(
    connection: sqlite3.Connection, match: str, sessions: Sequence[tuple[int, int]], limit: int
) -> Iterator[tuple[object, ...]]:
    sql = _FOUND.format("number = ?")
    for number, place in sessions:
        yield from connection.execute(sql, (match, place, place | LAST_COUNT, number, limit))


def _words(query: Query) -> str:
    return session_words(query.namespace or "", query.user or "", query.pod or "")


def _span(query: Query) -> tuple[int, int]:
    first = 0 if query.since is None else first_place(query.since)
    return first, (1 << 63) - 1 if query.until is None else last_place(query.until)


def _hits(rows: Iterator[tuple[object, ...]], phrases: Sequence[str]) -> list[Hit]:
    records: dict[object, SessionRecord] = {}
    hits: list[Hit] = []
    for number, record, *rest in rows:
        if number not in records and isinstance(record, bytes):
            records[number] = decode_record(record)
        hits.append(_hit(records[number], rest, phrases))
    return hits


def _hit(record: SessionRecord, row: Sequence[object], phrases: Sequence[str]) -> Hit:
    session, sequence, at, channel, packed, blob = row
    text = unpack(bool(packed), blob).decode() if isinstance(blob, bytes) else ""
    passage = None
    if isinstance(session, str) and isinstance(sequence, int) and isinstance(at, int):
        passage = Passage(session, sequence, at, None if channel is None else Channel(channel), text)
    return Hit(record, passage, highlight(text, phrases))
