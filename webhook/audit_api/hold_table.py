"""Legal holds as a server-side table."""

from collections.abc import Sequence
from typing import Final

from msgspec import UnsetType

from webhook.audit_api.hold_objects import HoldSpec, LegalHold
from webhook.audit_api.objects import ListMeta, ObjectMeta, unix_nanoseconds
from webhook.audit_api.table import Column, IncludeObject, Row, Table, included
from webhook.audit_api.text import human_duration, shortened

_REASON_WIDTH: Final = 60
HOLD_COLUMNS: Final = (
    Column("Name", "string", "Name of the hold.", "name"),
    Column("Keeps", "string", "What is not removed."),
    Column("Set By", "string", "Who set it."),
    Column("Reason", "string", "Why."),
    Column("In Force", "string", "no once it is released."),
    Column("Released By", "string", "Who released it.", priority=1),
    Column("Age", "string", "Time since it was set."),
)


def scope_text(spec: HoldSpec) -> str:
    """Give what a hold keeps, in a few words."""
    fields = {
        "session": spec.session,
        "agent": spec.agent,
        "namespace": spec.namespace,
        "since": spec.since,
        "until": spec.until,
    }
    return " ".join(f"{name}={value}" for name, value in fields.items() if value)


def hold_table(holds: Sequence[LegalHold], metadata: ListMeta, *, now: int, include: IncludeObject) -> Table:
    """Give the table of holds as of ``now`` (Unix nanoseconds)."""
    return Table(
        column_definitions=HOLD_COLUMNS,
        rows=[Row(_cells(hold, now), included(hold, include)) for hold in holds],
        metadata=metadata,
    )


def _cells(hold: LegalHold, now: int) -> list[str | int]:
    status, metadata = hold.status, hold.metadata
    if isinstance(status, UnsetType) or not isinstance(metadata, ObjectMeta):
        return []
    released = "" if isinstance(status.released_by, UnsetType) else status.released_by.username
    return [
        metadata.name,
        shortened(scope_text(hold.spec), _REASON_WIDTH),
        shortened(status.set_by.username, _REASON_WIDTH),
        shortened(hold.spec.reason, _REASON_WIDTH),
        "yes" if status.in_force else "no",
        shortened(released, _REASON_WIDTH),
        human_duration(now - unix_nanoseconds(metadata.creation_timestamp)),
    ]
