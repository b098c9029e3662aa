"""The templates that a controller may have made a pod from, found through the API server."""

from collections.abc import AsyncIterator
from typing import Any, Final, cast

from sidecar.contract.errors import ClusterError
from webhook.admission.lookup import ObjectLookup
from webhook.admission.pods import OwnerReference, Pod
from webhook.approvals.subjects import stamped
from webhook.policy.changes import part, template

Json = dict[str, Any]
_RESOURCES: Final = {
    "ReplicaSet": "replicasets.apps",
    "StatefulSet": "statefulsets.apps",
    "DaemonSet": "daemonsets.apps",
    "Job": "jobs.batch",
    "ReplicationController": "replicationcontrollers",
}
_REVISIONS: Final = "controllerrevisions.apps"
_HASH: Final = "controller-revision-hash"
"""Label of pods of StatefulSets and DaemonSets that says which revision of the template they have."""


class Templates:
    """Finds templates."""

    def __init__(self, objects: ObjectLookup) -> None:
        self._objects = objects

    async def of(self, namespace: str, pod: Pod) -> AsyncIterator[Json]:
        """Give the template of the pod's owner as it is, then an earlier one where the pod is made from that.

        A StatefulSet that is rolled out makes pods anew from the template before. Raises ClusterError, also
        when the owner is not there.
        """
        owner = next(one for one in pod.metadata.owner_references or () if one.controller)
        yield template(owner.kind, await self._find(_RESOURCES[owner.kind], namespace, owner.name, owner.uid))
        revision = _revision(owner, pod)
        if not revision:
            return
        found = await self._objects.find(_REVISIONS, namespace, revision)
        if found is not None and _is_of(found, owner):
            yield template("ControllerRevision", found)

    async def _find(self, resource: str, namespace: str, name: str, uid: str) -> Json:
        found = await self._objects.find(resource, namespace, name)
        if found is None or stamped(found, "uid") != uid:
            raise ClusterError(
                f"{resource} {namespace}/{name}, which the pod says it is made for, is not there"
            )
        return found


def _revision(owner: OwnerReference, pod: Pod) -> str:
    """Give the name of the ControllerRevision that a pod names; nothing where it names none."""
    named = (pod.metadata.labels or {}).get(_HASH, "")
    if not named or owner.kind not in {"StatefulSet", "DaemonSet"}:
        return ""
    return f"{owner.name}-{named}" if owner.kind == "DaemonSet" else named


def _is_of(found: Json, owner: OwnerReference) -> bool:
    references = cast("list[Json]", part(found, "metadata").get("ownerReferences") or [])
    return any(one.get("uid") == owner.uid and one.get("controller") is True for one in references)
