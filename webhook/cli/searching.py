"""What ``chaperone search`` does."""

from datetime import UTC, datetime

import msgspec

from webhook.audit_api.objects import SearchHit, SearchSpec
from webhook.cli.access import Access
from webhook.cli.card_hint import has_card_number, hint_at_masked
from webhook.cli.hits import hit_lines
from webhook.cli.object_names import check_pod
from webhook.cli.options import Format
from webhook.cli.output import console, note, print_json, width_of
from webhook.cli.times import time_option
from webhook.replay.safety import printable


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What to look for, as the options say."""

    text: str
    user: str | None
    pod: str | None
    since: str | None
    until: str | None
    limit: int


def run(wanted: Wanted, access: Access, output: Format) -> None:
    """Search, and print what is found. Raises CliError."""
    now = datetime.now(UTC)
    if wanted.pod:
        check_pod("--pod", wanted.pod)
    opened = access.open()
    spec = SearchSpec(
        text=wanted.text,
        user=wanted.user or "",
        pod=wanted.pod or "",
        since=time_option("--since", wanted.since, now),
        until=time_option("--until", wanted.until, now),
        limit=wanted.limit,
    )
    found = opened.audit.search(opened.namespace, spec)
    if output is Format.JSON:
        print_json(found.raw)
    else:
        _print(found.hits, wanted, opened.place, now)
    if not found.hits:
        hint_at_masked(wanted.text)


def _print(hits: list[SearchHit], wanted: Wanted, place: str, now: datetime) -> None:
    screen = console()
    width = width_of(screen)
    for line in hit_lines(hits, now):
        if width is not None:
            line.truncate(width, overflow="ellipsis")
        screen.print(line)
    if not hits:
        what = "this number" if has_card_number(wanted.text) else printable(wanted.text)
        note(f"Nothing found for {what} in {place}.")
    elif len(hits) >= wanted.limit:
        note(f"These are the best {wanted.limit} places; --limit shows more.")
