"""What commands print: tables, details and JSON, none of which a recording can forge."""

import os
import re
import shlex
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

import msgspec
from msgspec import UnsetType
from rich.console import Console
from rich.table import Table
from rich.text import Text

from webhook.audit_api.objects import Session
from webhook.audit_api.text import human_duration, short_command
from webhook.cli.times import age, local
from webhook.replay.safety import escape_json, printable

_UNBOUNDED: Final = 1000
COMMAND_WIDTH: Final = 60
_SECONDS: Final = re.compile(r"(-?[0-9.]+)s")
_PHASE_STYLES: Final = {"Active": "green", "Completed": "", "Interrupted": "bold red"}


def console() -> Console:
    """Give the console for results: as wide as the terminal; piped, nothing is cut."""
    is_bounded = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(highlight=False, markup=False, emoji=False, width=None if is_bounded else _UNBOUNDED)


def note(text: str) -> None:
    """Print a remark beside the results, on standard error."""
    sys.stderr.write(f"{text}\n")


def print_json(value: object) -> None:
    """Print an object of the API."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    sys.stdout.write(escape_json(text) + "\n")


def session_table(sessions: Iterable[Session], now: datetime, *, wide: bool, namespaces: bool) -> Table:
    """Give a table of sessions."""
    table = _table()
    if namespaces:
        table.add_column("NAMESPACE", overflow="ellipsis", no_wrap=True)
    table.add_column("SESSION", min_width=26, no_wrap=True)
    table.add_column("USER", overflow="ellipsis", no_wrap=True, max_width=None if wide else 20)
    table.add_column("POD", overflow="ellipsis", no_wrap=True, max_width=None if wide else 20)
    if wide:
        for name in ("CONTAINER", "NODE", "TTY"):
            table.add_column(name, no_wrap=True)
    table.add_column("COMMAND", overflow="ellipsis", no_wrap=True, ratio=1 if sys.stdout.isatty() else None)
    table.add_column("PHASE", no_wrap=True, min_width=6)
    table.add_column("EXIT", justify="right", no_wrap=True, min_width=4)
    table.add_column("MASKED", justify="right", no_wrap=True, min_width=6)
    if wide:
        table.add_column("DURATION", justify="right", no_wrap=True)
    table.add_column("AGE", justify="right", no_wrap=True, min_width=4)
    for session in sessions:
        table.add_row(*_row(session, now, wide=wide, namespaces=namespaces))
    return table


def _table() -> Table:
    return Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))


def _row(session: Session, now: datetime, *, wide: bool, namespaces: bool) -> Iterator[str | Text]:
    spec, status = session.spec, session.status
    if namespaces:
        yield printable(session.metadata.namespace)
    yield printable(session.metadata.name)
    yield printable(spec.user.username)
    yield printable(spec.pod)
    if wide:
        yield from (printable(spec.container), printable(spec.node), "yes" if spec.tty else "no")
    yield short_command(spec.command, _UNBOUNDED if wide else COMMAND_WIDTH)
    yield Text(printable(status.phase), _PHASE_STYLES.get(status.phase, ""))
    yield _exit_code(session)
    yield Text(str(status.findings.total), "yellow" if status.findings.total else "")
    if wide:
        yield _human(status.duration) if status.duration else "–"
    yield age(session.metadata.creation_timestamp, now)


def _exit_code(session: Session) -> Text:
    code = session.status.exit_code
    return Text("–") if isinstance(code, UnsetType) else Text(str(code), "red" if code else "")


def _human(text: str) -> str:
    seconds = _SECONDS.fullmatch(text)
    if seconds is None:
        return printable(text)
    nanoseconds = int(float(seconds[1]) * 1e9)
    return f"{nanoseconds / 1e9:.2g}s" if nanoseconds < 10_000_000_000 else human_duration(nanoseconds)


def details(session: Session, now: datetime) -> Table:
    """Give everything known of a session, one fact a line."""
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in [*_what(session), *_when(session, now), *_outcome(session), *_proof(session)]:
        if value:
            table.add_row(name, value)
    return table


def _what(session: Session) -> list[tuple[str, str | Text]]:
    spec = session.spec
    user = spec.user
    extra = [f"{key}={','.join(values)}" for key, values in user.extra.items()]
    container = printable(f"{session.metadata.namespace}/{spec.pod} · {spec.container}")
    return [
        ("Session", session.metadata.name),
        ("Command", printable(shlex.join(spec.command))),
        ("User", printable(user.username)),
        ("Groups", printable(", ".join(user.groups))),
        ("Extra", printable(" ".join(extra))),
        ("Container", container),
        ("Pod UID", printable(spec.pod_uid)),
        ("Node", printable(spec.node)),
        ("Streams", f"{'terminal' if spec.tty else 'pipes'}, {'with' if spec.stdin else 'no'} input"),
    ]


def _when(session: Session, now: datetime) -> list[tuple[str, str | Text]]:
    status = session.status
    return [
        ("Started", local(status.started_at, now)),
        ("Ended", local(status.ended_at, now) if status.ended_at else ""),
        ("Duration", _human(status.duration) if status.duration else ""),
        ("Clock skew", printable(status.clock_skew)),
    ]


def _outcome(session: Session) -> list[tuple[str, str | Text]]:
    status = session.status
    ending = printable(": ".join(part for part in (status.how, status.reason) if part))
    by_rule = ", ".join(f"{count} × {printable(rule)}" for rule, count in status.findings.by_rule.items())
    counts = status.bytes
    return [
        ("Phase", Text(printable(status.phase), _PHASE_STYLES.get(status.phase, ""))),
        ("How it ended", ending),
        ("Exit code", _exit_code(session)),
        ("Bytes", f"input {counts.stdin:,}, output {counts.stdout:,}, error output {counts.stderr:,}"),
        ("Masked", Text(by_rule, "yellow") if by_rule else "nothing"),
    ]


def _proof(session: Session) -> list[tuple[str, str | Text]]:
    decision, chain = session.spec.decision, session.status.chain
    approval = f", approval {decision.approval}" if decision.approval else ""
    masking = session.spec.masking
    return [
        ("Decision", printable(f"{decision.action} by {decision.policy}/{decision.rule}{approval}")),
        ("Request UID", printable(decision.request_uid)),
        ("Masking", printable(f"profile {masking.profile}, {masking.fingerprint}")),
        ("Recorder", printable(session.status.recorder)),
        ("Hash chain", printable(f"{chain.next_sequence} events, sha256:{chain.digest}")),
    ]
