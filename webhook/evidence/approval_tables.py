"""The table of approvals: what was asked, who said what on it, and how it was used. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from webhook.audit_api.objects import rfc3339
from webhook.evidence.tables import asked_of
from webhook.journal.events import AuditEvent, Kind


class VerdictRow(msgspec.Struct, frozen=True, kw_only=True):
    """What one person said on an approval."""

    at: str
    by: str
    verdict: str
    taken: bool
    reason: str


class ApprovalRow(msgspec.Struct, frozen=True, kw_only=True):
    """One approval, from what happened to it in this time."""

    name: str
    namespace: str
    requester: str
    asked: str
    asked_at: str
    policy: str
    rule: str
    about: str
    state: str
    verdicts: tuple[VerdictRow, ...]
    uses: tuple[str, ...]
    """Ids of sessions, or of requests for objects, with their times."""
    broken_glass: bool
    reviewed: bool


_VERDICTS: Final = frozenset({Kind.APPROVAL_DECIDED, Kind.APPROVAL_REFUSED, Kind.BREAK_GLASS})
_ENDS: Final = {
    Kind.APPROVAL_EXPIRED: "expired",
    Kind.APPROVAL_REMOVED: "removed",
    Kind.APPROVAL_USED: "used",
}


def approval_rows(events: Iterable[AuditEvent]) -> list[ApprovalRow]:
    """Give approvals by what happened to them, those of the first event first."""
    found: dict[tuple[str, str], list[AuditEvent]] = {}
    for event in sorted(events, key=lambda one: (one.at, one.id)):
        if event.approval and event.kind is not Kind.DECISION:
            found.setdefault((event.where.namespace, event.approval), []).append(event)
    return [_approval(name, told) for (_, name), told in found.items()]


def _approval(name: str, events: Sequence[AuditEvent]) -> ApprovalRow:
    first = events[0]
    asked = next((event for event in events if event.kind is Kind.APPROVAL_ASKED), None)
    verdicts = [event for event in events if event.kind in _VERDICTS]
    return ApprovalRow(
        name=name,
        namespace=first.where.namespace,
        requester=first.requester,
        asked=next(map(asked_of, events), ""),
        asked_at=rfc3339(asked.at) if asked else "",
        policy=first.policy,
        rule=first.rule,
        about=" ".join(part for part in (first.where.resource, first.where.name) if part),
        state=_state(events),
        verdicts=tuple(map(_verdict, verdicts)),
        uses=tuple(_use(event) for event in events if event.kind is Kind.APPROVAL_USED),
        broken_glass=any(event.kind is Kind.BREAK_GLASS for event in events),
        reviewed=any(event.details.get("review") == "done" for event in events),
    )


def _state(events: Sequence[AuditEvent]) -> str:
    state = "waits"
    for event in events:
        verdict = event.details.get("verdict", "")
        if event.kind in _ENDS:
            state = "revoked" if verdict == "revoke" else _ENDS[event.kind]
        elif event.kind is Kind.BREAK_GLASS:
            state = "broken glass"
        elif event.kind is Kind.APPROVAL_DECIDED and verdict != "review":
            state = _decided(verdict, event.details)
    return state


def _decided(verdict: str, details: Mapping[str, str]) -> str:
    if verdict == "approve" and details.get("missing"):
        return "waits"
    return {"approve": "approved", "deny": "denied", "standing": "standing"}.get(verdict, verdict)


def _verdict(event: AuditEvent) -> VerdictRow:
    return VerdictRow(
        at=rfc3339(event.at),
        by=event.actor.username,
        verdict=event.details.get("verdict", "") or event.kind.value,
        taken=event.kind is not Kind.APPROVAL_REFUSED,
        reason=event.reason,
    )


def _use(event: AuditEvent) -> str:
    return f"{rfc3339(event.at)} {event.session or event.request}"
