"""The tables, as migrations: each brings a file from one version to the next.

``frames.id`` is the session's number in the upper 32 bits and the frame's sequence in the lower, so that
one B-tree holds each session's frames side by side. ``texts`` holds passages, and each command line as a
text without a sequence; ``words`` is the full-text index over it, keyed by ``texts.id``, without a copy
of the text: whoever deletes a text first gives it to the ``delete`` command of FTS5.
``audit_words`` is the same over audit events, keyed by ``audit_events.number``.
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
)
