"""Audit events for people: as a table, and everything known of one."""

import shlex
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final, NamedTuple

from rich.text import Text

from webhook.audit_api.event_objects import AuditEvent
from webhook.audit_api.event_table import what
from webhook.cli.columns import Column, lay_out
from webhook.cli.times import age, local
from webhook.replay.safety import printable

_OUTCOME_STYLES: Final = {"success": "", "failure": "red", "unknown": "dim"}
_LOUD: Final = frozenset({"break-glass", "control-failed", "policy-refused", "notification-failed"})


class _EventColumn(NamedTuple):
    column: Column
    cell: Callable[[AuditEvent, datetime], Text]
    is_wide: bool = False


def event_lines(
    events: Iterable[AuditEvent], now: datetime, *, width: int | None, wide: bool, namespaces: bool
) -> list[Text]:
    """Give the lines of a table of events."""
    columns = [
        column
        for column in _COLUMNS
        if (wide or not column.is_wide) and (namespaces or column.column.title != "NAMESPACE")
    ]
    rows = [[column.cell(event, now) for column in columns] for event in events]
    return lay_out([column.column for column in columns], rows, width)


def event_detail_lines(event: AuditEvent, now: datetime) -> list[Text]:
    """Give everything known of an event, one fact a line; what is not known has none."""
    about, decision, actor = event.about, event.decision, event.actor
    place = "/".join(part for part in (event.metadata.namespace, about.name) if part)
    extra = [f"{key}={','.join(values)}" for key, values in actor.extra.items()]
    facts: list[tuple[str, str | Text]] = [
        ("Event", event.metadata.name),
        ("What", Text(event.type, "bold red" if event.type in _LOUD else "")),
        ("Outcome", Text(event.outcome, _OUTCOME_STYLES.get(event.outcome, ""))),
        ("When", local(event.at, now)),
        ("Actor", printable(actor.username)),
        ("Groups", printable(", ".join(actor.groups))),
        ("Extra", printable(" ".join(extra))),
        ("About", printable(" ".join(part for part in (about.resource, place, about.container) if part))),
        ("UID", printable(about.uid)),
        ("Asked", printable(event.asked)),
        ("Command", printable(shlex.join(event.command))),
        ("Decision", printable(_decided(event))),
        ("Audit mode", printable(f"would be {decision.would}") if decision.would else ""),
        ("Why", printable(event.reason)),
        ("Approval", printable(event.approval)),
        ("Requester", printable(event.requester)),
        ("Session", printable(event.session)),
        ("Request UID", printable(event.request_uid)),
        ("Dry run", "yes" if event.dry_run else ""),
        ("Details", printable(" ".join(f"{name}={value}" for name, value in event.details.items()))),
        ("Seen by", printable(event.origin)),
        ("Taken in", local(event.metadata.creation_timestamp, now)),
    ]
    return [Text.assemble((f"{name:<14}", "bold"), value) for name, value in facts if value]


def _decided(event: AuditEvent) -> str:
    decision = event.decision
    return " by ".join(part for part in (decision.action, _rule(event)) if part)


def _rule(event: AuditEvent) -> str:
    decision = event.decision
    return f"{decision.policy}/{decision.rule}" if decision.policy else decision.rule


def _plain(value: Callable[[AuditEvent], str]) -> Callable[[AuditEvent, datetime], Text]:
    return lambda event, _: Text(printable(value(event)))


def _outcome(event: AuditEvent, _: datetime) -> Text:
    return Text(printable(event.outcome), _OUTCOME_STYLES.get(event.outcome, ""))


def _age(event: AuditEvent, now: datetime) -> Text:
    return Text(age(event.at, now))


def _kind(event: AuditEvent, _: datetime) -> Text:
    return Text(printable(event.type), "bold red" if event.type in _LOUD else "")


_COLUMNS: Final = (
    _EventColumn(Column("NAMESPACE", weight=16), _plain(lambda e: e.metadata.namespace)),
    _EventColumn(Column("AGE", is_number=True), _age),
    _EventColumn(Column("KIND"), _kind),
    _EventColumn(Column("ACTOR", weight=2), _plain(lambda e: e.actor.username)),
    _EventColumn(Column("ACTION"), _plain(lambda e: e.decision.action)),
    _EventColumn(Column("RULE", weight=2), _plain(_rule)),
    _EventColumn(Column("WHAT", weight=4, unbounded=True), _plain(what)),
    _EventColumn(Column("OUTCOME"), _outcome),
    _EventColumn(Column("APPROVAL"), _plain(lambda e: e.approval), is_wide=True),
    _EventColumn(Column("SESSION"), _plain(lambda e: e.session), is_wide=True),
    _EventColumn(Column("REASON", weight=2, unbounded=True), _plain(lambda e: e.reason), is_wide=True),
    _EventColumn(Column("EVENT"), _plain(lambda e: e.metadata.name), is_wide=True),
)
