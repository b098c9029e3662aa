"""Whether the stored sessions are those of the ledger, and in each list that they belong to."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Final

import msgspec

from sidecar.contract.events import Ending
from sidecar.contract.frames import Frame
from webhook.audit_api.objects import Session
from webhook.cli.audit import Audit
from webhook.cli.failures import CliError, ExitCode
from webhook.cli.ledger_walk import Walk
from webhook.cli.listing import escaped
from webhook.cli.retelling import Retelling, retold_difference
from webhook.cli.session_checks import broken_frame, difference
from webhook.ledger.manifest import Manifest
from webhook.ledger.removal import Removal
from webhook.replay.safety import printable

_NOWHERE: Final = -1
"""In place of an entry's number, where there is none."""


class _Found(msgspec.Struct, frozen=True):
    """Something wrong with a session."""

    session: str
    index: int
    """Number of the entry that seals it."""
    what: str


def check_sessions(audit: Audit, walked: Walk) -> tuple[list[tuple[int, str]], Counter[int]]:
    """Give what is wrong with sessions, and how many are gone by which removal.

    Retention may remove some meanwhile, so the ledger is asked last.
    """
    found: list[_Found] = []
    places: dict[str, tuple[str, str]] = {}
    for item in audit.sessions(None, {}, limit=None):
        session = item.session
        places[session.metadata.name] = (session.metadata.namespace, session.spec.user.username)
        found += _compare(audit, session, walked)
    found += _unlisted(audit, places, walked)
    found += [
        _Found(name, index, f"{_where(manifest, index)}: it is missing from the store")
        for name, (index, manifest) in walked.manifests.items()
        if name not in places
    ]
    if found:
        walked.removals_by_now()
    broken = [(one.index, one.what) for one in found if one.session not in walked.removals]
    gone: Counter[int] = Counter()
    for name in {one.session for one in found} & walked.removals.keys() & walked.manifests.keys():
        entry, removal = walked.removals[name]
        gone[entry] += 1
        index, manifest = walked.manifests[name]
        broken += [(index, what) for what in _wrongly_removed(manifest, removal, entry)]
    return broken, gone


def _compare(audit: Audit, session: Session, walked: Walk) -> Iterator[_Found]:
    """Compare a session with its manifests."""
    through = 0 if walked.newest is None else walked.newest.sealed_through
    name = session.metadata.name
    if name not in walked.manifests:
        if what := _unsealed(session, through):
            yield _Found(name, _NOWHERE, what)
        return
    index, manifest = walked.manifests[name]
    goes_on = _goes_on(manifest, session, through)
    differs = difference(manifest, session, goes_on=goes_on) or walked.events.decision_difference(session)
    former = [*walked.former.get(name, []), *([manifest] if goes_on else [])]
    what = f"differs in its {differs}" if differs else ""
    what = what or _broken_frames(audit, session, None if goes_on else manifest, former)
    if what:
        yield _Found(name, index, f"session {name}, sealed as entry {index}: {what}")


def _unlisted(audit: Audit, places: dict[str, tuple[str, str]], walked: Walk) -> Iterator[_Found]:
    """Give sessions that are missing from the list of their namespace, or of their user.

    A store narrows lists by copies of these, which stand beside what it gives.
    """
    in_namespace: defaultdict[str, set[str]] = defaultdict(set)
    of_user: defaultdict[str, set[str]] = defaultdict(set)
    for name, (namespace, user) in places.items():
        in_namespace[namespace].add(name)
        of_user[user].add(name)
    for namespace, names in sorted(in_namespace.items()):
        listed = audit.sessions(namespace, {}, limit=None)
        missing = names - {item.session.metadata.name for item in listed}
        yield from _hidden(missing, f"namespace {namespace}", walked)
    for user, names in sorted(of_user.items()):
        listed = audit.sessions(None, {"fieldSelector": f"spec.user={escaped(user)}"}, limit=None)
        missing = names - {item.session.metadata.name for item in listed}
        yield from _hidden(missing, f"user {user}", walked)


def _hidden(names: set[str], whose: str, walked: Walk) -> Iterator[_Found]:
    for name in sorted(names):
        index = walked.manifests[name][0] if name in walked.manifests else _NOWHERE
        sealed = "" if index == _NOWHERE else f", sealed as entry {index}"
        what = f"session {printable(name)}{sealed}: it is missing from the list of {printable(whose)}"
        yield _Found(name, index, what)


def _where(manifest: Manifest, index: int) -> str:
    where = f"namespace {printable(manifest.namespace)}"
    return f"session {manifest.session} of {where}, sealed as entry {index}"


def _wrongly_removed(manifest: Manifest, removal: Removal, entry: int) -> list[str]:
    ended = manifest.started_at if manifest.ended_at is None else manifest.ended_at
    if ended < removal.before <= removal.at:
        return []
    return [f"session {manifest.session}: entry {entry} removed it, though its time was not over"]


def _goes_on(manifest: Manifest, session: Session, through: int) -> bool:
    """Tell whether a session was taken for lost, and has not been sealed since it went on."""
    changed = session.status.phase != manifest.phase or session.status.how != manifest.how
    return manifest.how == Ending.LOST.value and changed and not _unsealed(session, through)


def _unsealed(session: Session, through: int) -> str:
    version = session.metadata.resource_version
    changed = int(version) if version.isdecimal() else 0
    if session.status.phase == "Active" or changed > through:
        return ""
    what = "has ended and is not in the ledger, though all that ended by then are said to be"
    return f"session {printable(session.metadata.name)}: it {what}"


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
