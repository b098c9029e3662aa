"""Audit events as comma-separated values."""

from collections.abc import Sequence
from typing import Final

from webhook.audit_api.event_objects import AuditEvent, EventSearchHit
from webhook.replay.csv_text import csv_text

CSV_COLUMNS: Final = (
    "id",
    "at",
    "kind",
    "outcome",
    "actor",
    "namespace",
    "resource",
    "name",
    "container",
    "door",
    "operation",
    "action",
    "policy",
    "rule",
    "would",
    "asked",
    "command",
    "reason",
    "approval",
    "requester",
    "session",
    "request",
    "dry_run",
    "details",
    "origin",
)


def event_csv(events: Sequence[AuditEvent]) -> str:
    """Give events as comma-separated values."""
    return csv_text(CSV_COLUMNS, map(_cells, events))


def hit_csv(hits: Sequence[EventSearchHit]) -> str:
    """Give where a text was found: the same, and what matched."""
    return csv_text((*CSV_COLUMNS, "matches"), ((*_cells(hit.event), _matches(hit)) for hit in hits))


def _matches(hit: EventSearchHit) -> str:
    return " | ".join(hit.text[start:end] for start, end in hit.highlight)


def _cells(event: AuditEvent) -> tuple[str, ...]:
    decision, about = event.decision, event.about
    return (
        event.metadata.name,
        event.at,
        event.type,
        event.outcome,
        event.actor.username,
        event.metadata.namespace,
        about.resource,
        about.name,
        about.container,
        event.door,
        event.operation,
        decision.action,
        decision.policy,
        decision.rule,
        decision.would,
        event.asked,
        " ".join(event.command),
        event.reason,
        event.approval,
        event.requester,
        event.session,
        event.request_uid,
        "true" if event.dry_run else "false",
        " ".join(f"{name}={value}" for name, value in event.details.items()),
        event.origin,
    )
