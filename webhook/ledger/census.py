"""Counting whom entries are about. Pure.

A manifest is about its user and namespace, an audit event about who did it, whose action an approval is
about, and its namespace. Names are in a census as digests alone: whoever does not know one has to guess it.
"""

import hashlib
from collections.abc import Iterable
from typing import Final

from webhook.journal.events import AuditEvent
from webhook.ledger.entries import Census, Counted, SignedManifest, Value

MAX_COUNTED: Final = 1000
"""Most entries of one census, so that it is no larger than an entry may be."""
_DOMAIN: Final = "chaperone.dev/census/v1"


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
            return frozenset(users | ({namespace_digest(where.namespace)} if where.namespace else set()))
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
    return Census(at, start, start + len(subjects), tally(enumerate(subjects, start)))


def _digest(kind: str, name: str) -> str:
    return hashlib.sha256(f"{_DOMAIN}\0{kind}\0{name}".encode()).hexdigest()
