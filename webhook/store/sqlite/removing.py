"""Statements that remove, inside a transaction of the caller's."""

import sqlite3
from collections.abc import Sequence

from webhook.store.codec import decode_audit_event
from webhook.store.sqlite.functions import event_words
from webhook.store.sqlite.packing import unpack
from webhook.store.sqlite.places import indexed
from webhook.store.sqlite.schema import SEQUENCE_BITS

_FORGET = "INSERT INTO {0} ({0}, rowid, text) VALUES ('delete', ?, ?)"
"""The index has no copy of its texts: it must be told the text exactly as it was indexed."""


def delete_session(connection: sqlite3.Connection, session: str) -> None:
    """Remove a session with its frames and texts, if it is kept."""
    row = connection.execute("SELECT number, keys FROM sessions WHERE session = ?", (session,)).fetchone()
    if row is None:
        return
    number, keys = row
    texts = connection.execute("SELECT id, packed, text FROM texts WHERE number = ?", (number,)).fetchall()
    connection.executemany(
        _FORGET.format("words"),
        ((key, indexed(unpack(packed, blob).decode(), keys)) for key, packed, blob in texts),
    )
    connection.execute("DELETE FROM texts WHERE number = ?", (number,))
    first = number << SEQUENCE_BITS
    connection.execute("DELETE FROM frames WHERE id >= ? AND id < ?", (first, first + (1 << SEQUENCE_BITS)))
    connection.execute("DELETE FROM sessions WHERE number = ?", (number,))


def delete_audit_events(connection: sqlite3.Connection, ids: Sequence[str]) -> None:
    """Remove audit events; those that are not kept are gone already."""
    for key in ids:
        row = connection.execute("SELECT number, event FROM audit_events WHERE id = ?", (key,)).fetchone()
        if row is not None:
            words = (row[0], event_words(decode_audit_event(row[1])))
            connection.execute(_FORGET.format("audit_words"), words)
            connection.execute("DELETE FROM audit_events WHERE number = ?", (row[0],))
