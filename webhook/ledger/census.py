"""Counting whom entries are about. Pure.

A manifest is about its user and namespace, an audit event about who did it, whose action an approval is
about, and its namespace; one of Chaperone itself also about that. Names are in a census as digests alone:
whoever does not know one has to guess it.
"""

import hashlib
from collections.abc import Iterable
from typing import Final

from webhook.journal.events import AuditEvent, Kind
from webhook.ledger.entries import Census, Counted, SignedManifest, Value

MAX_COUNTED: Final = 1000
"""Most entries of one census, so that it is no larger than an entry may be."""
_DOMAIN: Final = "chaperone.dev/census/v1"
CONTROLS: Final = frozenset(
    {
        Kind.CONTROL_STARTED,
        Kind.CONTROL_STOPPED,
        Kind.CONTROL_FAILED,
        Kind.INCIDENT,
        Kind.CANARY,
        Kind.NOTIFICATION_FAILED,
        Kind.POLICY_CHANGED,
        Kind.POLICY_REFUSED,
    }
)
"""Events of Chaperone itself, which are in every bundle: they are about nobody's doing.

Whoever adds one also gives ``CONTROL_DIGEST`` another name: these are what it was counted for.
"""


def user_digest(name: str) -> str:
    """Give the digest of a user's name, as a census has it."""
    return _digest("user", name)


def namespace_digest(name: str) -> str:
    """Give the digest of a namespace's name, as a census has it."""
    return _digest("namespace", name)


def subjects_of(value: Value | None) -> frozenset[str]:
    """Give the digests of whom an entry is about; nothing for what is about nobody, or not known here."""
    match value:
        case SignedManifest(manifest=manifest):
            return frozenset({user_digest(manifest.user), namespace_digest(manifest.namespace)})
        case AuditEvent(actor=actor, requester=requester, where=where):
            users = {user_digest(name) for name in (actor.username, requester) if name}
            places = {namespace_digest(where.namespace)} if where.namespace else set[str]()
            return frozenset(users | places | ({CONTROL_DIGEST} if value.kind in CONTROLS else set()))
        case _:
            return frozenset()


def counted(indexes: Iterable[int]) -> Counted:
    """Give the count of entries with these numbers, which are in order."""
    lines = [f"{index}\n" for index in indexes]
    return Counted(len(lines), hashlib.sha256("".join(lines).encode()).hexdigest())


def tally(entries: Iterable[tuple[int, frozenset[str]]]) -> dict[str, Counted]:
    """Count entries, given in order by their numbers and subjects."""
    found: dict[str, list[int]] = {}
    for index, subjects in entries:
        for subject in subjects:
            found.setdefault(subject, []).append(index)
    return {subject: counted(indexes) for subject, indexes in sorted(found.items())}


def census(at: int, start: int, values: Iterable[Value | None]) -> Census:
    """Give the census of entries from number ``start``; None stands for one of a kind that is not known."""
    subjects = [subjects_of(value) for value in values]
    return Census(at, start, start + len(subjects), _counts(start, subjects))


def agrees(told: Census, subjects: Iterable[frozenset[str]]) -> bool:
    """Tell whether a census is of entries that are about these; one from before may not count controls."""
    found = _counts(told.start, subjects)
    if CONTROL_DIGEST not in told.subjects:
        del found[CONTROL_DIGEST]
    return found == told.subjects


def _counts(start: int, subjects: Iterable[frozenset[str]]) -> dict[str, Counted]:
    """Give what a census of entries from number ``start`` says, of controls even where there are none."""
    return {CONTROL_DIGEST: counted(()), **tally(enumerate(subjects, start))}


def _digest(kind: str, name: str) -> str:
    return hashlib.sha256(f"{_DOMAIN}\0{kind}\0{name}".encode()).hexdigest()


CONTROL_DIGEST: Final = _digest("kind", "control")
"""Under which a census counts events of Chaperone itself, also where there are none; not one from before."""
