"""Approval requests for people."""

import shlex
from datetime import UTC, datetime
from typing import Final

from rich.text import Text

from webhook.approvals.objects import API_VERSION, KIND, ApprovalRequest, Decided
from webhook.cli.approval_access import Found
from webhook.cli.columns import Column, lay_out
from webhook.cli.options import Format
from webhook.cli.output import console, note, print_json, width_of
from webhook.replay.safety import printable

_COLUMNS: Final = (
    Column("NAMESPACE", weight=1),
    Column("NAME"),
    Column("PHASE"),
    Column("REQUESTER", weight=1),
    Column("RULE", weight=1),
    Column("WHAT", weight=2, unbounded=True),
    Column("UNTIL"),
)


def print_list(found: list[Found], place: str, output: Format) -> None:
    """Print requests as a table, or as JSON."""
    if output is Format.JSON:
        items = [one.raw for one in found]
        print_json({"apiVersion": API_VERSION, "kind": f"{KIND}List", "metadata": {}, "items": items})
    elif not found:
        note(f"Nothing waits for an approval in {place}.")
    else:
        screen = console()
        width = None if output is Format.WIDE else width_of(screen)
        for line in lay_out(_COLUMNS, [_cells(one.ticket) for one in found], width):
            screen.print(line)


def print_row(ticket: ApprovalRequest) -> None:
    """Print one request as a line."""
    stamp = datetime.now(UTC).astimezone().strftime("%H:%M:%S")
    console().print(Text("  ").join([Text(stamp), *_cells(ticket)]))


def print_details(found: Found, output: Format) -> None:
    """Print everything known of a request."""
    if output is Format.JSON:
        print_json(found.raw)
        return
    screen = console()
    for name, value in _facts(found.ticket):
        if value:
            screen.print(Text.assemble((f"{name:<14}", "bold"), printable(value)))
    if found.ticket.spec.shown:
        screen.print(Text("Object", "bold"))
        for line in found.ticket.spec.shown.splitlines():
            screen.print(Text(printable(line)))


def _facts(ticket: ApprovalRequest) -> list[tuple[str, str]]:
    spec, status = ticket.spec, ticket.status
    approval = spec.approval
    use = status.use
    verdicts = [_verdict(decided) for decided in status.decisions]
    return [
        ("Request", f"{ticket.metadata.namespace}/{ticket.metadata.name}"),
        ("Phase", status.phase.value),
        ("Asked", spec.asked),
        ("Command", shlex.join(spec.argv)),
        (
            "Streams",
            f"{'terminal' if spec.tty else 'pipes'}, {'with' if spec.stdin else 'no'} input"
            if spec.argv
            else "",
        ),
        ("Requester", spec.requester.username),
        ("Groups", ", ".join(spec.requester.groups)),
        ("Rule", f"{spec.policy}/{spec.rule}{f': {spec.reason}' if spec.reason else ''}"),
        ("Approvers", ", ".join([*approval.users, *(f"members of {group}" for group in approval.groups)])),
        ("Must agree", str(approval.count) if approval.count > 1 else ""),
        ("Until", f"{spec.expires_at:%Y-%m-%d %H:%M:%S} UTC"),
        *(("Decision", verdict) for verdict in verdicts),
        ("Usable until", f"{status.usable_until:%Y-%m-%d %H:%M:%S} UTC" if status.usable_until else ""),
        ("Session", use.session if use else ""),
        ("Digest", spec.digest),
    ]


def _verdict(decided: Decided) -> str:
    reason = f": {decided.reason}" if decided.reason else ""
    return f"{decided.verdict.value} by {decided.by.username} at {decided.at:%Y-%m-%d %H:%M:%S} UTC{reason}"


def _cells(ticket: ApprovalRequest) -> list[Text]:
    spec = ticket.spec
    what = shlex.join(spec.argv) if spec.argv else spec.asked
    texts = (
        ticket.metadata.namespace,
        ticket.metadata.name,
        ticket.status.phase.value,
        spec.requester.username,
        spec.rule,
        what,
        f"{spec.expires_at.astimezone():%H:%M:%S}",
    )
    return [Text(printable(text)) for text in texts]
