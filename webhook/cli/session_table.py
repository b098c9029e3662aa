"""Sessions as a table."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final, NamedTuple

from msgspec import UnsetType
from rich.text import Text

from sidecar.contract.events import SessionKind
from webhook.audit_api.objects import Session
from webhook.cli.columns import Column, lay_out
from webhook.cli.times import age, human
from webhook.replay.safety import printable


def session_lines(
    sessions: Iterable[Session], now: datetime, *, width: int | None, wide: bool, namespaces: bool
) -> list[Text]:
    """Give the lines of a table of sessions."""
    sessions = list(sessions)
    kinds = wide or any(session.spec.kind != SessionKind.EXEC.value for session in sessions)
    columns = [
        column for column in _COLUMNS if _is_shown(column, wide=wide, namespaces=namespaces, kinds=kinds)
    ]
    rows = [[column.cell(session, now) for column in columns] for session in sessions]
    return lay_out([column.column for column in columns], rows, width)


def _is_shown(column: "_SessionColumn", *, wide: bool, namespaces: bool, kinds: bool) -> bool:
    asked_for = {"NAMESPACE": namespaces, "KIND": kinds}
    return (wide or not column.is_wide) and asked_for.get(column.column.title, True)


class _SessionColumn(NamedTuple):
    column: Column
    cell: Callable[[Session, datetime], Text]
    is_wide: bool = False


def _result(session: Session, _: datetime) -> Text:
    status = session.status
    if not isinstance(status.exit_code, UnsetType):
        return Text(f"exit {status.exit_code}", "red" if status.exit_code else "")
    if status.phase == "Active":
        return Text("active", "green")
    return Text(printable(status.how or status.phase.lower()), "bold red")


def _masked(session: Session, _: datetime) -> Text:
    total = session.status.findings.total
    return Text(str(total) if total else "–", "yellow" if total else "dim")


def _age(session: Session, now: datetime) -> Text:
    return Text(age(session.metadata.creation_timestamp, now))


def _plain(value: Callable[[Session], str]) -> Callable[[Session, datetime], Text]:
    return lambda session, _: Text(printable(value(session)))


_COLUMNS: Final = (
    _SessionColumn(Column("NAMESPACE", weight=1), _plain(lambda s: s.metadata.namespace)),
    _SessionColumn(Column("SESSION"), _plain(lambda s: s.metadata.name)),
    _SessionColumn(Column("KIND"), _plain(lambda s: s.spec.kind)),
    _SessionColumn(Column("USER", weight=1), _plain(lambda s: s.spec.user.username)),
    _SessionColumn(Column("POD", weight=1), _plain(lambda s: s.spec.pod)),
    _SessionColumn(Column("CONTAINER"), _plain(lambda s: s.spec.container), is_wide=True),
    _SessionColumn(Column("NODE"), _plain(lambda s: s.spec.node), is_wide=True),
    _SessionColumn(Column("TTY"), _plain(lambda s: "yes" if s.spec.tty else "no"), is_wide=True),
    _SessionColumn(Column("COMMAND", weight=2, unbounded=True), _plain(lambda s: " ".join(s.spec.command))),
    _SessionColumn(Column("RESULT"), _result),
    _SessionColumn(Column("MASKED", is_number=True), _masked),
    _SessionColumn(
        Column("DURATION", is_number=True), _plain(lambda s: human(s.status.duration) or "–"), is_wide=True
    ),
    _SessionColumn(Column("AGE", is_number=True), _age),
)
