"""Functions that the migrations of the schema call, and what the index holds of sessions and events."""

import json
import sqlite3

from webhook.journal.events import AuditEvent
from webhook.store.audit import searched_text
from webhook.store.codec import decode_audit_event, decode_record
from webhook.store.contract import SessionRecord
from webhook.store.sqlite.packing import unpack
from webhook.store.sqlite.places import field_words, first_place, indexed

_SEPARATOR = "\n"


def session_words(namespace: str, user: str, pod: str) -> str:
    """Give the words by which the texts of a session are found by its fields."""
    return field_words({"namespace": namespace, "user": user, "pod": pod})


def event_words(event: AuditEvent) -> str:
    """Give what the index holds of an audit event."""
    words = {
        "namespace": event.where.namespace or "\0",
        "kind": event.kind.value,
        "outcome": event.outcome.value,
        "actor": event.actor.username,
        "approval": event.approval,
        "session": event.session,
    }
    return indexed(searched_text(event), field_words(words))


def listed(findings: dict[str, int]) -> str:
    """Give the rules that found something in a form that ``instr`` finds each of them in."""
    names = (name if "/" in name else f"{name}/" for name in sorted(findings))
    return "".join(f"{_SEPARATOR}{name}" for name in names) + _SEPARATOR if findings else ""


def found_as(finding: str) -> str:
    """Give what ``listed`` holds of a finding: of a rule, or of a rule and a brand."""
    return f"{_SEPARATOR}{finding}{_SEPARATOR}" if "/" in finding else f"{_SEPARATOR}{finding}/"


def add_functions(connection: sqlite3.Connection) -> None:
    """Let statements of a connection call the functions."""
    for count, function in (
        (1, first_place),
        (2, _unpacked),
        (2, indexed),
        (3, session_words),
        (1, _event_words),
        (1, _session_columns),
    ):
        name = function.__name__.removeprefix("_")
        connection.create_function(name, count, function, deterministic=True)


def _unpacked(packed: int, blob: bytes) -> str:
    return unpack(packed, blob).decode()


def _event_words(blob: bytes) -> str:
    return event_words(decode_audit_event(blob))


def _session_columns(blob: bytes) -> str:
    record = decode_record(blob)
    return json.dumps(changing_columns(record))


def changing_columns(record: SessionRecord) -> tuple[int | None, str, str]:
    """Give the exit code, the findings and the approval of a session, as they are kept for filters."""
    return record.exit_code, listed(record.findings), record.decision.approval or ""
