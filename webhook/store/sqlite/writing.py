"""Statements that write, inside a transaction of the caller's."""

import sqlite3
from collections.abc import Iterable, Sequence

from sidecar.contract.frames import Frame
from webhook.store.codec import decode_record, encode
from webhook.store.contract import Passage, PodNotice, SessionRecord
from webhook.store.sqlite.functions import changing_columns, session_words
from webhook.store.sqlite.packing import pack, unpack
from webhook.store.sqlite.places import LAST_COUNT, first_place, indexed
from webhook.store.sqlite.schema import SEQUENCE_BITS


def kept_session(connection: sqlite3.Connection, session: str) -> tuple[int, SessionRecord] | None:
    """Give a session's number and record."""
    row = connection.execute("SELECT number, record FROM sessions WHERE session = ?", (session,)).fetchone()
    return None if row is None else (row[0], decode_record(row[1]))


def insert_session(connection: sqlite3.Connection, record: SessionRecord) -> None:
    """Keep a new session and its command line."""
    place = first_place(record.started_at)
    keys = session_words(record.namespace, record.identity.username, record.pod)
    cursor = connection.execute(
        "INSERT INTO sessions (namespace, username, pod, phase, started_at, updated_at, record, exit_code,"
        " findings, approval, session, place, keys) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*_columns(record), record.session, place, keys),
    )
    _Texts(connection, cursor.lastrowid or 0, place, keys).add(" ".join(record.argv), None, None, None)


def update_session(connection: sqlite3.Connection, number: int, record: SessionRecord) -> None:
    """Replace a session's record."""
    connection.execute(
        "UPDATE sessions SET namespace = ?, username = ?, pod = ?, phase = ?, started_at = ?, updated_at = ?,"
        " record = ?, exit_code = ?, findings = ?, approval = ? WHERE number = ?",
        (*_columns(record), number),
    )


def insert_frames(connection: sqlite3.Connection, number: int, frames: Iterable[Frame]) -> None:
    """Keep frames that are not kept yet."""
    base = number << SEQUENCE_BITS
    connection.executemany(
        "INSERT INTO frames (id, digest, packed, payload) VALUES (?, ?, ?, ?)",
        ((base | frame.sequence, frame.digest, *pack(frame.payload)) for frame in frames),
    )


def insert_passages(
    connection: sqlite3.Connection, number: int, passages: Sequence[Passage], *, next_sequence: int
) -> None:
    """Keep passages; those equal to a kept one stay as they are. Below ``next_sequence`` some may be kept."""
    if not passages:
        return
    row = connection.execute("SELECT place, keys FROM sessions WHERE number = ?", (number,)).fetchone()
    texts = _Texts(connection, number, *row)
    for passage in dict.fromkeys(passages):
        if passage.sequence < next_sequence and _is_kept(connection, number, passage):
            continue
        texts.add(passage.text, passage.sequence, passage.at, _channel(passage))


def insert_notice(connection: sqlite3.Connection, notice: PodNotice) -> None:
    """Keep a notice unless it is kept already."""
    connection.execute(
        "INSERT INTO notices (pod_uid, id, namespace, received_at, notice) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (pod_uid, id) DO NOTHING",
        (notice.pod_uid, notice.notice.id, notice.namespace, notice.received_at, encode(notice)),
    )


def _columns(record: SessionRecord) -> tuple[str | int | bytes | None, ...]:
    return (
        record.namespace,
        record.identity.username,
        record.pod,
        record.phase.value,
        record.started_at,
        record.updated_at,
        encode(record),
        *changing_columns(record),
    )


class _Texts:
    """Adds texts of one session, from the first number on that is free at its place."""

    def __init__(self, connection: sqlite3.Connection, number: int, place: int, keys: str) -> None:
        self._connection = connection
        self._number = number
        self._keys = keys
        sql = "SELECT coalesce(max(id) + 1, ?) FROM texts WHERE id BETWEEN ? AND ?"
        (self._next,) = connection.execute(sql, (place, place, place | LAST_COUNT)).fetchone()

    def add(self, text: str, sequence: int | None, at: int | None, channel: str | None) -> None:
        """Keep a text, and index it."""
        self._connection.execute(
            "INSERT INTO texts (id, number, sequence, at, channel, packed, text)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (self._next, self._number, sequence, at, channel, *pack(text.encode())),
        )
        words = (self._next, indexed(text, self._keys))
        self._connection.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", words)
        self._next += 1


def _is_kept(connection: sqlite3.Connection, number: int, passage: Passage) -> bool:
    rows = connection.execute(
        "SELECT packed, text FROM texts WHERE number = ? AND sequence = ? AND at = ? AND channel IS ?",
        (number, passage.sequence, passage.at, _channel(passage)),
    )
    text = passage.text.encode()
    return any(unpack(packed, blob) == text for packed, blob in rows)


def _channel(passage: Passage) -> str | None:
    return None if passage.channel is None else passage.channel.value
