"""The tables, as migrations: each brings a file from one version to the next.

``frames.id`` is the session's number in the upper 32 bits and the frame's sequence in the lower, so that
one B-tree holds each session's frames side by side. ``texts`` holds passages, and each command line as a
text without a sequence; ``words`` is the full-text index over it, keyed by ``texts.id``, without a copy
of the text: whoever deletes a text first gives it to the ``delete`` command of FTS5, as it was indexed.
``audit_words`` is the same over audit events, keyed by ``audit_events.number``. Both are numbered by time
(``places.py``), and so is ``sessions.place``, where a session's texts begin; ``sessions.keys`` are the words
of the session's fields in the index, as they were when it was created.
``ledger.nodes`` holds the hashes of the nodes that an entry completes, its leaf's first.
Blobs marked ``packed`` are zlib streams (RFC 1950).
"""

from typing import Final

APPLICATION_ID: Final = 0x43485031
SEQUENCE_BITS: Final = 32

MIGRATIONS: Final = (
    (
        """CREATE TABLE sessions (
            number INTEGER PRIMARY KEY,
            session TEXT NOT NULL UNIQUE,
            namespace TEXT NOT NULL,
            username TEXT NOT NULL,
            pod TEXT NOT NULL,
            phase TEXT NOT NULL,
            started_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL,
            record BLOB NOT NULL)""",
        "CREATE INDEX sessions_by_namespace ON sessions (namespace, session)",
        "CREATE INDEX sessions_by_user ON sessions (username, session)",
        "CREATE INDEX sessions_by_change ON sessions (updated_at)",
        """CREATE TABLE frames (
            id INTEGER PRIMARY KEY,
            digest BLOB NOT NULL,
            packed INTEGER NOT NULL,
            payload BLOB NOT NULL)""",
        """CREATE TABLE texts (
            id INTEGER PRIMARY KEY,
            number INTEGER NOT NULL REFERENCES sessions,
            sequence INTEGER,
            at INTEGER,
            channel TEXT,
            packed INTEGER NOT NULL,
            text BLOB NOT NULL)""",
        "CREATE INDEX texts_by_session ON texts (number, sequence)",
        "CREATE VIRTUAL TABLE words USING fts5 (text, content='', tokenize='unicode61 remove_diacritics 0')",
        """CREATE TABLE notices (
            number INTEGER PRIMARY KEY,
            pod_uid TEXT NOT NULL,
            id TEXT NOT NULL,
            namespace TEXT NOT NULL,
            received_at INTEGER NOT NULL,
            notice BLOB NOT NULL,
            UNIQUE (pod_uid, id))""",
        "CREATE INDEX notices_by_time ON notices (received_at)",
        "CREATE INDEX notices_by_namespace ON notices (namespace, received_at)",
    ),
    (
        """CREATE TABLE ledger (
            number INTEGER PRIMARY KEY,
            key TEXT NOT NULL UNIQUE,
            kind TEXT NOT NULL,
            nodes BLOB NOT NULL,
            packed INTEGER NOT NULL,
            data BLOB NOT NULL)""",
        "CREATE INDEX ledger_by_kind ON ledger (kind, number)",
    ),
    (
        """CREATE TABLE audit_events (
            number INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            at INTEGER NOT NULL,
            received_at INTEGER NOT NULL,
            namespace TEXT NOT NULL,
            kind TEXT NOT NULL,
            outcome TEXT NOT NULL,
            actor TEXT NOT NULL,
            approval TEXT NOT NULL,
            session TEXT NOT NULL,
            event BLOB NOT NULL)""",
        "CREATE INDEX audit_by_time ON audit_events (at, id)",
        "CREATE INDEX audit_by_namespace ON audit_events (namespace, at, id)",
        "CREATE INDEX audit_by_kind ON audit_events (kind, at, id)",
        "CREATE INDEX audit_by_namespace_and_kind ON audit_events (namespace, kind, at, id)",
        "CREATE INDEX audit_by_actor ON audit_events (actor, at, id)",
        "CREATE INDEX audit_by_approval ON audit_events (approval, at, id) WHERE approval != ''",
        "CREATE INDEX audit_by_session ON audit_events (session, at, id) WHERE session != ''",
        "CREATE INDEX audit_by_receipt ON audit_events (received_at)",
        """CREATE VIRTUAL TABLE audit_words USING
            fts5 (text, content='', tokenize='unicode61 remove_diacritics 0')""",
    ),
    # Texts and audit events are numbered by time, and fields that do not change are words of the index.
    (
        "ALTER TABLE sessions ADD COLUMN place INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE sessions ADD COLUMN keys TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE sessions ADD COLUMN exit_code INTEGER",
        "ALTER TABLE sessions ADD COLUMN findings TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE sessions ADD COLUMN approval TEXT NOT NULL DEFAULT ''",
        """UPDATE sessions SET place = first_place(started_at),
            keys = session_words(namespace, username, pod),
            (exit_code, findings, approval) = (SELECT value ->> 0, value ->> 1, value ->> 2
                FROM (SELECT session_columns(record) AS value))""",
        "CREATE INDEX sessions_by_start ON sessions (started_at)",
        "CREATE INDEX sessions_by_pod ON sessions (pod, session)",
        "CREATE INDEX sessions_by_phase ON sessions (phase, session)",
        "CREATE INDEX sessions_by_exit ON sessions (exit_code, started_at)",
        "CREATE INDEX sessions_failed ON sessions (started_at) WHERE exit_code != 0",
        "CREATE INDEX sessions_by_findings ON sessions (started_at) WHERE findings != ''",
        "CREATE INDEX sessions_by_approval ON sessions (approval) WHERE approval != ''",
        "INSERT INTO words (words) VALUES ('delete-all')",
        "ALTER TABLE texts RENAME TO texts_before",
        "DROP INDEX texts_by_session",
        """CREATE TABLE texts (
            id INTEGER PRIMARY KEY,
            number INTEGER NOT NULL REFERENCES sessions,
            sequence INTEGER,
            at INTEGER,
            channel TEXT,
            packed INTEGER NOT NULL,
            text BLOB NOT NULL)""",
        """INSERT INTO texts
            SELECT place + row_number() OVER (PARTITION BY place ORDER BY id) - 1, number, sequence, at,
                channel, packed, text
            FROM texts_before JOIN sessions USING (number)""",
        "DROP TABLE texts_before",
        "CREATE INDEX texts_by_session ON texts (number, sequence)",
        """INSERT INTO words (rowid, text) SELECT id, indexed(unpacked(packed, text), keys)
            FROM texts JOIN sessions USING (number) ORDER BY id""",
        "INSERT INTO audit_words (audit_words) VALUES ('delete-all')",
        # Twice, for a new number may be one that another event still has: those are no numbers of a moment.
        """UPDATE audit_events SET number = -placed FROM (SELECT number AS before, first_place(at)
            + row_number() OVER (PARTITION BY first_place(at) ORDER BY at, id) AS placed FROM audit_events)
            WHERE number = before""",
        "UPDATE audit_events SET number = -number - 1",
        """INSERT INTO audit_words (rowid, text) SELECT number, event_words(event) FROM audit_events
            ORDER BY number""",
    ),
)
