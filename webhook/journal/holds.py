"""Legal holds: what must not be removed, however old it is, because somebody says so. Pure.

A hold is an audit event, and so is its release: who and why are in both, and no hold can vanish.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

import msgspec
from msgspec.structs import replace

from sidecar.contract.names import AUDIT_GROUP
from sidecar.contract.sealing import Identity
from webhook.journal.events import AuditEvent, Kind, Outcome, Where
from webhook.journal.making import Stamp

_SECOND: Final = 1_000_000_000
RESOURCE: Final = f"legalholds.{AUDIT_GROUP}"
KEPT_KINDS: Final = frozenset({Kind.HOLD_SET, Kind.HOLD_RELEASED, Kind.RECORD_REMOVED})
"""Events that stay in the store as long as it does."""


class Scope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a hold is about: all that is told must be so. Times are Unix nanoseconds, whole microseconds."""

    session: str = ""
    agent: str = ""
    """Name of the user whose sessions and deeds are kept."""
    namespace: str = ""
    since: int | None = None
    """What ended at or after this moment."""
    until: int | None = None
    """What started before this moment."""

    def covers(self, *, session: str, agent: str, namespace: str, start: int, end: int) -> bool:
        """Tell whether something that lasted from ``start`` to ``end`` must be kept."""
        return (
            self.session in {"", session}
            and self.agent in {"", agent}
            and self.namespace in {"", namespace}
            and (self.since is None or end >= self.since)
            and (self.until is None or start < self.until)
        )


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """A hold, in force until it is released."""

    name: str
    scope: Scope
    by: Identity
    at: int
    reason: str
    released_by: Identity | None = None
    released_at: int = 0
    release_reason: str = ""

    @property
    def in_force(self) -> bool:
        """Whether it still keeps."""
        return self.released_by is None


def set_event(stamp: Stamp, by: Identity, scope: Scope, reason: str) -> AuditEvent:
    """Give the event that is a hold."""
    texts = {"session": scope.session, "agent": scope.agent, "namespace": scope.namespace}
    times = {"since": scope.since, "until": scope.until}
    details = {name: text for name, text in texts.items() if text}
    details |= {name: _written(moment) for name, moment in times.items() if moment is not None}
    event = _event(stamp, by, Kind.HOLD_SET, stamp.id, reason)
    return replace(event, details=details, session=scope.session)


def release_event(stamp: Stamp, by: Identity, name: str, reason: str) -> AuditEvent:
    """Give the event that ends a hold."""
    return _event(stamp, by, Kind.HOLD_RELEASED, name, reason)


def holds_of(events: Iterable[AuditEvent]) -> list[Hold]:
    """Give all holds that events tell of, newest first, also those that were released.

    The first release counts. A hold that cannot be read keeps everything: nothing is removed by mistake.
    """
    holds: dict[str, Hold] = {}
    releases: list[AuditEvent] = []
    for event in sorted(events, key=lambda event: (event.at, event.id)):
        if event.kind is Kind.HOLD_SET:
            scope = _scope(event.details)
            holds[event.id] = Hold(
                name=event.id, scope=scope, by=event.actor, at=event.at, reason=event.reason
            )
        elif event.kind is Kind.HOLD_RELEASED:
            releases.append(event)
    for event in releases:
        hold = holds.get(event.where.name)
        if hold is not None and hold.in_force:
            holds[hold.name] = replace(
                hold, released_by=event.actor, released_at=event.at, release_reason=event.reason
            )
    return list(holds.values())[::-1]


def _scope(details: dict[str, str]) -> Scope:
    try:
        since, until = (_read(details[name]) if name in details else None for name in ("since", "until"))
    except ValueError:
        return Scope()
    session, agent, namespace = (details.get(name, "") for name in ("session", "agent", "namespace"))
    return Scope(session=session, agent=agent, namespace=namespace, since=since, until=until)


def _written(unix_ns: int) -> str:
    """Give a moment to the microsecond, in UTC: a number of nanoseconds could be taken for a card's."""
    moment = datetime.fromtimestamp(unix_ns // _SECOND, UTC)
    return moment.replace(microsecond=unix_ns % _SECOND // 1000).isoformat(timespec="microseconds")


def _read(text: str) -> int:
    since = datetime.fromisoformat(text) - datetime.fromtimestamp(0, UTC)
    return (since.days * 86_400 + since.seconds) * _SECOND + since.microseconds * 1000


def _event(stamp: Stamp, by: Identity, kind: Kind, name: str, reason: str) -> AuditEvent:
    return AuditEvent(
        id=stamp.id,
        at=stamp.at,
        origin=stamp.origin,
        kind=kind,
        outcome=Outcome.SUCCESS,
        actor=by,
        where=Where(resource=RESOURCE, name=name),
        operation="create" if kind is Kind.HOLD_SET else "release",
        reason=reason,
    )
