"""What each door is for. A review of anything else is malformed, whoever sends it and why.

An API server sends what the webhook configurations say; whoever changes them, or posts reviews without being
an API server, must not get one kind of request past the door of another.
"""

from typing import Final, NamedTuple

from webhook.admission.review import MalformedReviewError, Request
from webhook.policy.decision import Operation


class Fit(NamedTuple):
    """What a door is for."""

    resource: str
    """Plural name, with its subresource."""
    kind: str
    operations: frozenset[Operation]
    group: str = ""


_CHANGE: Final = frozenset({Operation.CREATE, Operation.UPDATE})
_WRITE: Final = _CHANGE | {Operation.DELETE}
FITS: Final = {
    "exec": Fit("pods/exec", "PodExecOptions", frozenset({Operation.CONNECT})),
    "attach": Fit("pods/attach", "PodAttachOptions", frozenset({Operation.CONNECT})),
    "ephemeralcontainers": Fit("pods/ephemeralcontainers", "Pod", frozenset({Operation.UPDATE})),
    "debugging": Fit("pods/ephemeralcontainers", "Pod", frozenset({Operation.UPDATE})),
    "injection": Fit("pods", "Pod", frozenset({Operation.CREATE})),
    "pods": Fit("pods", "Pod", frozenset({Operation.CREATE})),
    "guardpolicies": Fit("guardpolicies", "GuardPolicy", _CHANGE, "chaperone.dev"),
    "approvalrequests": Fit("approvalrequests", "ApprovalRequest", _WRITE, "chaperone.dev"),
    "standingapprovals": Fit("standingapprovals", "StandingApproval", _WRITE, "chaperone.dev"),
}
"""By the last part of the path. Doors for many resources look for themselves, and are not here."""
_RBAC: Final = "rbac.authorization.k8s.io"
_KINDS: Final = {
    ("", "pods"): "Pod",
    ("", "secrets"): "Secret",
    ("", "configmaps"): "ConfigMap",
    ("", "namespaces"): "Namespace",
    ("", "replicationcontrollers"): "ReplicationController",
    ("", "podtemplates"): "PodTemplate",
    ("", "serviceaccounts"): "ServiceAccount",
    ("", "serviceaccounts/token"): "TokenRequest",
    ("", "persistentvolumeclaims"): "PersistentVolumeClaim",
    ("", "persistentvolumes"): "PersistentVolume",
    ("apps", "deployments"): "Deployment",
    ("apps", "statefulsets"): "StatefulSet",
    ("apps", "daemonsets"): "DaemonSet",
    ("apps", "replicasets"): "ReplicaSet",
    ("apps", "controllerrevisions"): "ControllerRevision",
    ("batch", "jobs"): "Job",
    ("batch", "cronjobs"): "CronJob",
    (_RBAC, "roles"): "Role",
    (_RBAC, "clusterroles"): "ClusterRole",
    (_RBAC, "rolebindings"): "RoleBinding",
    (_RBAC, "clusterrolebindings"): "ClusterRoleBinding",
}
"""Kinds of resources whose kind decides what is looked for in an object."""


def check_fit(door: str, request: Request) -> None:
    """Refuse a review that is not for this door. Raises MalformedReviewError."""
    sub = f"/{request.sub_resource}" if request.sub_resource else ""
    expected = _KINDS.get((request.resource.group, f"{request.resource.resource}{sub}"))
    if expected not in {None, request.kind.kind}:
        raise MalformedReviewError(f"the review calls a {expected} something else")
    if not sub and request.kind.group != request.resource.group:
        raise MalformedReviewError("the review's kind and resource are of different groups")
    fit = FITS.get(door)
    if fit is None:
        return
    asked = Fit(
        f"{request.resource.resource}{sub}", request.kind.kind, fit.operations, request.resource.group
    )
    if asked != fit or request.kind.group != fit.group:
        raise MalformedReviewError(f"this door is for {fit.resource}, and the review is about something else")
    if request.operation not in fit.operations:
        raise MalformedReviewError(f"this door is not for {request.operation.value}")
