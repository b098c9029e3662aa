"""What ``chaperone search`` does."""

import sys
from datetime import UTC, datetime

import msgspec
from msgspec import UNSET

from webhook.audit_api.objects import SearchHit, SearchSpec
from webhook.cli.access import Access
from webhook.cli.card_hint import has_card_number, hint_at_masked
from webhook.cli.failures import CliError, ExitCode
from webhook.cli.hits import hit_csv, hit_lines
from webhook.cli.object_names import check_pod
from webhook.cli.options import Phase, SearchFormat
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
    exit_code: str | None
    finding: str | None
    approved_by: str | None
    phase: Phase | None
    limit: int


def run(wanted: Wanted, access: Access, output: SearchFormat) -> None:
    """Search, and print what is found. Raises CliError."""
    now = datetime.now(UTC)
    if wanted.pod:
        check_pod("--pod", wanted.pod)
    opened = access.open()
    found = opened.audit.search(opened.namespace, _spec(wanted, now))
    match output:
        case SearchFormat.JSON:
            print_json(found.raw)
        case SearchFormat.CSV:
            sys.stdout.write(hit_csv(found.hits))
        case SearchFormat.TABLE:
            _print(found.hits, wanted, opened.place, now)
    if not found.hits:
        hint_at_masked(wanted.text)


def _spec(wanted: Wanted, now: datetime) -> SearchSpec:
    failed = wanted.exit_code == "failed"
    return SearchSpec(
        text=wanted.text,
        user=wanted.user or "",
        pod=wanted.pod or "",
        since=time_option("--since", wanted.since, now),
        until=time_option("--until", wanted.until, now),
        exit_code=UNSET if failed or wanted.exit_code is None else _exit_code(wanted.exit_code),
        failed=failed,
        finding=wanted.finding or "",
        approved_by=wanted.approved_by or "",
        phase=wanted.phase.value if wanted.phase else "",
        limit=wanted.limit,
    )


def _exit_code(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 4 and int(text) < 256):
        raise CliError(f"--exit {text!r} is no exit code; write 0 to 255, or failed", ExitCode.USAGE)
    return int(text)


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
        note(f"These are the newest {wanted.limit} places; --limit shows more.")
