"""Search hits as lines: sessions, and below each the places with their moments."""

import re
import shlex
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from msgspec import UnsetType
from rich.text import Text

from webhook.audit_api.objects import SearchHit, Session
from webhook.audit_api.text import short_command
from webhook.cli.columns import LONGEST
from webhook.cli.times import age
from webhook.replay.csv_text import csv_text
from webhook.replay.safety import printable

_COMMAND_WIDTH: Final = 60
CSV_COLUMNS: Final = (
    "session",
    "namespace",
    "pod",
    "container",
    "user",
    "started_at",
    "at",
    "channel",
    "text",
    "matches",
    "command",
    "phase",
    "exit_code",
    "findings",
    "approval",
    "replay",
)
_SECONDS: Final = re.compile(r"(-?[0-9.]+)s")


def hit_lines(hits: Sequence[SearchHit], now: datetime) -> Iterator[Text]:
    """Give for each session a line that names it, and below it each place with its moment."""
    by_session: dict[str, list[SearchHit]] = {}
    for hit in hits:
        by_session.setdefault(hit.session.metadata.name, []).append(hit)
    for places in by_session.values():
        yield _hit_header(places[0].session, now)
        ordered = sorted(places, key=_nanoseconds)
        for hit in ordered:
            yield Text.assemble(
                (f"  {_moment(hit):>9}  {hit.channel:<8}", "dim"), highlighted(hit.text, hit.highlight)
            )
        yield Text(f"  {replay_command(next((hit for hit in ordered if _moment(hit)), ordered[0]))}", "dim")


def hit_csv(hits: Sequence[SearchHit]) -> str:
    """Give hits as comma-separated values."""
    return csv_text(CSV_COLUMNS, map(_cells, hits))


def replay_command(hit: SearchHit) -> str:
    """Give the command that replays a session from the moment of a hit."""
    metadata = hit.session.metadata
    place = f"-n {shlex.quote(printable(metadata.namespace))}" if metadata.namespace else "-A"
    return f"chaperone replay {metadata.name} {place} --at {_nanoseconds(hit) / 1e9:.1f}"


def _cells(hit: SearchHit) -> tuple[str, ...]:
    session = hit.session
    spec, status = session.spec, session.status
    matches = (hit.text[start:end] for start, end in hit.highlight)
    return (
        session.metadata.name,
        session.metadata.namespace,
        spec.pod,
        spec.container,
        spec.user.username,
        status.started_at,
        f"{_nanoseconds(hit) / 1e9:.3f}",
        hit.channel,
        hit.text,
        " | ".join(matches),
        " ".join(spec.command),
        status.phase,
        "" if isinstance(status.exit_code, UnsetType) else str(status.exit_code),
        str(status.findings.total),
        spec.decision.approval,
        replay_command(hit),
    )


def _hit_header(session: Session, now: datetime) -> Text:
    spec = session.spec
    place = printable(f"{session.metadata.namespace}/{spec.pod}")
    when = f"{age(session.metadata.creation_timestamp, now)} ago"
    command = short_command(spec.command, _COMMAND_WIDTH)
    return Text.assemble(
        (session.metadata.name, "bold"), f"  {printable(spec.user.username)}  {place}  {when}  ", command
    )


def _moment(hit: SearchHit) -> str:
    return "" if hit.channel == "command" else f"{_nanoseconds(hit) / 1e9:.1f}s"


def _nanoseconds(hit: SearchHit) -> int:
    seconds = _SECONDS.fullmatch(hit.at)
    return int(float(seconds[1]) * 1e9) if seconds else 0


def highlighted(found: str, matches: Sequence[Sequence[int]]) -> Text:
    """Give the text around the first match, its matches marked, as one line."""
    begin = max(0, matches[0][0] - 40) if matches else 0
    text = Text("…" if begin else "")
    position = begin
    for start, end in matches:
        text.append(printable(found[position:start]))
        text.append(printable(found[start:end]), "bold yellow")
        position = end
    text.append(printable(found[position : position + 60]))
    text.truncate(LONGEST, overflow="ellipsis")
    return text
