"""Approval requests for people."""

import shlex
from datetime import UTC, datetime
from itertools import compress
from typing import Final

from rich.text import Text

from webhook.approvals.approvers import missing, who
from webhook.approvals.lifecycle import awaits_review
from webhook.approvals.objects import (
    API_VERSION,
    DIGEST_LETTERS,
    KIND,
    ApprovalRequest,
    Decided,
    Phase,
    Program,
    Verdict,
)
from webhook.cli.approval_access import Found
from webhook.cli.approval_watch import Change
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


def print_list(
    found: list[Found], access_place: str, output: Format, *, nothing: str, everywhere: bool
) -> None:
    """Print requests as a table, or as JSON; ``nothing`` says what there is none of.

    The namespace is shown of requests from ``everywhere``, and phases where not all are pending.
    """
    if output is Format.JSON:
        items = [one.raw for one in found]
        print_json({"apiVersion": API_VERSION, "kind": f"{KIND}List", "metadata": {}, "items": items})
    elif not found:
        note(f"{nothing} in {access_place}.")
    else:
        screen = console()
        width = None if output is Format.WIDE else width_of(screen)
        left_out = set[str]() if everywhere or width is None else {"NAMESPACE"}
        if width is not None and all(one.ticket.status.phase is Phase.PENDING for one in found):
            left_out.add("PHASE")
        kept = [column.title not in left_out for column in _COLUMNS]
        rows = [list(compress(_cells(one.ticket), kept)) for one in found]
        for line in lay_out(list(compress(_COLUMNS, kept)), rows, width):
            screen.print(line)


def print_change(change: Change) -> None:
    """Print a request that came, changed or went as a line."""
    stamp = datetime.now(UTC).astimezone().strftime("%H:%M:%S")
    cells = _cells(change.ticket)
    if change.is_gone:
        cells[2] = Text("Removed")
    console().print(Text("  ").join([Text(stamp), *cells]))


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


def what_is_asked(ticket: ApprovalRequest) -> str:
    """Give in one line what an approval is for."""
    spec = ticket.spec
    command = f": {shlex.join(spec.argv)}" if spec.argv else ""
    told = f"{spec.requester.username} asks for {spec.asked}{command}"
    return f"{printable(told)} (digest {spec.digest[:DIGEST_LETTERS]})"


def came_of(ticket: ApprovalRequest, verdict: Verdict) -> str:
    """Give in one line what came of a verdict, and what is next."""
    name, status, spec = ticket.metadata.name, ticket.status, ticket.spec
    if verdict is Verdict.REVIEW:
        return f"{name}: reviewed"
    phase = status.phase.value.lower()
    if status.phase is Phase.PENDING:
        count = missing(spec.approval, status.decisions)
        return f"{name}: {phase}; {count} more must agree until {_clock(spec.expires_at)}"
    if verdict is Verdict.DENY:
        return f"{name}: {phase}; the same is refused until {_clock(spec.expires_at)}"
    until = f" by {_clock(status.usable_until)}" if status.usable_until else ""
    if verdict is Verdict.BREAK_GLASS:
        return f"{name}: go on{until} by doing exactly the same again, once; somebody else reviews it"
    return f"{name}: {phase}; {spec.requester.username} can do it once{until}"


def _facts(ticket: ApprovalRequest) -> list[tuple[str, str]]:
    spec, status = ticket.spec, ticket.status
    approval, use = spec.approval, status.use
    glass = spec.break_glass
    must = [str(approval.count)] if approval.count > 1 else []
    must += ["a member of each group"] if approval.each_group else []
    return [
        ("Request", f"{ticket.metadata.namespace}/{ticket.metadata.name}"),
        ("Phase", status.phase.value),
        ("Asked", spec.asked),
        ("Command", shlex.join(spec.argv)),
        *_program(spec.program),
        ("Streams", _streams(ticket) if spec.argv else ""),
        ("Requester", spec.requester.username),
        ("Groups", ", ".join(spec.requester.groups)),
        ("Rule", f"{spec.policy}/{spec.rule}{f': {spec.reason}' if spec.reason else ''}"),
        ("Approvers", who(approval)),
        ("Must agree", ", ".join(must)),
        ("Until", _moment(spec.expires_at)),
        ("Emergency", f"{spec.requester.username} may go on by {glass.policy}/{glass.rule}" if glass else ""),
        *(("Decision", _verdict(decided)) for decided in status.decisions),
        ("Review", _review(ticket)),
        ("Usable until", _moment(status.usable_until) if status.usable_until else ""),
        ("Session", use.session if use else ""),
        ("Digest", spec.digest),
        ("To approve", _to_approve(ticket) if status.phase is Phase.PENDING else ""),
    ]


def _program(program: Program | None) -> list[tuple[str, str]]:
    if program is None:
        return []
    return [("File", program.executable), ("Directory", program.cwd), ("User id", str(program.uid))]


def _streams(ticket: ApprovalRequest) -> str:
    spec = ticket.spec
    return f"{'terminal' if spec.tty else 'pipes'}, {'with' if spec.stdin else 'no'} input"


def _verdict(decided: Decided) -> str:
    reason = f": {decided.reason}" if decided.reason else ""
    groups = f" (for {', '.join(decided.stands_for)})" if decided.stands_for else ""
    return f"{decided.verdict.value} by {decided.by.username}{groups} at {_moment(decided.at)}{reason}"


def _review(ticket: ApprovalRequest) -> str:
    review = ticket.status.review
    if review is None:
        return ""
    if review.by is None or review.at is None:
        metadata = ticket.metadata
        return f"pending: chaperone approvals review {metadata.name} -n {metadata.namespace} --reason WHAT"
    return f"by {review.by.username} at {_moment(review.at)}: {review.reason}"


def _to_approve(ticket: ApprovalRequest) -> str:
    reason = " --reason WHY" if ticket.spec.approval.reason_required else ""
    metadata = ticket.metadata
    digest = f" --digest {ticket.spec.digest[:DIGEST_LETTERS]}"
    return f"chaperone approvals approve {metadata.name} -n {metadata.namespace}{digest}{reason}"


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone():%H:%M:%S}"


def _cells(ticket: ApprovalRequest) -> list[Text]:
    spec, status = ticket.spec, ticket.status
    what = shlex.join(spec.argv) if spec.argv else spec.asked
    phase = f"{status.phase.value}, unreviewed" if awaits_review(ticket) else status.phase.value
    until = status.usable_until if status.phase is Phase.APPROVED else None
    texts = (
        ticket.metadata.namespace,
        ticket.metadata.name,
        phase,
        spec.requester.username,
        spec.rule,
        what,
        _clock(until or spec.expires_at),
    )
    return [Text(printable(text)) for text in texts]
