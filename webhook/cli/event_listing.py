"""What ``chaperone events`` does."""

import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import msgspec

from webhook.audit_api.event_objects import AuditEvent, EventSearchSpec
from webhook.audit_api.objects import API_VERSION
from webhook.cli import event_searching
from webhook.cli.access import Access, Opened
from webhook.cli.event_csv import event_csv
from webhook.cli.event_searching import MAX_HITS
from webhook.cli.event_table import event_detail_lines, event_lines
from webhook.cli.failures import CliError, ExitCode
from webhook.cli.listing import escaped
from webhook.cli.options import EventFormat, Format
from webhook.cli.output import console, note, print_json, width_of
from webhook.cli.times import time_option
from webhook.journal.events import Kind
from webhook.replay.safety import printable


class EventItem(msgspec.Struct, frozen=True):
    """An event, and the object exactly as the API gave it."""

    event: AuditEvent
    raw: msgspec.Raw


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which events to list, as the options say."""

    user: str | None
    kind: Kind | None
    outcome: str | None
    approval: str | None
    session: str | None
    since: str | None
    until: str | None
    text: str | None
    limit: int | None


def run(wanted: Wanted, access: Access, output: EventFormat) -> None:
    """List events. Raises CliError."""
    now = datetime.now(UTC)
    opened = access.open()
    if wanted.text is not None:
        event_searching.run(opened, wanted.text, _spec(wanted, wanted.text, now), output, now)
        return
    items = list(_listed(opened, wanted, now))
    match output:
        case EventFormat.JSON:
            objects = [item.raw for item in items]
            print_json(
                {"apiVersion": API_VERSION, "kind": "AuditEventList", "metadata": {}, "items": objects}
            )
        case EventFormat.CSV:
            sys.stdout.write(event_csv([item.event for item in items]))
        case _ if items:
            _print([item.event for item in items], opened, now, wide=output is EventFormat.WIDE)
        case _:
            note(f"No audit events found in {opened.place}.")
    if wanted.limit is not None and len(items) >= wanted.limit:
        note(f"These are the newest {len(items)}; --limit 0 shows all.")


def show(access: Access, name: str, output: Format) -> None:
    """Print everything known of an event. Raises CliError."""
    opened = access.open()
    item = _find(opened, name)
    if output is Format.JSON:
        print_json(item.raw)
        return
    screen = console()
    for line in event_detail_lines(item.event, datetime.now(UTC)):
        screen.print(line)


def events_of(opened: Opened, namespace: str | None, **fields: str) -> list[AuditEvent]:
    """Give the events with these values of fields, oldest first. Raises CliError."""
    found = opened.audit.events_with(namespace, {"fieldSelector": _selector(fields)}, limit=None)
    return [event for event, _ in found][::-1]


def _print(events: Sequence[AuditEvent], opened: Opened, now: datetime, *, wide: bool) -> None:
    screen = console()
    width = None if wide else width_of(screen)
    for line in event_lines(events, now, width=width, wide=wide, namespaces=opened.namespace is None):
        screen.print(line)


def _listed(opened: Opened, wanted: Wanted, now: datetime) -> Iterator[EventItem]:
    fields = {
        "actor": wanted.user or "",
        "type": wanted.kind.value if wanted.kind else "",
        "outcome": wanted.outcome or "",
        "approval": wanted.approval or "",
        "session": wanted.session or "",
    }
    parameters = {
        "fieldSelector": _selector(fields),
        "since": time_option("--since", wanted.since, now),
        "until": time_option("--until", wanted.until, now),
    }
    given = {name: value for name, value in parameters.items() if value}
    for event, raw in opened.audit.events_with(opened.namespace, given, limit=wanted.limit):
        yield EventItem(event, raw)


def _spec(wanted: Wanted, text: str, now: datetime) -> EventSearchSpec:
    if wanted.limit is not None and wanted.limit > MAX_HITS:
        raise CliError(f"--limit: a search gives at most {MAX_HITS} events", ExitCode.USAGE)
    return EventSearchSpec(
        text=text,
        actor=wanted.user or "",
        type=wanted.kind.value if wanted.kind else "",
        outcome=wanted.outcome or "",
        approval=wanted.approval or "",
        session=wanted.session or "",
        since=time_option("--since", wanted.since, now),
        until=time_option("--until", wanted.until, now),
        limit=wanted.limit or MAX_HITS,
    )


def _selector(fields: dict[str, str]) -> str:
    return ",".join(f"{name}={escaped(value)}" for name, value in fields.items() if value)


def _find(opened: Opened, name: str) -> EventItem:
    """Give the event with this id, in any namespace that the user may look in."""
    parameters = {"fieldSelector": f"metadata.name={escaped(name)}"}
    places = [opened.namespace] if opened.is_chosen else [None, opened.namespace]
    refusal: CliError | None = None
    for place in dict.fromkeys(places):
        try:
            for event, raw in opened.audit.events_with(place, parameters, limit=1):
                return EventItem(event, raw)
        except CliError as error:
            if error.code is not ExitCode.FORBIDDEN:
                raise
            refusal = refusal or error
    if refusal is not None and opened.is_chosen:
        raise refusal
    raise CliError(
        f'no audit event "{printable(name)}" in {opened.place}\n'
        "See which there are: chaperone events list -A -o wide",
        ExitCode.NOT_FOUND,
    )
