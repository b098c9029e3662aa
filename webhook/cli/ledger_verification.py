"""``chaperone ledger verify``: walks the ledger and the sessions, and names the first broken link."""

import base64
import binascii
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from webhook.audit_api.objects import rfc3339
from webhook.cli.audit import Audit
from webhook.cli.cluster import Cluster
from webhook.cli.failures import CliError, ExitCode
from webhook.cli.ledger_access import DamagedError, LedgerAccess
from webhook.cli.ledger_walk import Walk
from webhook.cli.options import Format
from webhook.cli.output import console, print_json
from webhook.cli.stored_sessions import check_sessions
from webhook.evidence.window import known
from webhook.journal.events import AuditEvent
from webhook.ledger.removal import Removal
from webhook.ledger.verifying import BrokenError, Verifier
from webhook.replay.safety import printable

_UNPROVEN: Final = "              taken from the ledger: compare it, and give it with --root"


class Trust(msgspec.Struct, frozen=True):
    """What the verifier was given by its user."""

    roots: tuple[bytes, ...]
    """Raw public keys; empty to take the ledger's own word."""
    kept: tuple[Path, ...]
    """Files with checkpoints kept earlier."""


class RemovedSessions(msgspec.Struct, frozen=True):
    """Sessions that are not in the store any more, as a signed entry of the ledger says."""

    at: str
    before: str
    months: int
    sessions: int
    entry: int


class Checked(msgspec.Struct, frozen=True):
    """What came of looking at the sessions."""

    whole: int
    removed: tuple[RemovedSessions, ...]
    events: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was checked."""

    origin: str
    roots: tuple[str, ...]
    roots_given: bool
    entries: int
    kinds: dict[str, int]
    signed: int
    """Entries that the newest checkpoint covers."""
    kept: dict[str, int]
    """Checkpoints kept earlier that agree, by file, with their sizes."""
    sessions: int | None
    """Sessions that are as they were sealed; absent when they were not looked at."""
    removed: tuple[RemovedSessions, ...] = ()
    """What was removed because of its age, oldest first."""
    events: int | None = None
    """Stored audit events that are as they were told; absent when they were not looked at."""
    events_removed: int | None = None
    """Audit events that are gone because their time was over."""
    holds: bool = True


def run(cluster: Cluster, trust: Trust, output: Format, *, with_sessions: bool) -> None:
    """Verify, and print what was checked. Raises CliError with the first broken link."""
    try:
        report = _verify(cluster, trust, with_sessions=with_sessions)
    except (BrokenError, DamagedError) as error:
        message = f"the record is broken: {printable(str(error))}"
        if output is Format.JSON:
            print_json({"holds": False, "broken": str(error)})
        raise CliError(message) from None
    if output is Format.JSON:
        print_json(report)
        return
    screen = console()
    for line in _lines(report):
        screen.print(line)


def read_roots(texts: Sequence[str]) -> tuple[bytes, ...]:
    """Read public keys in base64, several also with commas between. Raises CliError."""
    try:
        roots = tuple(base64.b64decode(part, validate=True) for text in texts for part in text.split(","))
    except (binascii.Error, ValueError):
        roots = (b"",)
    if any(len(root) != 32 for root in roots):
        raise CliError("--root must be a public key of 32 bytes in base64", ExitCode.USAGE)
    return roots


def _verify(cluster: Cluster, trust: Trust, *, with_sessions: bool) -> Report:
    notes = {str(path): read_note(path) for path in trust.kept}
    access = LedgerAccess(cluster)
    ledger = access.ledger()
    roots = trust.roots or read_roots(ledger.spec.roots)
    verifier = Verifier(roots)
    walked = Walk(access, verifier)
    walked.begin()
    signed = _check_signed(access, verifier)
    kept = {path: verifier.check_checkpoint(note, path).size for path, note in notes.items()}
    checked = _check_stored(Audit(cluster), access, walked) if with_sessions else None
    return Report(
        origin=verifier.ring.origin,
        roots=tuple(base64.b64encode(root).decode() for root in roots),
        roots_given=bool(trust.roots),
        entries=verifier.size,
        kinds=dict(verifier.counts),
        signed=signed,
        kept=kept,
        sessions=None if checked is None else checked.whole,
        removed=() if checked is None else checked.removed,
        events=None if checked is None else checked.events,
        events_removed=None if checked is None else walked.events.removed,
    )


def _check_signed(access: LedgerAccess, verifier: Verifier) -> int:
    try:
        note = access.checkpoint(sign=False)
    except CliError as error:
        if error.code is ExitCode.NOT_FOUND:
            return 0
        raise
    return verifier.check_checkpoint(note, "the newest checkpoint").size


def _check_stored(audit: Audit, access: LedgerAccess, walked: Walk) -> Checked:
    """Compare sessions and audit events with the ledger; name the first entry that one of them differs from.

    What is gone must have been removed because of its age.
    """
    broken, gone = check_sessions(audit, walked)
    events = (event for event, _ in audit.events_with(None, {}, limit=None))
    broken += walked.events.check(
        events, lambda name: _event(access, name), walked.removals_by_now, settled=walked.settled
    )
    removals = dict(walked.removals.values())
    if broken:
        more = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
        raise BrokenError(min(broken)[1] + more)
    removed = tuple(_removed(entry, removals[entry], count) for entry, count in sorted(gone.items()))
    return Checked(len(walked.manifests) - gone.total(), removed, walked.events.whole)


def _event(access: LedgerAccess, name: str) -> AuditEvent | None:
    kept = access.entry(f"event/{name}")
    value = None if kept is None else known(kept.data)
    return value if isinstance(value, AuditEvent) else None


def _removed(entry: int, removal: Removal, sessions: int) -> RemovedSessions:
    day, before = (rfc3339(moment, timespec="seconds") for moment in (removal.at, removal.before))
    return RemovedSessions(day, before, removal.months, sessions, entry)


def read_note(path: Path) -> str:
    """Read a checkpoint that somebody kept. Raises CliError."""
    try:
        return path.read_text()
    except OSError as error:
        raise CliError(f"{path} cannot be read: {error.strerror}", ExitCode.USAGE) from None
    except UnicodeDecodeError:
        raise CliError(f"{path} is no checkpoint: it is not text", ExitCode.USAGE) from None


def _lines(report: Report) -> list[str]:
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(report.kinds.items()))
    open_end = report.entries - report.signed
    lines = [
        f"Ledger        {report.origin}",
        f"Root          {', '.join(report.roots)}",
        *([] if report.roots_given else [_UNPROVEN]),
        f"Entries       {report.entries} ({kinds})",
        f"Signed        {report.signed} entries; {open_end} came after the newest checkpoint",
    ]
    lines += [
        f"Kept          {printable(name)}: agrees, {size} entries" for name, size in report.kept.items()
    ]
    if report.sessions is not None:
        lines.append(f"Sessions      {report.sessions}, as they were sealed, frame by frame")
    if report.events is not None:
        removed = f"; {report.events_removed} removed by retention" if report.events_removed else ""
        lines.append(f"Events        {report.events} stored audit events, as they were told{removed}")
    lines += [
        f"Removed       {part.sessions} by retention on {part.at[:10]} (entry {part.entry}: ended before"
        f" {part.before[:10]}, kept {part.months} months)"
        for part in report.removed
    ]
    return [*lines, "The record holds."]
