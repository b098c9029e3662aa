"""What ``chaperone sessions show``, ``play`` and ``cast`` do with one session."""

import os
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from msgspec import UnsetType
from rich.text import Text

from sidecar.contract.events import Event, Program
from webhook.audit_api.objects import Session
from webhook.cli.access import Access
from webhook.cli.approval_history import approval_lines
from webhook.cli.attach_history import attach_lines
from webhook.cli.details import detail_lines
from webhook.cli.failures import CliError
from webhook.cli.options import Format
from webhook.cli.output import console, note, print_json
from webhook.cli.terminal import play as play_in_terminal
from webhook.replay.moments import Kind, Moment, moments
from webhook.replay.player import Player
from webhook.replay.programs import command_of
from webhook.replay.safety import escape_json, printable
from webhook.replay.transcript import transcript as lines_of
from webhook.replay.typed import TypedLines


def show(access: Access, name: str, output: Format, *, transcript: bool, programs: bool, typed: bool) -> None:
    """Print a session's details and, when asked, what ran, was typed and was shown. Raises CliError."""
    opened = access.open()
    item = opened.find(name)
    session = item.session
    if output is Format.JSON:
        print_json(item.raw)
        return
    screen = console()
    for line in detail_lines(session, datetime.now(UTC)):
        screen.print(line)
    for line in approval_lines(opened, session, datetime.now(UTC)):
        screen.print(line)
    for line in attach_lines(opened, session, datetime.now(UTC)):
        screen.print(line)
    if programs:
        screen.print()
        for line in _program_lines(opened.audit.events(session)):
            screen.print(line)
    if typed:
        screen.print()
        for line in _typed_lines(moments(opened.audit.events(session)), session):
            screen.print(line)
    if transcript:
        screen.print()
        for line in transcript_lines(moments(opened.audit.events(session))):
            screen.print(line)


def _program_lines(events: Iterable[Event]) -> Iterator[Text]:
    """Give for each program its moment, process, user and directory, and its command line."""
    for event in events:
        if isinstance(event, Program):
            where = f"{event.pid:>7} uid {event.uid} {printable(event.cwd)} "
            yield Text.assemble((f"{event.at / 1e9:9.2f}s {where}", "dim"), command_of(event))


def _typed_lines(told: Iterable[Moment], session: Session) -> Iterator[Text]:
    """Give for each line that was entered at the session's terminal its moment, and the line."""
    size = session.spec.terminal
    if isinstance(size, UnsetType):
        yield Text("Nothing was typed: this session had no terminal.", "dim")
        return
    lines = TypedLines(rows=size.rows, cols=size.cols)
    for moment in told:
        for line in lines.feed(moment):
            yield Text.assemble((f"{line.at / 1e9:9.2f}s › ", "dim"), printable(line.text))


def transcript_lines(told: Iterable[Moment]) -> Iterator[Text]:
    """Give for each line that was shown its moment, and the line."""
    for line in lines_of(told):
        is_error = line.kind is Kind.ERROR_OUTPUT
        moment = (f"{line.at / 1e9:9.2f}s {'!' if is_error else '│'} ", "dim")
        yield Text.assemble(moment, (printable(line.text), "red" if is_error else ""))


def play(
    access: Access, name: str, *, speed: float, idle_limit: float | None, start: float, with_programs: bool
) -> None:
    """Replay a session. Raises CliError."""
    opened = access.open()
    session = opened.find(name).session
    if session.status.phase == "Active":
        note("The session is not over; this is what is recorded so far.")
    warn_of_size(session)
    events = moments(opened.audit.events(session))
    player = Player(
        events,
        now=time.monotonic(),
        speed=speed,
        idle_limit=idle_limit,
        start=start,
        programs=with_programs,
    )
    play_in_terminal(player)


def cast(access: Access, name: str, path: Path | None, *, version: int, with_input: bool) -> None:
    """Save a session's asciicast, or print it. Raises CliError."""
    opened = access.open()
    parameters = {"version": str(version), "input": "true" if with_input else "false"}
    lines = opened.audit.cast(opened.find(name).session, parameters)
    if path is None:
        for line in lines:
            sys.stdout.write(escape_json(line.decode()) + "\n")
        return
    try:
        _save(lines, path)
    except OSError as error:
        raise CliError(f"{path} cannot be written: {error.strerror}") from None
    note(f"Written to {path}.")


def _save(lines: Iterable[bytes], path: Path) -> None:
    """Write a file that is there only when it is whole."""
    unfinished = path.with_name(f"{path.name}.part")
    try:
        with unfinished.open("wb") as file:
            for line in lines:
                file.write(line + b"\n")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def warn_of_size(session: Session) -> None:
    """Say so when this terminal is smaller than the recorded one."""
    size = session.spec.terminal
    if isinstance(size, UnsetType) or not sys.stdout.isatty():
        return
    here = os.get_terminal_size(sys.stdout.fileno())
    if here.columns < size.cols or here.lines < size.rows:
        note(
            f"This terminal ({here.columns}x{here.lines}) is smaller than the recorded one"
            f" ({size.cols}x{size.rows}); full-screen programs will look broken."
        )
