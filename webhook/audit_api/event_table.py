"""Audit events as a server-side table, which is what ``kubectl get auditevents`` prints."""

from collections.abc import Sequence
from typing import Final

from webhook.audit_api.event_objects import AuditEvent
from webhook.audit_api.objects import ListMeta, unix_nanoseconds
from webhook.audit_api.table import Column, IncludeObject, Row, Table, included
from webhook.audit_api.text import human_duration, shortened
from webhook.replay.safety import printable

_WHAT_WIDTH: Final = 60

EVENT_COLUMNS: Final = (
    Column("Age", "string", "Time since it happened."),
    Column("Kind", "string", "What happened."),
    Column("Actor", "string", "Who did it, as the API server authenticated them."),
    Column("Action", "string", "What policies said."),
    Column("Rule", "string", "The rule that decided."),
    Column("What", "string", "What it is about: the command line, or what was asked; masked, shortened."),
    Column("Outcome", "string", "success, failure or unknown."),
    Column("Name", "string", "Identifier of the event.", "name", priority=1),
    Column("Approval", "string", "Name of the approval request.", priority=1),
    Column("Session", "string", "Id of the session.", priority=1),
    Column("Reason", "string", "Why.", priority=1),
)


def event_table(
    events: Sequence[AuditEvent],
    metadata: ListMeta,
    *,
    now: int,
    include: IncludeObject,
    with_columns: bool = True,
) -> Table:
    """Give the table of events as of ``now`` (Unix nanoseconds)."""
    return Table(
        column_definitions=EVENT_COLUMNS if with_columns else (),
        rows=[Row(_cells(event, now), included(event, include)) for event in events],
        metadata=metadata,
    )


def what(event: AuditEvent) -> str:
    """Give in one line what an event is about; not made harmless yet."""
    if event.command:
        return f"{event.about.name}: {' '.join(event.command)}"
    if event.asked:
        return event.asked
    about = " ".join(part for part in (event.operation, event.about.resource, event.about.name) if part)
    return ": ".join(part for part in (about, event.reason) if part)


def _cells(event: AuditEvent, now: int) -> list[str | int]:
    decision = event.decision
    return [
        human_duration(now - unix_nanoseconds(event.at)),
        printable(event.type),
        printable(event.actor.username),
        printable(decision.action),
        printable(f"{decision.policy}/{decision.rule}" if decision.policy else decision.rule),
        shortened(what(event), _WHAT_WIDTH),
        printable(event.outcome),
        printable(event.metadata.name),
        printable(event.approval),
        printable(event.session),
        shortened(event.reason, _WHAT_WIDTH),
    ]
