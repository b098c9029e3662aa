"""Whether what an approval was asked for is still there to be done, and still what was shown."""

import hmac
from collections.abc import Callable
from typing import Any, Final

from webhook.admission.lookup import NotPermittedError, ObjectLookup, PodLookup
from webhook.approvals.asking import key_name, keyed_state
from webhook.approvals.objects import ApprovalRequest, Target
from webhook.approvals.subjects import stamped, state_of
from webhook.policy.decision import Operation

_CLUSTER: Final = frozenset(
    {
        "namespaces",
        "nodes",
        "persistentvolumes",
        "clusterroles.rbac.authorization.k8s.io",
        "clusterrolebindings.rbac.authorization.k8s.io",
        "guardpolicies.chaperone.dev",
        "customresourcedefinitions.apiextensions.k8s.io",
        "apiservices.apiregistration.k8s.io",
    }
)
"""Resources that are in no namespace."""


class Targets:
    """Looks at what approvals are asked for. ``key`` gives the server's secret for digests."""

    def __init__(self, pods: PodLookup, objects: ObjectLookup, key: Callable[[], bytes]) -> None:
        self._pods = pods
        self._objects = objects
        self._key = key

    async def change(self, ticket: ApprovalRequest) -> str:
        """Give why an approval could not be used any more, nothing when it could.

        Raises NotPermittedError where Chaperone has no right to look, ClusterError otherwise.
        """
        spec = ticket.spec
        if spec.operation is Operation.CONNECT:
            return await self._of_pod(ticket)
        if not spec.target.state:
            return ""
        if not spec.target.state.startswith(f"{key_name(self._key())}."):
            return "the key that binds approvals to what they were asked for has been replaced since"
        return await self._of_object(ticket)

    async def _of_pod(self, ticket: ApprovalRequest) -> str:
        target, namespace = ticket.spec.target, ticket.metadata.namespace
        if target.resource != "pods" or not target.uid:
            return ""
        _check_name(target)
        pod = await self._pods.find(namespace, target.name)
        if pod is None:
            return f"pod {namespace}/{target.name}, for which it was asked, is gone"
        if pod.metadata.uid != target.uid:
            return f"pod {namespace}/{target.name} was made anew since it was asked, and would be another"
        return ""

    async def _of_object(self, ticket: ApprovalRequest) -> str:
        target = ticket.spec.target
        resource, namespace = place(target, ticket.metadata.namespace)
        called = f"{resource} {namespace}/{target.name}" if namespace else f"{resource} {target.name}"
        _check_name(target)
        found = await self._objects.find(resource, namespace, target.name)
        if found is None:
            return f"{called}, for which it was asked, is gone"
        return self._difference(ticket, called, found)

    def _difference(self, ticket: ApprovalRequest, called: str, found: dict[str, Any]) -> str:
        target = ticket.spec.target
        if stamped(found, "uid") != target.uid:
            return f"{called} was made anew since it was asked, and would be another"
        state = keyed_state(state_of(ticket.spec.door, str(found.get("kind")), found), self._key())
        if hmac.compare_digest(state, target.state):
            return ""
        version = stamped(found, "resourceVersion")
        return (
            f"{called} has changed since it was asked, so that it is not what was shown any more"
            f" (resourceVersion {target.resource_version} then, {version} now)"
        )


def place(target: Target, namespace: str) -> tuple[str, str]:
    """Give the resource to look a target up by, and its namespace; the request is in ``namespace``.

    Of subresources only the scale is an object of its own.
    """
    resource, _, sub = target.resource.partition("/")
    looked_at = target.resource if sub == "scale" else resource
    return looked_at, "" if resource in _CLUSTER else namespace


def _check_name(target: Target) -> None:
    """Raise NotPermittedError where a name was masked: that of an object has no stars."""
    if "*" in target.name:
        raise NotPermittedError(
            f"the name of {target.resource} {target.name} holds card data and is not kept"
        )
