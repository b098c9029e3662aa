"""Reports out of the ledger: the daily review, the access review and the statement of what is kept. Pure.

A report is made of tables, so that it can be a page, comma-separated values or JSON. Rows name the entries of
the ledger that they come from, and the report the checkpoint that those are proven by.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from webhook.audit_api.objects import rfc3339
from webhook.evidence.approval_tables import approval_rows
from webhook.evidence.canary_tables import (
    CANARY_COLUMNS,
    NO_CANARY,
    canary_rows,
    place_of,
    refused_to_canaries,
)
from webhook.evidence.selection import Selection, started
from webhook.evidence.session_tables import FINDINGS_PEAK, is_pan, open_rows
from webhook.evidence.tables import asked_of, person_rows
from webhook.evidence.window import Disclosed, audit_events, is_complete, manifests
from webhook.journal.events import AuditEvent, Kind, Outcome
from webhook.ledger.census import CONTROLS
from webhook.ledger.entries import manifest_session
from webhook.ledger.manifest import Manifest
from webhook.replay.safety import printable

_SKEW_NS: Final = 1_000_000_000
_STANDING: Final = "standing/"
Row = tuple[str, ...]


class Table(msgspec.Struct, frozen=True):
    """One table of a report."""

    title: str
    note: str
    columns: tuple[str, ...]
    rows: list[Row]
    known: bool = True
    """Whether the rows could be read; without any, nothing is said then."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A report."""

    title: str
    requirement: str
    """Numbers of PCI DSS v4.0.1."""
    asked: str
    """What it is about, in one line."""
    origin: str
    size: int
    """Entries of the ledger that its checkpoint was signed for."""
    checkpoint: str
    """The signed note."""
    remarks: tuple[str, ...]
    attention: int
    """How much somebody has to look at."""
    tables: list[Table]


class Proven(msgspec.Struct, frozen=True):
    """What a report is made of: the entries of a range, and what proves them."""

    selection: Selection
    origin: str
    size: int
    checkpoint: str
    entries: Sequence[Disclosed]

    @property
    def manifests(self) -> list[tuple[int, Manifest]]:
        """Sessions that started within the range, with the numbers of their entries."""
        return manifests(self.entries, self.selection)

    @property
    def events(self) -> list[tuple[int, AuditEvent]]:
        """Audit events of the range, and those that came late."""
        return audit_events(self.entries, self.selection)


def daily_review(proven: Proven) -> Report:
    """Give what happened, and what needs eyes (PCI DSS 10.4.1.1)."""
    manifests, events = proven.manifests, proven.events
    looked_at = sorted([*_sessions_to_see(manifests), *_events_to_see(events), *_unsealed(proven)])
    canaries = canary_rows(events)
    kinds = sorted({event.kind.value for _, event in events})
    counts: list[Row] = [("sessions", str(len(manifests)), "")]
    for kind in kinds:
        of_kind = [event for _, event in events if event.kind.value == kind]
        failed = sum(event.outcome is Outcome.FAILURE for event in of_kind)
        counts.append((kind, str(len(of_kind)), str(failed)))
    seen = ("time (UTC)", "what", "who", "where", "details", "entry")
    return _report(
        proven,
        "Daily review",
        "10.4.1, 10.4.1.1",
        len(looked_at),
        [
            Table("To look at", "Each has to be understood by somebody.", seen, looked_at),
            Table("Canaries", "" if canaries else NO_CANARY, CANARY_COLUMNS, canaries),
            Table("What happened", "", ("kind", "count", "failures"), counts),
            Table("Who", "", _PEOPLE, _people(manifests, events)),
        ],
    )


def access_review(proven: Proven, could: Table) -> Report:
    """Give who could do what, who did, and who approved (PCI DSS 7.2.4, 7.2.5.1).

    ``could`` is what the cluster's rights say now; everything else is from the ledger.
    """
    manifests, events = proven.manifests, proven.events
    standing = _standing(events)
    return _report(
        proven,
        "Access review",
        "7.2.4, 7.2.5.1",
        sum(row[-1] == "never" for row in standing),
        [
            Table("Who did", "Within the range.", _PEOPLE, _people(manifests, events)),
            could,
            Table("Approvals", "", _APPROVALS, _approvals(events)),
            Table("Standing approvals", "Given, ended or used within the range.", _STANDINGS, standing),
        ],
    )


