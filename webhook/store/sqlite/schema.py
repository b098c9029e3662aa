"""The tables, as migrations: each brings a file from one version to the next.

``frames.id`` is the session's number in the upper 32 bits and the frame's sequence in the lower, so that
one B-tree holds each session's frames side by side. ``texts`` holds passages, and each command line as a
text without a sequence; ``words`` is the full-text index over it, keyed by ``texts.id``, without a copy
of the text: whoever deletes a text first gives it to the ``delete`` command of FTS5.
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
)
