"""One try at every door of the CRD that the default pack guards, and what audit mode says of it."""

import json
from dataclasses import dataclass
from typing import Any, Final

from changes import deployment, secret
from kube import NAMESPACE, SYSTEM, Object
from pods import container, pod

_DRY: Final = "--dry-run=server"
_PRIVILEGED: Final = "approve by pci-dss/privileged-pod"
_RIGHTS: Final = "approve by pci-dss/rights"
_UNRECORDED: Final = "approve by pci-dss/unrecorded-connection"
_GUARD: Final = "approve by pci-dss/the-guard-itself"
_SECRET: Final = "approve by pci-dss/secret-values"
_NAMESPACED: Final = "approve by pci-dss/guarded-namespace"


@dataclass(frozen=True)
class Try:
    """What somebody tries, and the one audit event there must be of it."""

    what: str
    door: str
    would: str
    about: tuple[str, str]
    """Resource and name."""
    command: tuple[str, ...]
    stdin: bytes | None = None
    may_fail: bool = False
    """Whether the thing behind the door has nothing to give: nobody listens at the port."""


def tries(name: str, place: str, node: str) -> list[Try]:
    """Give the tries of who has all rights; ``place`` is a pod that runs, ``node`` a node.

    What would change more than an object called ``name`` is tried as a dry run, which is judged and told
    like any other.
    """
    return [
        *(_workload(kind, name) for kind in _TEMPLATES),
        *_values(name),
        *_rights(name),
        _volume(name),
        *_connections(place, node),
        *_guard(name),
    ]


def _created(what: str, door: str, would: str, resource: str, body: Object | bytes) -> Try:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    name = json.loads(sent)["metadata"]["name"]
    return Try(what, door, would, (resource, name), ("create", "-f", "-", _DRY), stdin=sent)


_TEMPLATES: Final = {
    "Pod": ("v1", "pods"),
    "Deployment": ("apps/v1", "deployments.apps"),
    "StatefulSet": ("apps/v1", "statefulsets.apps"),
    "DaemonSet": ("apps/v1", "daemonsets.apps"),
    "ReplicaSet": ("apps/v1", "replicasets.apps"),
    "ControllerRevision": ("apps/v1", "controllerrevisions.apps"),
    "ReplicationController": ("v1", "replicationcontrollers"),
    "PodTemplate": ("v1", "podtemplates"),
    "Job": ("batch/v1", "jobs.batch"),
    "CronJob": ("batch/v1", "cronjobs.batch"),
}


