"""What ``chaperone events list --text`` does."""

import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from rich.text import Text

from webhook.audit_api.event_objects import EventSearchHit, EventSearchSpec
from webhook.cli.access import Opened
from webhook.cli.card_hint import has_card_number, hint_at_masked
from webhook.cli.event_csv import hit_csv
from webhook.cli.event_table import event_lines
from webhook.cli.hits import highlighted
from webhook.cli.options import EventFormat
from webhook.cli.output import console, note, print_json, width_of
from webhook.replay.safety import printable

MAX_HITS: Final = 1000


def run(opened: Opened, text: str, spec: EventSearchSpec, output: EventFormat, now: datetime) -> None:
    """Search, and print what is found. Raises CliError."""
    found = opened.audit.search_events(opened.namespace, spec)
    match output:
        case EventFormat.JSON:
            print_json(found.raw)
        case EventFormat.CSV:
            sys.stdout.write(hit_csv(found.hits))
        case _:
            _print(found.hits, opened, now, wide=output is EventFormat.WIDE)
    if not found.hits:
        what = "this number" if has_card_number(text) else printable(text)
        note(f"Nothing found for {what} among the audit events of {opened.place}.")
        hint_at_masked(text)
    elif len(found.hits) >= spec.limit:
        note(f"These are the newest {len(found.hits)}; --limit shows more, up to {MAX_HITS}.")


def _print(hits: Sequence[EventSearchHit], opened: Opened, now: datetime, *, wide: bool) -> None:
    if not hits:
        return
    screen = console()
    width = None if wide else width_of(screen)
    events = [hit.event for hit in hits]
    header, *rows = event_lines(events, now, width=width, wide=wide, namespaces=opened.namespace is None)
    screen.print(header)
    for row, hit in zip(rows, hits, strict=True):
        screen.print(row)
        line = Text.assemble("  ", highlighted(hit.text, hit.highlight))
        if width is not None:
            line.truncate(width, overflow="ellipsis")
        screen.print(line)