def retention_statement(
    proven: Proven, kept: Iterable[str], removed: Iterable[str], events_kept: dict[str, int]
) -> Report:
    """Give what is kept, by month (PCI DSS 10.5.1).

    ``kept`` are the sessions that the store has, ``removed`` those that the ledger says were removed because
    their time was over, ``events_kept`` how many audit events the store has by month.
    """
    there, gone = frozenset(kept), frozenset(removed)
    months: dict[str, list[int]] = {}
    missing: list[Row] = []
    for index, manifest in proven.manifests:
        counts = months.setdefault(_month(started(manifest)), [0, 0, 0, 0, 0])
        counts[0] += 1
        counts[1] += manifest.session in there
        counts[2] += manifest.session in gone
        if manifest.session not in there | gone:
            counts[3] += 1
            missing.append((rfc3339(started(manifest)), manifest.session, manifest.namespace, str(index)))
    for _, event in proven.events:
        months.setdefault(_month(event.at), [0, 0, 0, 0, 0])[4] += 1
    rows = [
        (month, *map(str, counts), str(events_kept.get(month, 0))) for month, counts in sorted(months.items())
    ]
    columns = (
        "month",
        "sessions sealed",
        "kept",
        "removed by age",
        "missing",
        "events sealed",
        "events kept",
    )
    return _report(
        proven,
        "Retention statement",
        "10.5.1",
        len(missing),
        [
            Table("By month", "Whatever is kept can be read at once, through the API.", columns, rows),
            Table(
                "Missing",
                "Sealed, neither kept nor removed by age.",
                ("time (UTC)", "session", "namespace", "entry"),
                missing,
            ),
        ],
    )


_PEOPLE: Final = (
    "user",
    "sessions",
    "changes",
    "refused",
    "approvals asked",
    "approvals used",
    "approved by",
    "verdicts",
    "broken glass",
    "reads of the record",
    "namespaces",
    "first (UTC)",
    "last (UTC)",
)
_APPROVALS: Final = ("asked (UTC)", "requester", "asked", "policy", "state", "verdicts", "used")
_STANDINGS: Final = ("name", "for", "given by", "reason", "from", "until", "ended", "last used")


def _report(proven: Proven, title: str, requirement: str, attention: int, tables: list[Table]) -> Report:
    complete = is_complete(proven.entries, proven.selection)
    late = "the range ends too late for this checkpoint: sessions that ended near its end may be missing"
    return Report(
        title=title,
        requirement=requirement,
        asked=proven.selection.words,
        origin=proven.origin,
        size=proven.size,
        checkpoint=proven.checkpoint,
        remarks=(
            *(() if complete else (late,)),
            *(f"{table.title}: {table.note}" for table in tables if not table.known),
        ),
        attention=attention,
        tables=tables,
    )


def _people(manifests: Iterable[tuple[int, Manifest]], events: Iterable[tuple[int, AuditEvent]]) -> list[Row]:
    found = person_rows((manifest for _, manifest in manifests), (event for _, event in events))
    return [
        (
            row.user,
            str(row.sessions),
            str(row.changes),
            str(row.refused),
            str(row.asked),
            str(row.used),
            ", ".join(row.approved_by),
            str(row.verdicts),
            str(row.glass),
            str(row.reads),
            ", ".join(row.namespaces),
            row.first,
            row.last,
        )
        for row in found
    ]


