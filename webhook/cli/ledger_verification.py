"""``chaperone ledger verify``: walks the ledger and the sessions, and names the first broken link."""

import base64
import binascii
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from sidecar.contract.events import Ending
from sidecar.contract.frames import Frame
from webhook.audit_api.objects import Session, rfc3339
from webhook.cli.audit import Audit
from webhook.cli.cluster import Cluster
from webhook.cli.event_checks import EventChecks
from webhook.cli.failures import CliError, ExitCode
from webhook.cli.ledger_access import DamagedError, LedgerAccess
from webhook.cli.options import Format
from webhook.cli.output import console, print_json
from webhook.cli.retelling import Retelling, retold_difference
from webhook.cli.session_checks import broken_frame, difference
from webhook.evidence.window import known
from webhook.journal.events import AuditEvent
from webhook.ledger.entries import Exported, SignedManifest, SignedRemoval
from webhook.ledger.manifest import Manifest
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


@dataclass
class Walked:
    """What a walk through the ledger found."""

    manifests: dict[str, tuple[int, Manifest]] = field(default_factory=dict[str, tuple[int, Manifest]])
    """The last of each session, with the number of the entry."""
    former: dict[str, list[Manifest]] = field(default_factory=dict[str, list[Manifest]])
    """Those before it, of sessions that were taken for lost and went on."""
    newest: Exported | None = None
    settled: int = 0
    """When the checkpoint before the newest was signed, Unix nanoseconds."""
    events: EventChecks = field(default_factory=EventChecks)
    removals: dict[str, tuple[int, Removal]] = field(default_factory=dict[str, tuple[int, Removal]])
    """By session, with the number of the entry: the first that names it."""
    event_removals: list[Removal] = field(default_factory=list[Removal])


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
    walked = _walk(access, verifier)
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


def _walk(access: LedgerAccess, verifier: Verifier) -> Walked:
    walked = Walked()
    for entry in access.entries():
        value = verifier.add(entry)
        match value:
            case SignedManifest(manifest=manifest):
                if manifest.session in walked.manifests:
                    before = walked.manifests[manifest.session][1]
                    walked.former.setdefault(manifest.session, []).append(before)
                walked.manifests[manifest.session] = (entry.index, manifest)
            case Exported():
                walked.settled = walked.newest.at if walked.newest else 0
                walked.newest = value
            case AuditEvent():
                walked.events.walk(entry.index, value)
            case SignedRemoval(removal=removal):
                walked.event_removals.append(removal)
                for session in removal.sessions:
                    walked.removals.setdefault(session, (entry.index, removal))
            case _:
                pass
    return walked


def _check_signed(access: LedgerAccess, verifier: Verifier) -> int:
    try:
        note = access.checkpoint(sign=False)
    except CliError as error:
        if error.code is ExitCode.NOT_FOUND:
            return 0
        raise
    return verifier.check_checkpoint(note, "the newest checkpoint").size


def _check_stored(audit: Audit, access: LedgerAccess, walked: Walked) -> Checked:
    """Compare sessions and audit events with the ledger; name the first entry that one of them differs from.

    What is gone must have been removed because of its age.
    """
    broken, gone = _check_sessions(audit, walked)
    events = (event for event, _ in audit.events_with(None, {}, limit=None))
    removals = dict(walked.removals.values())
    told = walked.events.check(
        events, lambda name: _event(access, name), walked.event_removals, settled=walked.settled
    )
    broken += told
    if broken:
        more = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
        raise BrokenError(min(broken)[1] + more)
    removed = tuple(_removed(entry, removals[entry], count) for entry, count in sorted(gone.items()))
    return Checked(len(walked.manifests) - gone.total(), removed, walked.events.whole)


def _event(access: LedgerAccess, name: str) -> AuditEvent | None:
    kept = access.entry(f"event/{name}")
    value = None if kept is None else known(kept.data)
    return value if isinstance(value, AuditEvent) else None


