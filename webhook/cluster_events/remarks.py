"""What a cluster event says of an audit event, and which object it is on. Pure.

Half the cluster may read events, so they hold neither command lines nor anybody's reasons; who may see those
finds them by the approval request's name.
"""

from typing import Final, NamedTuple

import msgspec

from webhook.journal.events import AuditEvent, Kind, Outcome
from webhook.replay.safety import printable

MOST_BYTES: Final = 1024
"""Of a remark, as the API server takes it."""
_API: Final = "chaperone.dev/v1alpha1"
_KINDS: Final = {
    "pods": ("v1", "Pod"),
    "secrets": ("v1", "Secret"),
    "configmaps": ("v1", "ConfigMap"),
    "services": ("v1", "Service"),
    "serviceaccounts": ("v1", "ServiceAccount"),
    "replicationcontrollers": ("v1", "ReplicationController"),
    "deployments": ("apps/v1", "Deployment"),
    "statefulsets": ("apps/v1", "StatefulSet"),
    "daemonsets": ("apps/v1", "DaemonSet"),
    "replicasets": ("apps/v1", "ReplicaSet"),
    "jobs": ("batch/v1", "Job"),
    "cronjobs": ("batch/v1", "CronJob"),
    "roles": ("rbac.authorization.k8s.io/v1", "Role"),
    "rolebindings": ("rbac.authorization.k8s.io/v1", "RoleBinding"),
}
"""Namespaced objects that events can be on, by the plural of their resource."""
_DENY: Final = "deny"
_TOLD: Final = frozenset(
    {
        Kind.APPROVAL_ASKED,
        Kind.APPROVAL_DECIDED,
        Kind.APPROVAL_EXPIRED,
        Kind.APPROVAL_USED,
        Kind.BREAK_GLASS,
    }
)
_VERDICTS: Final = {"approve": "Approved", "deny": "Denied", "review": "Reviewed"}


class Reference(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """``core/v1.ObjectReference``."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str = ""


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    """What is told."""

    reason: str
    """One word for machines, as ``kubectl get events`` shows it."""
    action: str
    text: str
    warns: bool
    regarding: Reference
    related: Reference | None = None


class _Said(NamedTuple):
    reason: str
    text: str
    warns: bool = False


def is_told(event: AuditEvent) -> bool:
    """Tell whether an event is of a kind that is told, quickly: most of what happens is not."""
    if event.kind is Kind.DECISION:
        return _is_denied(event) or _is_granted(event)
    return event.kind in _TOLD


def _is_denied(event: AuditEvent) -> bool:
    return event.outcome is Outcome.FAILURE and event.action == _DENY


def _is_granted(event: AuditEvent) -> bool:
    """Tell whether an approval lets a session start; that it was used is known where sessions are kept."""
    return event.outcome is Outcome.SUCCESS and bool(event.session and event.approval)


def remark(event: AuditEvent) -> Remark | None:
    """Give what is told of an event that is masked; None when there is nothing to tell, or nowhere."""
    said = _said(event)
    places = [place for place in (_target(event), _ticket(event)) if place is not None]
    if said is None or not places or event.dry_run or not is_told(event):
        return None
    return Remark(
        reason=said.reason,
        action=event.door or "approval",
        text=_fitting(said.text),
        warns=said.warns,
        regarding=places[0],
        related=places[1] if len(places) > 1 else None,
    )


def _said(event: AuditEvent) -> _Said | None:
    if event.kind is Kind.DECISION:
        return _granted(event) if _is_granted(event) else _refused(event)
    return _verdict(event) if event.kind is Kind.APPROVAL_DECIDED else _happened(event)


def _granted(event: AuditEvent) -> _Said:
    text = f"{event.actor.username} may start session {event.session} on {event.approval}: {_what(event)}"
    return _Said("SessionGranted", text)


def _refused(event: AuditEvent) -> _Said:
    reason = "".join(part.capitalize() for part in event.door.split("-")) + "Denied"
    return _Said(
        reason, f"{event.actor.username} was denied: {_what(event)}. {_rule(event)} says so", warns=True
    )


def _verdict(event: AuditEvent) -> _Said | None:
    verdict = event.details.get("verdict", "")
    if verdict not in _VERDICTS:
        return None
    of = f"{event.approval} of {event.requester}: {_what(event)}"
    more = f". {event.details['missing']} more must agree" if "missing" in event.details else ""
    reason = _VERDICTS[verdict]
    return _Said(reason, f"{event.actor.username} {reason.lower()} {of}{more}", warns=verdict == _DENY)


def _happened(event: AuditEvent) -> _Said | None:
    who, what = event.requester or event.actor.username, _what(event)
    match event.kind:
        case Kind.APPROVAL_ASKED:
            see = f"chaperone approvals show {event.approval} -n {event.where.namespace}"
            wants = f"{_rule(event)} wants an approval. See: {see}"
            return _Said("ApprovalRequested", f"{who} asks for: {what}. {wants}")
        case Kind.APPROVAL_EXPIRED:
            return _Said("Expired", f"{event.approval}, asked for by {who}, has expired: {what}")
        case Kind.APPROVAL_USED:
            return _Said("ApprovalUsed", f"{who} used {event.approval}: {what}")
        case Kind.BREAK_GLASS:
            text = f"{who} goes on without an approval: {what}. To be reviewed"
            return _Said("BreakGlass", text, warns=True)
        case _:
            return None


def _what(event: AuditEvent) -> str:
    return event.asked or event.operation.lower()


def _rule(event: AuditEvent) -> str:
    return f"Rule {event.rule} of policy {event.policy}"


def _target(event: AuditEvent) -> Reference | None:
    """Give the object, where it exists: it has a UID, or a connection is made to it."""
    where = event.where
    found = _KINDS.get(where.resource.partition("/")[0].partition(".")[0])
    exists = bool(where.uid) or event.operation == "CONNECT"
    if found is None or not exists or not where.name or not where.namespace:
        return None
    version, kind = found
    return Reference(
        api_version=version, kind=kind, namespace=where.namespace, name=where.name, uid=where.uid
    )


def _ticket(event: AuditEvent) -> Reference | None:
    if not event.approval or "/" in event.approval or not event.where.namespace:
        return None
    return Reference(
        api_version=_API,
        kind="ApprovalRequest",
        namespace=event.where.namespace,
        name=event.approval,
        uid=event.details.get("ticket", ""),
    )


def _fitting(text: str) -> str:
    """Give one line of at most so many bytes."""
    shown = printable(text)
    data = shown.encode()
    if len(data) <= MOST_BYTES:
        return shown
    return data[: MOST_BYTES - 3].decode("utf-8", "ignore") + "…"
