"""The exact command that creates a pod anew, for messages."""

from webhook.admission.pods import OwnerReference, Pod

_RESTARTED_BY_ROLLOUT = frozenset({"StatefulSet", "DaemonSet"})


def recreate(pod: Pod, namespace: str) -> str:
    """Give the command, or the words where there is none, that replaces a pod by a new one."""
    owner = _controller(pod)
    if owner is None:
        return f"delete the pod and create it again (kubectl delete pod {pod.metadata.name} -n {namespace})"
    if owner.kind == "ReplicaSet":
        return f"kubectl rollout restart deployment/{_deployment(pod, owner)} -n {namespace}"
    if owner.kind in _RESTARTED_BY_ROLLOUT:
        return f"kubectl rollout restart {owner.kind.lower()}/{owner.name} -n {namespace}"
    return (
        f"kubectl delete pod {pod.metadata.name} -n {namespace} (its {owner.kind} {owner.name} replaces it)"
    )


def _controller(pod: Pod) -> OwnerReference | None:
    owners = pod.metadata.owner_references or ()
    return next((owner for owner in owners if owner.controller), None)


def _deployment(pod: Pod, owner: OwnerReference) -> str:
    labels = pod.metadata.labels or {}
    suffix = "-" + labels["pod-template-hash"] if "pod-template-hash" in labels else ""
    return owner.name.removesuffix(suffix)
