"""Sessions as a server-side table, which is what ``kubectl get sessions`` prints.

Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables
"""

from collections.abc import Sequence
from enum import Enum
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from webhook.audit_api.event_objects import AuditEvent
from webhook.audit_api.hold_objects import LegalHold
from webhook.audit_api.ledger_objects import Ledger
from webhook.audit_api.objects import ListMeta, Notice, ObjectMeta, Session, unix_nanoseconds
from webhook.audit_api.text import human_duration, short_command
from webhook.replay.safety import printable

TABLE_CONTENT_TYPE: Final = "application/json;as=Table;v=v1;g=meta.k8s.io"
_Item = Session | Notice | AuditEvent | Ledger | LegalHold
_COMMAND_WIDTH: Final = 40


class IncludeObject(Enum):
    """What a row carries of its object."""

    NONE = "None"
    METADATA = "Metadata"
    OBJECT = "Object"


class Column(msgspec.Struct, frozen=True, rename="camel"):
    """A column; those of priority 1 show with ``-o wide`` alone."""

    name: str
    type: str
    description: str
    format: str = ""
    priority: int = 0


class PartialObject(msgspec.Struct, frozen=True, rename="camel"):
    """meta.k8s.io/v1 PartialObjectMetadata."""

    metadata: ObjectMeta
    kind: str = "PartialObjectMetadata"
    api_version: str = "meta.k8s.io/v1"


class Row(msgspec.Struct, frozen=True):
    """A row, one cell for each column."""

    cells: list[str | int]
    included: Session | Notice | AuditEvent | Ledger | LegalHold | PartialObject | UnsetType = msgspec.field(
        default=UNSET, name="object"
    )


class Table(msgspec.Struct, frozen=True, rename="camel"):
    """meta.k8s.io/v1 Table."""

    column_definitions: tuple[Column, ...]
    rows: list[Row]
    metadata: ListMeta = ListMeta()
    kind: str = "Table"
    api_version: str = "meta.k8s.io/v1"


SESSION_COLUMNS: Final = (
    Column("Name", "string", "Identifier of the session.", "name"),
    Column("User", "string", "Who asked, as the API server authenticated them."),
    Column("Pod", "string", "Pod the command ran in."),
    Column("Container", "string", "Container the command ran in.", priority=1),
    Column("Kind", "string", "exec, or main-process for a container's own program.", priority=1),
    Column("Command", "string", "The command line, masked, shortened."),
    Column("TTY", "string", "Whether a terminal was asked for.", priority=1),
    Column("Phase", "string", "Active, Completed or Interrupted."),
    Column("Exit", "string", "Exit code of the command."),
    Column("Findings", "integer", "How often card data was masked."),
    Column("Duration", "string", "How long the session lasted, or has lasted.", priority=1),
    Column("Age", "string", "Time since the session started."),
)


NOTICE_COLUMNS: Final = (
    Column("Name", "string", "Identifier of the notice.", "name"),
    Column("Reason", "string", "What happened."),
    Column("Pod", "string", "Pod of the recorder that reported it."),
    Column("Container", "string", "Container concerned.", priority=1),
    Column("Session", "string", "Session concerned.", priority=1),
    Column("Message", "string", "Details."),
    Column("Age", "string", "Time since it was reported."),
)


LEDGER_COLUMNS: Final = (
    Column("Name", "string", "Name of the ledger.", "name"),
    Column("Entries", "integer", "Number of entries."),
    Column("Signed", "integer", "Number of entries that the newest checkpoint covers."),
    Column("Root", "string", "Root hash over all entries, base64."),
    Column("Origin", "string", "The ledger's name in checkpoints.", priority=1),
)


def session_table(
    sessions: Sequence[Session],
    metadata: ListMeta,
    *,
    now: int,
    include: IncludeObject,
    with_columns: bool = True,
) -> Table:
    """Give the table of sessions as of ``now`` (Unix nanoseconds)."""
    return Table(
        column_definitions=SESSION_COLUMNS if with_columns else (),
        rows=[Row(_cells(session, now), included(session, include)) for session in sessions],
        metadata=metadata,
    )


def notice_table(notices: Sequence[Notice], metadata: ListMeta, *, now: int, include: IncludeObject) -> Table:
    """Give the table of notices as of ``now`` (Unix nanoseconds)."""
    return Table(
        column_definitions=NOTICE_COLUMNS,
        rows=[Row(_notice_cells(notice, now), included(notice, include)) for notice in notices],
        metadata=metadata,
    )


def ledger_table(ledger: Ledger, metadata: ListMeta, *, include: IncludeObject) -> Table:
    """Give the table of the one ledger."""
    status = ledger.status
    cells: list[str | int] = [
        ledger.metadata.name,
        status.size,
        status.signed_size,
        status.root,
        printable(ledger.spec.origin),
    ]
    return Table(LEDGER_COLUMNS, [Row(cells, included(ledger, include))], metadata)


def _notice_cells(notice: Notice, now: int) -> list[str | int]:
    return [
        notice.metadata.name,
        notice.reason,
        printable(notice.pod),
        printable(notice.container),
        printable(notice.session),
        printable(notice.message),
        human_duration(now - unix_nanoseconds(notice.metadata.creation_timestamp)),
    ]


def _cells(session: Session, now: int) -> list[str | int]:
    spec, status = session.spec, session.status
    started = unix_nanoseconds(session.metadata.creation_timestamp)
    return [
        session.metadata.name,
        printable(spec.user.username),
        printable(spec.pod),
        printable(spec.container),
        spec.kind,
        short_command(spec.command, _COMMAND_WIDTH),
        "yes" if spec.tty else "no",
        status.phase,
        "" if isinstance(status.exit_code, UnsetType) else str(status.exit_code),
        status.findings.total,
        human_duration(_lasted(session, now)),
        human_duration(now - started),
    ]


def _lasted(session: Session, now: int) -> int:
    status = session.status
    if not status.ended_at:
        return now - unix_nanoseconds(session.metadata.creation_timestamp)
    return unix_nanoseconds(status.ended_at) - unix_nanoseconds(status.started_at)


def included(item: _Item, include: IncludeObject) -> _Item | PartialObject | UnsetType:
    """Give what a row carries of its object."""
    match include:
        case IncludeObject.OBJECT:
            return item
        case IncludeObject.METADATA:
            return UNSET if isinstance(item.metadata, UnsetType) else PartialObject(item.metadata)
        case IncludeObject.NONE:
            return UNSET