def _check_sessions(audit: Audit, walked: Walked) -> tuple[list[tuple[int, str]], Counter[int]]:
    """Give what is wrong with sessions, and how many are gone by which removal."""
    waiting = dict(walked.manifests)
    through = 0 if walked.newest is None else walked.newest.sealed_through
    broken: list[tuple[int, str]] = []
    for item in audit.sessions(None, {}, limit=None):
        session = item.session
        sealed = waiting.pop(session.metadata.name, None)
        if sealed is None:
            broken += _unsealed(session, through)
            continue
        index, manifest = sealed
        if session.metadata.name in walked.removals:
            waiting[manifest.session] = sealed
            continue
        goes_on = _goes_on(manifest, session, through)
        found = difference(manifest, session, goes_on=goes_on)
        former = [*walked.former.get(manifest.session, []), *([manifest] if goes_on else [])]
        last = None if goes_on else manifest
        found = found or walked.events.decision_difference(session)
        what = f"differs in its {found}" if found else _broken_frames(audit, session, last, former)
        if what:
            broken.append((index, f"session {manifest.session}, sealed as entry {index}: {what}"))
    gone: Counter[int] = Counter()
    for index, manifest in waiting.values():
        entry, removal = walked.removals.get(manifest.session, (-1, None))
        if removal is not None:
            gone[entry] += 1
            broken += [(index, what) for what in _wrongly_removed(manifest, removal, entry)]
            continue
        where = f"namespace {printable(manifest.namespace)}"
        missing = "it is missing from the store"
        broken.append((index, f"session {manifest.session} of {where}, sealed as entry {index}: {missing}"))
    return broken, gone


def _wrongly_removed(manifest: Manifest, removal: Removal, entry: int) -> list[str]:
    ended = manifest.started_at if manifest.ended_at is None else manifest.ended_at
    if ended < removal.before <= removal.at:
        return []
    return [f"session {manifest.session}: entry {entry} removed it, though its time was not over"]


def _removed(entry: int, removal: Removal, sessions: int) -> RemovedSessions:
    day, before = (rfc3339(moment, timespec="seconds") for moment in (removal.at, removal.before))
    return RemovedSessions(day, before, removal.months, sessions, entry)


def _goes_on(manifest: Manifest, session: Session, through: int) -> bool:
    """Tell whether a session was taken for lost, and has not been sealed since it went on."""
    changed = session.status.phase != manifest.phase or session.status.how != manifest.how
    return manifest.how == Ending.LOST.value and changed and not _unsealed(session, through)


def _unsealed(session: Session, through: int) -> list[tuple[int, str]]:
    version = session.metadata.resource_version
    changed = int(version) if version.isdecimal() else 0
    if session.status.phase == "Active" or changed > through:
        return []
    what = "has ended and is not in the ledger, though all that ended by then are said to be"
    return [(-1, f"session {printable(session.metadata.name)}: it {what}")]


def _broken_frames(audit: Audit, session: Session, last: Manifest | None, former: list[Manifest]) -> str:
    told = Retelling()
    frames = told.listen(_frames(audit, session))
    try:
        if broken := broken_frame(session.metadata.name, frames, last=last, former=former):
            return broken
    except CliError as error:
        if error.code in (ExitCode.UNAVAILABLE, ExitCode.FORBIDDEN):
            raise
        return f"its frames cannot be read: {error}"
    found = retold_difference(last, session, told) if last else ""
    return f"differs in its {found}" if found else ""


def _frames(audit: Audit, session: Session) -> Iterator[Frame]:
    """Give a session's frames; where they break off, ask once more from there, to be told why."""
    start = 0
    try:
        for frame in audit.frames(session):
            yield frame
            start = frame.sequence + 1
    except CliError as error:
        if error.code is not ExitCode.UNAVAILABLE:
            raise
        yield from audit.frames(session, start=start)


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
