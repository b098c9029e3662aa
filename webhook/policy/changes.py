"""What of an object counts when it is changed: its values, template, rights or labels that guard.

Labels and annotations of a Secret, or the number of a Deployment's replicas, may change without anybody being
asked again. What decides about privileges and what others read does not; nor do labels of Chaperone's own
objects, by which Services find its pods.
"""

from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec

from webhook.policy.decision import Door

Json = dict[str, Any]
SERVER_SET: Final = frozenset(
    {"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink"}
)
LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_GUARDING: Final = ("chaperone.dev/", "pod-security.kubernetes.io/")
"""Labels of namespaces by which something guards them."""
_SECURITY: Final = (
    "container.apparmor.security.beta.kubernetes.io/",
    "seccomp.security.alpha.kubernetes.io/",
    "container.seccomp.security.alpha",
    "chaperone.dev/",
)
"""Annotations of pods that decide what they may do."""
_encoder = msgspec.json.Encoder(order="deterministic")
_ACCOUNT: Final = ("kubernetes.io/service-account.",)
"""Annotations of Secrets that have a token put into them."""


def plain(found: Json) -> Json:
    """Give an object without what servers set, its status, and kubectl's copy of it."""
    metadata = {key: value for key, value in part(found, "metadata").items() if key not in SERVER_SET}
    annotations = {k: v for k, v in part(metadata, "annotations").items() if k != LAST_APPLIED}
    metadata.pop("annotations", None)
    if annotations:
        metadata["annotations"] = annotations
    return {**{key: value for key, value in found.items() if key != "status"}, "metadata": metadata}


def notes(found: Json) -> Json:
    """Give what people write into an object's metadata: its name, labels and annotations among it.

    kubectl's copy of the object is an annotation, too. Owners are left out: they have names of their own.
    """
    written = part(found, "metadata")
    return {key: value for key, value in written.items() if key not in SERVER_SET | {"ownerReferences"}}


def substance(door: Door, kind: str, found: Json) -> Json:
    """Give what of an object counts."""
    match door:
        case Door.POD:
            return _of_pod(found)
        case Door.WORKLOAD:
            return _of_pod(template(kind, found))
        case Door.NAMESPACE:
            labels = part(part(found, "metadata"), "labels")
            return {"labels": {key: value for key, value in labels.items() if key.startswith(_GUARDING)}}
        case Door.RBAC | Door.NODE | Door.CHAPERONE:
            return {**_without_notes(found), "labels": part(part(found, "metadata"), "labels")}
        case _:
            return _without_notes(found)


def template(kind: str, found: Json) -> Json:
    """Give the template of a workload's pods, empty where there is none."""
    match kind:
        case "PodTemplate":
            return part(found, "template")
        case "CronJob":
            return part(part(part(part(found, "spec"), "jobTemplate"), "spec"), "template")
        case "ControllerRevision":
            return part(part(part(found, "data"), "spec"), "template")
        case _:
            return part(part(found, "spec"), "template")


def part(found: Mapping[str, Any], key: str) -> Json:
    """Give a part that is an object, empty where it is absent, null or something else."""
    value: object = found.get(key)
    return cast("Json", value) if isinstance(value, dict) else {}


def changes(before: Json, after: Json) -> Json:
    """Give what makes one object of another, whatever else is in both: no two changes of one are the same.

    By key: ``to`` with the new value, ``gone``, or ``within`` with what changes in a part that stays.
    """
    found: Json = {key: {"gone": True} for key in before if key not in after}
    for key, value in after.items():
        old: Any = before.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            inner = changes(cast("Json", old), cast("Json", value))
            found |= {key: {"within": inner}} if inner else {}
        elif key not in before or not _is_same(old, value):
            found[key] = {"to": value}
    return found


def _is_same(one: Any, other: Any) -> bool:
    """Tell whether two values are the same in JSON, where 1 is not true."""
    return one == other and _encoder.encode(one) == _encoder.encode(other)


def _of_pod(pod: Json) -> Json:
    annotations = part(part(pod, "metadata"), "annotations")
    kept = {key: value for key, value in annotations.items() if key.startswith(_SECURITY)}
    return {"spec": pod.get("spec"), "annotations": kept}


def _without_notes(found: Json) -> Json:
    """Give an object without labels, and without annotations but those that have tokens put into it."""
    bare = plain(found)
    metadata = dict(bare["metadata"])
    annotations = part(metadata, "annotations")
    metadata.pop("labels", None)
    metadata["annotations"] = {key: value for key, value in annotations.items() if key.startswith(_ACCOUNT)}
    return {**bare, "metadata": metadata}
