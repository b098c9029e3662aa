"""Audit events as objects of the API."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType, field

from webhook.audit_api.objects import API_VERSION, ListMeta, ObjectMeta, Part, User, rfc3339
from webhook.store.audit import KeptEvent


class About(Part, frozen=True):
    """What an event is about."""

    resource: str = ""
    """Plural and group, with the subresource: pods/exec, deployments.apps."""
    name: str = ""
    uid: str = ""
    container: str = ""


class EventDecision(Part, frozen=True):
    """What policies said."""

    action: str = ""
    policy: str = ""
    rule: str = ""
    would: str = ""
    """What audit mode did not enforce: action, policy and rule; absent when nothing."""


class AuditEvent(Part, frozen=True, omit_defaults=False):
    """Who did what, when, where from and with what outcome. All texts are masked."""

    metadata: ObjectMeta
    type: str
    """What happened: decision, approval-decided, policy-changed, control-failed, record-read and so on."""
    outcome: str
    """success, failure or unknown."""
    at: str
    """When it happened, on the clock of who saw it."""
    actor: User
    """Who did it, as the API server authenticated them."""
    origin: str
    """The pod of Chaperone that saw it."""
    about: About
    door: str
    operation: str
    asked: str
    """What was asked, in one line."""
    command: tuple[str, ...]
    """The command line of a session."""
    decision: EventDecision
    reason: str
    """Why: the approver's reason, the refusal's, the error's."""
    approval: str
    """Name of the approval request."""
    requester: str
    """Whose action an approval is about."""
    session: str
    """Id of the session that was let start."""
    request_uid: str = field(name="requestUID")
    """UID of the request, which the API server's own audit log has as well."""
    dry_run: bool
    details: dict[str, str]
    """What else belongs to this type."""
    api_version: str = API_VERSION
    kind: str = "AuditEvent"


class AuditEventList(Part, frozen=True, omit_defaults=False):
    """Audit events, newest first."""

    metadata: ListMeta
    items: list[AuditEvent]
    api_version: str = API_VERSION
    kind: str = "AuditEventList"


class EventSearchSpec(Part, frozen=True):
    """What to look for: words or a "quoted phrase" in what was asked, command lines, reasons and rules."""

    text: str
    actor: str = ""
    type: str = ""
    outcome: str = ""
    approval: str = ""
    session: str = ""
    since: str = ""
    """Only what happened at or after this RFC 3339 time."""
    until: str = ""
    """Only what happened before this RFC 3339 time."""
    limit: int = 100


class EventSearchHit(Part, frozen=True, omit_defaults=False):
    """Where the text was found."""

    event: AuditEvent
    text: str
    """What of the event is searched."""
    highlight: list[list[int]]
    """Start and end of each match, in characters of the text."""


class EventSearchStatus(Part, frozen=True, omit_defaults=False):
    """What was found, newest first."""

    hits: list[EventSearchHit]


class EventSearch(Part, frozen=True, omit_defaults=False):
    """A question about audit events, and once created its answer; it is not kept."""

    spec: EventSearchSpec
    api_version: str = API_VERSION
    kind: str = "EventSearch"
    metadata: dict[str, msgspec.Raw] = field(default_factory=dict[str, msgspec.Raw])
    status: EventSearchStatus | UnsetType = UNSET


FIELDS: Final[Mapping[str, Callable[[Any], str]]] = MappingProxyType(
    {
        "metadata.name": lambda event: event.metadata.name,
        "metadata.namespace": lambda event: event.metadata.namespace,
        "type": lambda event: event.type,
        "outcome": lambda event: event.outcome,
        "actor": lambda event: event.actor.username,
        "requester": lambda event: event.requester,
        "action": lambda event: event.decision.action,
        "policy": lambda event: event.decision.policy,
        "rule": lambda event: event.decision.rule,
        "about.uid": lambda event: event.about.uid,
        "approval": lambda event: event.approval,
        "session": lambda event: event.session,
    }
)
"""Fields that events can be selected by."""


def event_object(kept: KeptEvent) -> AuditEvent:
    """Give the API's object for a stored event."""
    event = kept.event
    actor, where = event.actor, event.where
    return AuditEvent(
        metadata=ObjectMeta(
            name=event.id,
            namespace=where.namespace,
            uid=event.id,
            resource_version=str(kept.received_at),
            creation_timestamp=rfc3339(kept.received_at, timespec="seconds"),
        ),
        type=event.kind.value,
        outcome=event.outcome.value,
        at=rfc3339(event.at),
        actor=User(actor.username, actor.uid, actor.groups, actor.extra),
        origin=event.origin,
        about=About(where.resource, where.name, where.uid, where.container),
        door=event.door,
        operation=event.operation,
        asked=event.asked,
        command=event.argv,
        decision=EventDecision(event.action, event.policy, event.rule, event.would),
        reason=event.reason,
        approval=event.approval,
        requester=event.requester,
        session=event.session,
        request_uid=event.request,
        dry_run=event.dry_run,
        details=event.details,
    )
