"""What must be asked of somebody before an object is changed or a connection made, worked out anew.

Nobody approves anything here, so none of it may be let through. Only what is plain is looked for: the pack
may want more approved than this knows of.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, cast

from fuzzing.admission_values import PANS

if TYPE_CHECKING:
    from collections.abc import Iterator

Object = dict[str, Any]
OWN: Final = "chaperone-system"
_COMPONENTS: Final = frozenset(
    {"system:apiserver", "system:kube-controller-manager", "system:kube-scheduler"}
)
_OURS: Final = frozenset(
    {f"system:serviceaccount:{OWN}:chaperone-{role}" for role in ("admission", "collector")}
)
_OPERATORS: Final = "chaperone-operators"
_FIGURES: Final = frozenset(
    {"healthz", "metrics", "metrics/cadvisor", "metrics/probes", "metrics/resource", "stats/summary"}
)
_WORKLOADS: Final = frozenset(
    {"deployments", "statefulsets", "daemonsets", "replicasets", "jobs", "cronjobs", "replicationcontrollers"}
    | {"podtemplates", "controllerrevisions"}
)


def is_system(user: Object) -> bool:
    """Tell whether somebody is a part of the cluster, which is never held up."""
    name = user.get("username") or ""
    if name.startswith("system:node:"):
        return "system:nodes" in _words(user, "groups")
    return name in _COMPONENTS or name.startswith("system:serviceaccount:kube-system:")


def connection_complaint(request: Object, patch: list[Object]) -> str:
    """Give why a connection may not be made, nothing when it may."""
    if patch:
        return "it was changed"
    if request["operation"] != "CONNECT":
        return "it is no connection"
    if is_system(request["userInfo"]):
        return ""
    if request.get("namespace") == OWN and _is_operator(request):
        return ""
    options = _part(request, "object")
    path = (options.get("path") or "").lstrip("/")
    figures = not request.get("namespace") and request.get("subResource") == "proxy" and path in _FIGURES
    return "" if figures else "what flows through it is not recorded, and nobody approved it"


def object_complaint(request: Object, patch: list[Object]) -> str:
    """Give why an object may not be changed, nothing when it may or more is not known."""
    user, namespace = request["userInfo"], request.get("namespace") or ""
    if patch:
        return "it was changed"
    is_exempt = namespace == "kube-system" and request.get("subResource") != "token"
    if user.get("username") in _OURS or is_system(user) or is_exempt:
        return ""
    if request["operation"] == "CONNECT":
        return "that is no change of an object"
    if _is_same(request):
        return ""
    if _is_ours(request):
        return (
            ""
            if _is_operator(request) or _is_note(request)
            else "it changes Chaperone, and nobody approved it"
        )
    return _about(request, _part(request, "resource").get("resource") or "")


def _about(request: Object, resource: str) -> str:
    new, old, sub = _part(request, "object"), _part(request, "oldObject"), request.get("subResource") or ""
    whole = request["operation"] in {"CREATE", "DELETE"}
    group = _group(request)
    if sub == "token":
        account = f"system:serviceaccount:{request.get('namespace') or ''}:{request.get('name') or ''}"
        return "" if request["userInfo"].get("username") == account else "a token was given out"
    if group == "" and resource == "secrets" and not sub:
        same = not whole and all(new.get(key) == old.get(key) for key in ("data", "stringData", "type"))
        return "" if same else "a Secret's values were changed"
    if group == "" and resource == "configmaps" and not sub and request["operation"] != "DELETE":
        cards = any(pan in json.dumps(new.get("data")) for pan in PANS) and new.get("data") != old.get("data")
        return "card data was put into a ConfigMap" if cards else ""
    if resource in _WORKLOADS | {"pods"} and request["operation"] != "DELETE":
        before = _pods_of(resource, old) if request["operation"] == "UPDATE" else {}
        grown = set(_reaching(_pods_of(resource, new))) - set(_reaching(before))
        return f"pods that reach beyond themselves ({sorted(grown)}) were let in" if grown and not sub else ""
    if group == "rbac.authorization.k8s.io" and request["operation"] != "DELETE":
        gives = _is_mighty(resource, new) and not _is_mighty(resource, old)
        return "rights that lead past the guard were given" if gives else ""
    if group == "" and resource == "persistentvolumes" and request["operation"] == "CREATE":
        on_node = any(isinstance(_part(new, "spec").get(key), dict) for key in ("hostPath", "local"))
        return "a volume of a path on a node was made" if on_node and not sub else ""
    if group == "" and resource == "namespaces":
        return _of_namespace(request, new, old)
    return ""


def _of_namespace(request: Object, new: Object, old: Object) -> str:
    guard = "chaperone.dev/guard"
    before, after = (_part(_part(found, "metadata"), "labels").get(guard) for found in (old, new))
    if before != "enabled":
        return ""
    lost = request["operation"] == "DELETE" or after != "enabled"
    return "a namespace lost its guard" if lost else ""


def _pods_of(resource: str, found: Object) -> Object:
    """Give what an object says of pods."""
    if resource == "pods":
        return found
    holder = _part(found, "data") if resource == "controllerrevisions" else found
    inside = _part(holder, "spec")
    if resource == "cronjobs":
        inside = _part(_part(inside, "jobTemplate"), "spec")
    return _part(found if resource == "podtemplates" else inside, "template")


def _reaching(pod: Object) -> Iterator[str]:
    """Give what makes a pod reach beyond itself."""
    spec = _part(pod, "spec")
    yield from (key for key in ("hostPID", "hostIPC", "hostNetwork") if spec.get(key) is True)
    if any(isinstance(volume.get("hostPath"), dict) for volume in _objects(spec, "volumes")):
        yield "hostPath"
    for container in _objects(spec, "containers"):
        if _part(container, "securityContext").get("privileged") is True:
            yield "privileged"


def _objects(found: Object, key: str) -> list[Object]:
    listed: list[Any] = found.get(key) or []
    return [cast("Object", one) for one in listed if isinstance(one, dict)]


def _is_mighty(resource: str, found: Object) -> bool:
    """Tell whether an object plainly gives rights past the guard: anything at all, or reading Secrets."""
    if resource in {"rolebindings", "clusterrolebindings"}:
        return _part(found, "roleRef").get("name") == "cluster-admin" and bool(found.get("subjects"))
    if resource not in {"roles", "clusterroles"}:
        return False
    rules: list[Object] = found.get("rules") or []
    return any(_reads_secrets(rule) for rule in rules)


def _reads_secrets(rule: Object) -> bool:
    wanted = (("verbs", {"*", "get"}), ("resources", {"*", "secrets"}), ("apiGroups", {"*", ""}))
    return not rule.get("resourceNames") and all(_words(rule, key) & words for key, words in wanted)


def _words(found: Object, key: str) -> set[str]:
    words: list[str] = found.get(key) or []
    return set(words)


def _is_same(request: Object) -> bool:
    new, old = _part(request, "object"), _part(request, "oldObject")
    if request["operation"] != "UPDATE" or not new or _bare(new) != _bare(old):
        return False
    return not _is_ours(request) or _labels(new) == _labels(old)


def _labels(found: Object) -> Object:
    return _part(_part(found, "metadata"), "labels")


def _bare(found: Object) -> Object:
    server = {"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink"}
    metadata = {
        key: value for key, value in _part(found, "metadata").items() if key not in server | {"labels"}
    }
    metadata.pop("annotations", None)
    return {**{key: value for key, value in found.items() if key != "status"}, "metadata": metadata}


def _is_ours(request: Object) -> bool:
    """Tell whether it is about Chaperone itself. Of its cluster roles, only that they are removed."""
    if request.get("namespace") == OWN or _group(request) == "chaperone.dev":
        return True
    name = request.get("name") or _part(_part(request, "oldObject"), "metadata").get("name") or ""
    removal = request["operation"] == "DELETE" and _group(request) == "rbac.authorization.k8s.io"
    return removal and not request.get("namespace") and str(name).startswith("chaperone-")


def _is_operator(request: Object) -> bool:
    return _OPERATORS in _words(request["userInfo"], "groups")


def _is_note(request: Object) -> bool:
    """Tell whether it may be the end of Chaperone's first installation, as Helm notes it."""
    is_first = request.get("name") == "sh.helm.release.v1.chaperone.v1"
    return is_first and request["operation"] == "UPDATE"


def _group(request: Object) -> str:
    return _part(request, "resource").get("group") or ""


def _part(found: Object, key: str) -> Object:
    value = found.get(key)
    return cast("Object", value) if isinstance(value, dict) else {}
