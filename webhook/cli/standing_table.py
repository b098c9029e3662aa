"""Standing approvals for people."""

import shlex
from datetime import UTC, datetime
from typing import Final

from rich.text import Text

from webhook.approvals.objects import API_VERSION
from webhook.approvals.standing import KIND, StandingApproval
from webhook.cli.approval_access import Given
from webhook.cli.columns import Column, lay_out
from webhook.cli.options import Format
from webhook.cli.output import console, note, print_json, width_of
from webhook.replay.safety import printable

_COLUMNS: Final = (
    Column("NAMESPACE", weight=1),
    Column("NAME"),
    Column("PHASE"),
    Column("USER", weight=1),
    Column("WHAT", weight=2, unbounded=True),
    Column("GIVEN-BY", weight=1),
    Column("UNTIL"),
)


def print_standings(found: list[Given], place: str, output: Format, *, everything: bool) -> None:
    """Print standing approvals as a table, or as JSON; only those that hold unless all are asked for."""
    now = datetime.now(UTC)
    shown = [one for one in found if everything or one.approval.holds(now)]
    if output is Format.JSON:
        items = [one.raw for one in shown]
        print_json({"apiVersion": API_VERSION, "kind": f"{KIND}List", "metadata": {}, "items": items})
    elif not shown:
        note(f"No standing approval holds in {place}.")
    else:
        screen = console()
        width = None if output is Format.WIDE else width_of(screen)
        for line in lay_out(_COLUMNS, [_cells(one.approval, now) for one in shown], width):
            screen.print(line)


def given(approval: StandingApproval) -> str:
    """Give in one line what was given."""
    status = approval.status
    until = f" until {status.until.astimezone():%H:%M:%S}" if status else ""
    return (
        f"{approval.metadata.name}: {approval.spec.user} may {_what(approval)}{until}, without asking again"
    )


def _what(approval: StandingApproval) -> str:
    spec = approval.spec
    what = (
        f"{shlex.join(spec.argv_prefix)} …"
        if spec.argv_prefix
        else f"{spec.operation.value} {spec.resource or spec.door.value}"
    )
    target = (
        f" in {spec.target}" if spec.target and spec.argv_prefix else f" {spec.target}" if spec.target else ""
    )
    streams = [name for name, has in (("terminal", spec.tty), ("input", spec.stdin)) if has]
    return f"{what}{target}{f' with {chr(38).join(streams)}' if streams else ''}"


def _cells(approval: StandingApproval, now: datetime) -> list[Text]:
    status = approval.status
    phase = "Active" if approval.holds(now) else "Revoked" if status and status.revoked else "Expired"
    texts = (
        approval.metadata.namespace,
        approval.metadata.name,
        phase,
        approval.spec.user,
        _what(approval),
        status.by.username if status else "",
        f"{status.until.astimezone():%m-%d %H:%M}" if status else "",
    )
    return [Text(printable(text)) for text in texts]
