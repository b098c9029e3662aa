"""Who keeps the cluster running, and what they may do without anybody being asked.

The API server authenticates user names, so nobody else can bear one of these. Source: the names of the
controllers, https://kubernetes.io/docs/reference/access-authn-authz/rbac/#controller-roles.
"""

from typing import Final

import msgspec

from webhook.accounts import user_of
from webhook.admission.pods import OwnerReference, Pod
from webhook.admission.review import Request, UserInfo, decode_object
from webhook.policy.decision import Operation

_COMPONENTS: Final = frozenset(
    {"system:apiserver", "system:kube-controller-manager", "system:kube-scheduler"}
)
_SYSTEM: Final = "kube-system"
_ACCOUNTS: Final = user_of(_SYSTEM, "")
_NODE: Final = "system:node:"
_NODES: Final = "system:nodes"
_CONTROLLERS: Final = {
    f"{_ACCOUNTS}replicaset-controller": ("apps/", "ReplicaSet"),
    f"{_ACCOUNTS}statefulset-controller": ("apps/", "StatefulSet"),
    f"{_ACCOUNTS}daemon-set-controller": ("apps/", "DaemonSet"),
    f"{_ACCOUNTS}job-controller": ("batch/", "Job"),
    f"{_ACCOUNTS}replication-controller": ("v1", "ReplicationController"),
}
"""What the controllers that make pods make them for."""
_SHARED: Final = "system:kube-controller-manager"
"""All controllers, where they share one credential."""
_TOKEN_TYPE: Final = "kubernetes.io/service-account-token"  # noqa: S105  the name of a type


class _Typed(msgspec.Struct, frozen=True):
    type: str | None = None


_typed = msgspec.json.Decoder(_Typed | None)


def is_system(user: UserInfo) -> bool:
    """Tell whether somebody is a part of the cluster itself, which is never held up."""
    name = user.username
    if name.startswith(_NODE):
        return _NODES in (user.groups or ())
    return name in _COMPONENTS or name.startswith(_ACCOUNTS)


def is_made_from_template(user: UserInfo, pod: Pod) -> bool:
    """Tell whether a controller of the cluster makes a pod for the workload whose template it has.

    Templates are judged when the workload is made and changed, so its pods need not be.
    """
    owners = [owner for owner in pod.metadata.owner_references or () if owner.controller]
    if len(owners) != 1:
        return False
    if user.username == _SHARED:
        return any(_fits(owners[0], wanted) for wanted in _CONTROLLERS.values())
    wanted = _CONTROLLERS.get(user.username)
    return wanted is not None and _fits(owners[0], wanted)


def is_for_itself(request: Request) -> bool:
    """Tell whether a service account asks for a token of its own."""
    account = user_of(request.namespace, request.name)
    return request.sub_resource == "token" and request.user_info.username == account


def is_system_token(request: Request) -> bool:
    """Tell whether somebody wants a token of an account of ``kube-system``, whose bearer is never held up.

    By asking for one, or by a Secret that one is put into. Raises MalformedReviewError.
    """
    if request.namespace != _SYSTEM or request.resource.group:
        return False
    if (request.resource.resource, request.sub_resource) == ("serviceaccounts", "token"):
        return True
    is_secret = request.resource.resource == "secrets" and request.operation is not Operation.DELETE
    return is_secret and (decode_object(request.object, _typed) or _Typed()).type == _TOKEN_TYPE


def _fits(owner: OwnerReference, wanted: tuple[str, str]) -> bool:
    group, kind = wanted
    return owner.kind == kind and owner.api_version.startswith(group)
