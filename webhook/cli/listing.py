"""What ``chaperone sessions list`` does."""

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from webhook.audit_api.objects import API_VERSION, SearchSpec, Session
from webhook.cli.access import Access, Opened
from webhook.cli.audit import Item
from webhook.cli.card_hint import hint_at_masked
from webhook.cli.object_names import check_pod
from webhook.cli.options import Format, Phase, SessionKind
from webhook.cli.output import console, note, print_json, width_of
from webhook.cli.session_table import session_lines
from webhook.cli.times import time_option

_MAX_HITS = 1000


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which sessions to list, as the options say."""

    user: str | None
    pod: str | None
    phase: Phase | None
    kind: SessionKind | None
    since: str | None
    until: str | None
    text: str | None
    limit: int | None


def run(wanted: Wanted, access: Access, output: Format) -> None:
    """List sessions. Raises CliError."""
    now = datetime.now(UTC)
    if wanted.pod:
        check_pod("--pod", wanted.pod)
    opened = access.open()
    items = list((_searched if wanted.text else _listed)(opened, wanted, now))
    if output is Format.JSON:
        objects = [item.raw for item in items]
        print_json({"apiVersion": API_VERSION, "kind": "SessionList", "metadata": {}, "items": objects})
    elif items:
        _print(items, opened, wanted, now, wide=output is Format.WIDE)
    else:
        note(f"No recorded sessions found in {opened.place}.")
    if not items and wanted.text:
        hint_at_masked(wanted.text)


def _print(items: list[Item], opened: Opened, wanted: Wanted, now: datetime, *, wide: bool) -> None:
    sessions = [item.session for item in items]
    screen = console()
    width = None if wide else width_of(screen)
    for line in session_lines(sessions, now, width=width, wide=wide, namespaces=opened.namespace is None):
        screen.print(line)
    if wanted.limit is not None and len(items) >= wanted.limit:
        note(f"These are the newest {len(items)}; --limit 0 shows all.")


def _listed(opened: Opened, wanted: Wanted, now: datetime) -> Iterator[Item]:
    fields = {
        "spec.user": wanted.user,
        "spec.pod": wanted.pod,
        "status.phase": wanted.phase.value if wanted.phase else None,
        "spec.kind": wanted.kind.value if wanted.kind else None,
    }
    parameters = {
        "fieldSelector": ",".join(f"{name}={escaped(value)}" for name, value in fields.items() if value),
        "since": time_option("--since", wanted.since, now),
        "until": time_option("--until", wanted.until, now),
    }
    given = {name: value for name, value in parameters.items() if value}
    return opened.audit.sessions(opened.namespace, given, limit=wanted.limit)


def _searched(opened: Opened, wanted: Wanted, now: datetime) -> Iterator[Item]:
    spec = SearchSpec(
        text=wanted.text or "",
        user=wanted.user or "",
        pod=wanted.pod or "",
        since=time_option("--since", wanted.since, now),
        until=time_option("--until", wanted.until, now),
        limit=_MAX_HITS,
    )
    found = opened.audit.search(opened.namespace, spec).hits
    sessions = {hit.session.metadata.name: hit.session for hit in found}
    newest = [sessions[name] for name in sorted(sessions, reverse=True)]
    matching = [session for session in newest if _is_wanted(session, wanted)]
    for session in matching[: wanted.limit]:
        yield Item(session, msgspec.Raw(msgspec.json.encode(session)))


def _is_wanted(session: Session, wanted: Wanted) -> bool:
    in_phase = wanted.phase is None or session.status.phase == wanted.phase.value
    return in_phase and (wanted.kind is None or session.spec.kind == wanted.kind.value)


def escaped(value: str) -> str:
    """Escape a value for a field selector (fields.EscapeValue of apimachinery)."""
    return value.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")