def _sessions_to_see(manifests: Iterable[tuple[int, Manifest]]) -> Iterable[Row]:
    for index, manifest in manifests:
        reasons = [
            f"interrupted: {manifest.reason}" if manifest.phase == "Interrupted" else "",
            "; ".join(f"gap after frame {gap.after}: {gap.reason}" for gap in manifest.gaps),
            f"{sum(manifest.findings.values())} numbers masked" if _is_peak(manifest) else "",
            f"clocks {manifest.clock_skew / 1e9:.1f} s apart" if abs(manifest.clock_skew) > _SKEW_NS else "",
        ]
        for reason in filter(None, reasons):
            where = f"{manifest.namespace} {manifest.pod}"
            yield rfc3339(started(manifest)), "session", manifest.user, where, reason, str(index)


def _is_peak(manifest: Manifest) -> bool:
    """Tell whether much card data came up, or such that must not be stored at all."""
    others = any(not is_pan(rule) for rule in manifest.findings)
    return others or sum(manifest.findings.values()) >= FINDINGS_PEAK


def _events_to_see(events: Sequence[tuple[int, AuditEvent]]) -> Iterable[Row]:
    reviewed = {event.approval for _, event in events if event.details.get("review") == "done"}
    expected = refused_to_canaries(event for _, event in events)
    for index, event in events:
        if event.id in expected:
            continue
        is_change = event.kind is Kind.POLICY_CHANGED and "policies" not in event.details
        is_told = event.outcome is Outcome.FAILURE or is_change
        is_glass = event.kind is Kind.BREAK_GLASS and event.approval not in reviewed
        if not is_told and not is_glass:
            continue
        what = "broken glass without a review" if is_glass else event.kind.value
        who = "" if event.kind in CONTROLS else event.actor.username
        details = ": ".join(part for part in (asked_of(event), event.reason) if part)
        yield rfc3339(event.at), what, who, place_of(event), details, str(index)


def _unsealed(proven: Proven) -> Iterable[Row]:
    sealed = {manifest_session(entry.key) for entry in proven.entries}
    for row in open_rows(proven.events, sealed):
        yield row.at, "session not sealed", row.user, row.namespace, row.asked, str(row.entry)


def _approvals(events: Iterable[tuple[int, AuditEvent]]) -> list[Row]:
    rows = approval_rows(event for _, event in events if not event.approval.startswith(_STANDING))
    return [
        (
            row.asked_at,
            row.requester,
            row.asked,
            f"{row.policy}/{row.rule}",
            row.state + (" (not reviewed)" if row.broken_glass and not row.reviewed else ""),
            "; ".join(
                f"{one.verdict} by {one.by}" + (f": {one.reason}" if one.reason else "")
                for one in row.verdicts
            ),
            "; ".join(row.uses),
        )
        for row in rows
    ]


def _standing(events: Iterable[tuple[int, AuditEvent]]) -> list[Row]:
    found: dict[tuple[str, str], list[AuditEvent]] = {}
    for _, event in events:
        if event.approval.startswith(_STANDING) and event.kind is not Kind.DECISION:
            found.setdefault((event.where.namespace, event.approval), []).append(event)
    return [_standing_row(namespace, name, told) for (namespace, name), told in sorted(found.items())]


def _standing_row(namespace: str, name: str, events: Sequence[AuditEvent]) -> Row:
    given = next((event for event in events if event.details.get("verdict") == "standing"), None)
    ended = next((event for event in events if event.kind is Kind.APPROVAL_REMOVED), None)
    used = [event.at for event in events if event.kind is Kind.APPROVAL_USED]
    return (
        f"{namespace}/{name.removeprefix(_STANDING)}",
        events[0].requester,
        given.actor.username if given else "before the range",
        given.reason if given else "",
        rfc3339(given.at) if given else "",
        given.details.get("until", "") if given else "",
        rfc3339(ended.at) if ended else "",
        rfc3339(max(used)) if used else "never",
    )


def _month(at: int) -> str:
    return rfc3339(at)[:7]


def plain(report: Report) -> Report:
    """Give a report whose texts hide nothing: controls and invisible characters as escapes, times short."""
    tables = [
        msgspec.structs.replace(
            table,
            rows=[tuple(printable(cell).replace(".000000Z", "Z") for cell in row) for row in table.rows],
        )
        for table in report.tables
    ]
    return msgspec.structs.replace(report, asked=printable(report.asked), tables=tables)
