"""Whether what an approval was asked for is still there to be done."""

from collections.abc import Awaitable, Callable

from webhook.admission.lookup import PodLookup
from webhook.approvals.objects import ApprovalRequest
from webhook.policy.decision import Operation


def pod_targets(pods: PodLookup) -> Callable[[ApprovalRequest], Awaitable[str]]:
    """Give what tells that the pod of a session is gone or another; of other targets it says nothing."""

    async def changed(ticket: ApprovalRequest) -> str:
        target, namespace = ticket.spec.target, ticket.metadata.namespace
        if ticket.spec.operation is not Operation.CONNECT or target.resource != "pods" or not target.uid:
            return ""
        pod = await pods.find(namespace, target.name)
        if pod is None:
            return f"pod {namespace}/{target.name}, for which it was asked, is gone"
        if pod.metadata.uid != target.uid:
            return f"pod {namespace}/{target.name} was made anew since it was asked, and would be another"
        return ""

    return changed