def _workload(kind: str, name: str) -> Try:
    """Give the creation of something whose pods share the node's processes."""
    version, resource = _TEMPLATES[kind]
    mighty = deployment(name, hostPID=True)
    metadata, spec = mighty["metadata"], mighty["spec"]
    template: Object = spec["template"]
    body: dict[str, Any] = {"apiVersion": version, "kind": kind, "metadata": metadata}
    job: Object = {"template": {"spec": {**template["spec"], "restartPolicy": "Never"}}}
    match kind:
        case "Pod":
            body = pod(name, container(), hostPID=True)
        case "PodTemplate":
            body["template"] = template
        case "ControllerRevision":
            body |= {"revision": 1, "data": {"spec": {"template": template}}}
        case "Job":
            body["spec"] = job
        case "CronJob":
            body["spec"] = {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": job}}
        case "ReplicationController":
            body["spec"] = {"replicas": 1, "selector": {"app": name}, "template": template}
        case _:
            body["spec"] = {key: value for key, value in spec.items() if key != "replicas"}
            body["spec"] |= {"serviceName": name} if kind == "StatefulSet" else {}
    return _created(f"a {kind}", "pod" if kind == "Pod" else "workload", _PRIVILEGED, resource, body)


def _values(name: str) -> list[Try]:
    at, kept = ("-n", NAMESPACE), f"{name}-kept"
    patch = ("patch", "secret", kept, *at, "--type=merge", "-p", '{"stringData":{"a":"c"}}')
    card = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": name, "namespace": NAMESPACE}}
    token = ("create", "token", "default", *at)
    return [
        _created("a Secret", "secret", _SECRET, "secrets", secret(name, a="b")),
        Try("a Secret's value", "secret", _SECRET, ("secrets", kept), patch),
        Try("a Secret's end", "secret", _SECRET, ("secrets", kept), ("delete", "secret", kept, *at)),
        _created(
            "card data",
            "configmap",
            "approve by pci-dss/card-data",
            "configmaps",
            {**card, "data": {"note": "pay 4111 1111 1111 1111"}},
        ),
        Try(
            "a token",
            "service-account-token",
            "approve by pci-dss/tokens",
            ("serviceaccounts/token", "default"),
            token,
        ),
    ]


def _rights(name: str) -> list[Try]:
    at = ("-n", NAMESPACE, _DRY)
    role = ("--verb=get", "--resource=secrets")
    tried = (
        ("role", (*role, *at), "roles"),
        ("rolebinding", ("--clusterrole=edit", "--user=x", *at), "rolebindings"),
        ("clusterrole", (*role, _DRY), "clusterroles"),
        ("clusterrolebinding", ("--clusterrole=cluster-admin", "--user=x", _DRY), "clusterrolebindings"),
    )
    return [
        Try(
            f"a {kind}",
            "rbac",
            _RIGHTS,
            (f"{plural}.rbac.authorization.k8s.io", name),
            ("create", kind, name, *options),
        )
        for kind, options, plural in tried
    ]


def _volume(name: str) -> Try:
    """Give the creation of a volume that is a directory of a node."""
    spec = {"capacity": {"storage": "1Mi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/etc"}}
    body = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec}
    would = "approve by pci-dss/volume-on-a-node"
    return _created("a volume", "persistent-volume", would, "persistentvolumes", body)


def _connections(place: str, node: str) -> list[Try]:
    path = f"/api/v1/namespaces/{NAMESPACE}"
    proxies = (
        ("pods/proxy", f"{place}:9", f"{path}/pods/{place}:9/proxy/x"),
        ("services/proxy", "nothing:9", f"{path}/services/nothing:9/proxy/x"),
        ("nodes/proxy", node, f"/api/v1/nodes/{node}/proxy/pods"),
    )
    return [
        Try(
            f"a connection to {what}",
            "proxy",
            _UNRECORDED,
            (what, name),
            ("get", "--raw", raw),
            may_fail=True,
        )
        for what, name, raw in proxies
    ]


def _guard(name: str) -> list[Try]:
    rules = [{"name": "r", "action": "audit", "match": {"doors": ["exec"]}}]
    policy = {"apiVersion": "chaperone.dev/v1alpha1", "kind": "GuardPolicy", "metadata": {"name": name}}
    unlabel = '{"metadata":{"labels":{"chaperone.dev/guard":null}}}'
    ours = ("-n", SYSTEM, "deployment/chaperone-collector")
    patch = ("patch", "namespace", NAMESPACE, "--type=merge", "-p", unlabel, _DRY)
    end = ("delete", "namespace", NAMESPACE, "--wait=false", _DRY)
    crd = "guardpolicies.chaperone.dev"
    return [
        Try("a namespace's guard", "namespace", _NAMESPACED, ("namespaces", NAMESPACE), patch),
        Try("a namespace's end", "namespace", _NAMESPACED, ("namespaces", NAMESPACE), end),
        _created(
            "a policy",
            "chaperone",
            _GUARD,
            "guardpolicies.chaperone.dev",
            {**policy, "spec": {"rules": rules}},
        ),
        Try(
            "our Deployment",
            "chaperone",
            _GUARD,
            ("deployments.apps", "chaperone-collector"),
            ("set", "env", *ours, "A=b", _DRY),
        ),
        Try(
            "our definition",
            "chaperone",
            _GUARD,
            ("customresourcedefinitions.apiextensions.k8s.io", crd),
            ("delete", "crd", crd, _DRY),
        ),
        Try(
            "our role",
            "chaperone",
            _GUARD,
            ("clusterroles.rbac.authorization.k8s.io", "chaperone-admission"),
            ("delete", "clusterrole", "chaperone-admission", _DRY),
        ),
    ]
