"""Audit events as documents, in the words of the Elastic Common Schema. No I/O.

An event is kept whole as MessagePack (``chaperone.event``); the other fields are for searching and for
people.
"""

from typing import Final

import msgspec

from webhook.journal.events import AuditEvent, Kind
from webhook.store.audit import KeptEvent, searched_text
from webhook.store.codec import decode_audit_event, encode
from webhook.store.opensearch.documents import Document

_NANOSECONDS: Final = 1_000_000
_CATEGORIES: Final = {
    Kind.DECISION: ("configuration", "access"),
    Kind.APPROVAL_ASKED: ("iam", "info"),
    Kind.APPROVAL_DECIDED: ("iam", "change"),
    Kind.APPROVAL_REFUSED: ("iam", "denied"),
    Kind.APPROVAL_USED: ("iam", "access"),
    Kind.APPROVAL_EXPIRED: ("iam", "end"),
    Kind.APPROVAL_REMOVED: ("iam", "deletion"),
    Kind.BREAK_GLASS: ("iam", "admin"),
    Kind.POLICY_CHANGED: ("configuration", "change"),
    Kind.POLICY_REFUSED: ("configuration", "denied"),
    Kind.NOTIFICATION_SENT: ("email", "info"),
    Kind.NOTIFICATION_FAILED: ("email", "error"),
    Kind.CONTROL_STARTED: ("process", "start"),
    Kind.CONTROL_STOPPED: ("process", "end"),
    Kind.CONTROL_FAILED: ("process", "error"),
    Kind.INCIDENT: ("intrusion_detection", "denied"),
    Kind.CANARY: ("process", "info"),
    Kind.SESSION_FINDING: ("intrusion_detection", "info"),
    Kind.SESSION_KILLED: ("session", "end"),
    Kind.SESSION_LOST: ("session", "error"),
    Kind.RECORD_READ: ("database", "access"),
    Kind.RECORD_REMOVED: ("database", "deletion"),
    Kind.HOLD_SET: ("configuration", "creation"),
    Kind.HOLD_RELEASED: ("configuration", "deletion"),
}
"""``event.category`` and ``event.type`` (ECS 8, "Categorization fields")."""
_SESSIONS: Final = frozenset({"pods/exec", "pods/attach"})


def audit_document(event: AuditEvent, received_at: int) -> Document:
    """Give an event's document."""
    where = event.where
    return {
        "@timestamp": event.at // _NANOSECONDS,
        "message": searched_text(event),
        "observer": {"name": event.origin},
        "user": {"name": event.actor.username, "id": event.actor.uid, "group": {"name": event.actor.groups}},
        "orchestrator": {
            "type": "kubernetes",
            "namespace": where.namespace,
            "resource": {"type": where.resource, "name": where.name, "id": where.uid},
        },
        **({"container": {"name": where.container}} if where.container else {}),
        **({"process": _process(event)} if event.argv else {}),
        "event": _categorised(event, received_at),
        "rule": {"name": event.rule, "ruleset": event.policy},
        "chaperone": _own_fields(event, received_at),
    }


class _Kept(msgspec.Struct):
    event: bytes
    received_at: int


class AuditSource(msgspec.Struct):
    """What is read back of an audit event."""

    chaperone: _Kept

    def kept(self) -> KeptEvent:
        """The event. Raises StoreError."""
        return KeptEvent(decode_audit_event(self.chaperone.event), self.chaperone.received_at)


def _process(event: AuditEvent) -> Document:
    return {"command_line": " ".join(event.argv), "args": event.argv, "args_count": len(event.argv)}


def _categorised(event: AuditEvent, received_at: int) -> Document:
    category, kind = _CATEGORIES[event.kind]
    if event.kind is Kind.DECISION:
        category = "session" if event.where.resource in _SESSIONS else category
        allowed = "allowed" if event.outcome.value == "success" else "denied"
        kinds = [kind, allowed]
    else:
        kinds = [kind]
    return {
        "id": event.id,
        "kind": "event",
        "category": [category],
        "type": kinds,
        "action": event.kind.value,
        "outcome": event.outcome.value,
        "reason": event.reason,
        "ingested": received_at // _NANOSECONDS,
    }


def _own_fields(event: AuditEvent, received_at: int) -> Document:
    texts = {
        "door": event.door,
        "operation": event.operation,
        "action": event.action,
        "would": event.would,
        "approval": event.approval,
        "requester": event.requester,
        "session": event.session,
        "request": event.request,
    }
    return {
        "at": event.at,
        "received_at": received_at,
        **{name: text for name, text in texts.items() if text},
        "dry_run": event.dry_run,
        "details": [f"{name}={text}" for name, text in event.details.items()],
        "event": encode(event),
    }
