"""Audit events of the policies in force: which are others than before (PCI DSS 10.2.1.2, 10.2.2). Pure."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping

from webhook.journal.events import AuditEvent, Kind, Outcome, Where
from webhook.journal.making import Maker
from webhook.policy.active import State

_RESOURCE = "guardpolicies.chaperone.dev"
_MOST_LISTED = 64 * 1024
"""Characters; more policies than that are told by one digest."""


class PolicyTelling:
    """Remembers what was in force, and tells of changes."""

    def __init__(self, maker: Maker) -> None:
        self._maker = maker
        self._known: Mapping[str, State] | None = None

    def tell(self, states: Iterable[State]) -> list[AuditEvent]:
        """Give the events of what changed since the last time; the first time, one for all."""
        now = {state.name: state for state in states}
        before, self._known = self._known, now
        return [self._all(now)] if before is None else list(self._changes(before, now))

    def _all(self, now: Mapping[str, State]) -> AuditEvent:
        broken = sorted(state.name for state in now.values() if state.error)
        versions = "\n".join(f"{name} {now[name].generation}" for name in sorted(now))
        details = {"policies": str(len(now)), "versions": hashlib.sha256(versions.encode()).hexdigest()}
        in_force = "\n".join(f"{name} {now[name].generation} {now[name].digest}" for name in sorted(now))
        if len(in_force) <= _MOST_LISTED:
            details["in-force"] = in_force
        if broken:
            details["broken"] = ", ".join(broken)
        reason = "these policies decide since the start"
        where = Where(resource=_RESOURCE)
        return self._maker.own(Kind.POLICY_CHANGED, Outcome.SUCCESS, reason, where=where, details=details)

    def _changes(self, before: Mapping[str, State], now: Mapping[str, State]) -> Iterator[AuditEvent]:
        for name in sorted(before.keys() - now.keys()):
            yield self._one(Kind.POLICY_CHANGED, before[name], "it was removed and decides no more")
        for name, state in sorted(now.items()):
            known = before.get(name)
            if known is not None and (known.generation, known.error) == (state.generation, state.error):
                continue
            if not state.error:
                yield self._one(Kind.POLICY_CHANGED, state, "this version decides from now on")
            else:
                stays = "the last good version stays" if state.active else "no version of it decides"
                yield self._one(Kind.POLICY_REFUSED, state, f"{stays}: {state.error[:1024]}")

    def _one(self, kind: Kind, state: State, reason: str) -> AuditEvent:
        outcome = Outcome.SUCCESS if kind is Kind.POLICY_CHANGED else Outcome.FAILURE
        where = Where(resource=_RESOURCE, name=state.name)
        details = {"generation": str(state.generation), "digest": state.digest}
        return self._maker.own(kind, outcome, reason, where=where, details=details)
