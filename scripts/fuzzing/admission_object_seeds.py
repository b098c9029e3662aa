"""Reviews of objects' changes and of connections, as API servers send them."""

from __future__ import annotations

from typing import Any, Final

from fuzzing.admission_values import DAVE, ENCODED, METADATA, PANS, SECRET, Object, review

_PASSWORD: Final = {"password": ENCODED}
_CARD: Final = {"order": f"card {PANS[2]}"}
_GUARDED: Final = {"chaperone.dev/guard": "enabled", "kubernetes.io/metadata.name": "payments"}
_OPERATOR: Final = {"username": "olga", "groups": ["chaperone-operators"]}
_CONTROLLER: Final = {"username": "system:serviceaccount:kube-system:deployment-controller"}


def object_seeds() -> list[Object]:
    """Give changes of every kind of object that policies guard."""
    return [*_values(), *_workloads(), *_rights(), *_cluster(), *_ours()]


def connection_seeds() -> list[Object]:
    """Give connections of every kind."""
    ports: Object = {"kind": "PodPortForwardOptions", "apiVersion": "v1", "ports": [5432]}
    path: Object = {"kind": "PodProxyOptions", "apiVersion": "v1", "path": f"/orders?card={PANS[0]}"}
    figures: Object = {"kind": "NodeProxyOptions", "apiVersion": "v1", "path": "metrics/cadvisor"}
    way_around: Object = {**figures, "path": f"run/payments/web/app?cmd={SECRET}"}
    shell: Object = {"kind": "PodExecOptions", "apiVersion": "v1", "command": ["cat", "/keys", PANS[1]]}
    return [
        _connect("pods", "PodPortForwardOptions", "portforward", ports),
        _connect("pods", "PodPortForwardOptions", "portforward", ports, userInfo=DAVE),
        _connect("pods", "PodProxyOptions", "proxy", path, name="web:8080"),
        _connect("services", "ServiceProxyOptions", "proxy", {**path, "kind": "ServiceProxyOptions"}),
        _connect("nodes", "NodeProxyOptions", "proxy", figures, namespace="", name="node-1"),
        _connect("nodes", "NodeProxyOptions", "proxy", way_around, namespace="", name="node-1"),
        _connect("pods", "PodExecOptions", "exec", shell, namespace="chaperone-system"),
    ]


def _connect(resource: str, kind: str, sub: str, options: Object, **fields: Any) -> Object:
    return review(resource, kind, "CONNECT", options, sub=sub, **fields)


def _object(kind: str, api: str = "v1", **more: Any) -> Object:
    return {"apiVersion": api, "kind": kind, "metadata": METADATA, **more}


def _values() -> list[Object]:
    secret, empty = _object("Secret", data=_PASSWORD), _object("Secret", data={})
    labelled = {**secret, "metadata": {**METADATA, "labels": {"team": "a"}}}
    settings, cards = _object("ConfigMap", data={"mode": "fast"}), _object("ConfigMap", data=_CARD)
    return [
        review("secrets", "Secret", "CREATE", secret),
        review("secrets", "Secret", "UPDATE", secret, oldObject=empty),
        review("secrets", "Secret", "UPDATE", labelled, oldObject=secret),
        review("secrets", "Secret", "DELETE", None, oldObject=secret),
        review("secrets", "Secret", "CREATE", secret, userInfo=_CONTROLLER),
        review("secrets", "Secret", "CREATE", secret, userInfo=DAVE),
        review("secrets", "Secret", "DELETE", None, oldObject=secret, userInfo=DAVE),
        review("configmaps", "ConfigMap", "CREATE", settings),
        review("configmaps", "ConfigMap", "CREATE", cards),
        review("configmaps", "ConfigMap", "UPDATE", cards, oldObject=settings),
    ]


def _workloads() -> list[Object]:
    container = {"name": "app", "image": "app:1", "env": [{"name": "KEY", "value": SECRET}]}
    root = {**container, "securityContext": {"privileged": True}}
    apps: Object = {"group": "apps"}

    def deployment(one: Object, **spec: Any) -> Object:
        template = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [one], **spec}}
        return _object("Deployment", "apps/v1", spec={"replicas": 1, "template": template})

    job = _object("Job", "batch/v1", spec={"template": {"spec": {"containers": [root]}}})
    pod = _object("Pod", spec={"containers": [container], "hostPID": True})
    return [
        review("deployments", "Deployment", "CREATE", deployment(container), **apps),
        review("deployments", "Deployment", "CREATE", deployment(root), **apps),
        review("deployments", "Deployment", "CREATE", deployment(container, hostNetwork=True), **apps),
        review(
            "deployments",
            "Deployment",
            "UPDATE",
            deployment(container, volumes=[{"name": "h", "hostPath": {"path": "/"}}]),
            oldObject=deployment(container),
            **apps,
        ),
        review("jobs", "Job", "CREATE", job, group="batch"),
        review("pods", "Pod", "UPDATE", pod, oldObject=_object("Pod", spec={"containers": [container]})),
    ]


def _rights() -> list[Object]:
    rbac: Object = {"group": "rbac.authorization.k8s.io"}
    api = "rbac.authorization.k8s.io/v1"

    def role(*verbs: str, resource: str) -> Object:
        rules = [{"apiGroups": [""], "resources": [resource], "verbs": list(verbs)}]
        return _object("Role", api, rules=rules)

    def binding(name: str) -> Object:
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
        return _object("RoleBinding", api, roleRef=reference, subjects=[{"kind": "User", "name": "x"}])

    token: Object = {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "spec": {}}
    asked: Object = {"group": "authentication.k8s.io", "version": "v1", "kind": "TokenRequest"}
    itself = {"username": "system:serviceaccount:payments:shop"}
    return [
        review("roles", "Role", "CREATE", role("get", resource="pods"), **rbac),
        review("roles", "Role", "CREATE", role("get", resource="secrets"), **rbac),
        review("roles", "Role", "CREATE", role("*", resource="*"), **rbac),
        review("rolebindings", "RoleBinding", "CREATE", binding("view"), **rbac),
        review("rolebindings", "RoleBinding", "CREATE", binding("cluster-admin"), **rbac),
        review("rolebindings", "RoleBinding", "CREATE", binding("nobody-knows"), **rbac),
        review("serviceaccounts", "", "CREATE", token, sub="token", name="shop", kind=asked),
        review("serviceaccounts", "", "CREATE", token, sub="token", name="shop", kind=asked, userInfo=itself),
    ]


def _cluster() -> list[Object]:
    guarded: Object = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "payments", "labels": _GUARDED},
    }
    bare: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "payments", "labels": {}}}
    here: Object = {"name": "payments", "namespace": "payments"}
    return [
        review("namespaces", "Namespace", "UPDATE", bare, oldObject=guarded, **here),
        review("namespaces", "Namespace", "UPDATE", guarded, oldObject=guarded, **here),
        review("namespaces", "Namespace", "DELETE", None, oldObject=guarded, **here),
    ]


def _ours() -> list[Object]:
    policy = _object("GuardPolicy", "chaperone.dev/v1alpha1", spec={"rules": []})
    there: Object = {"namespace": "chaperone-system", "name": "chaperone-root"}
    group: Object = {"group": "chaperone.dev", "version": "v1alpha1", "namespace": ""}
    secret = _object("Secret", data=_PASSWORD)
    return [
        review("guardpolicies", "GuardPolicy", "CREATE", policy, **group),
        review("guardpolicies", "GuardPolicy", "DELETE", None, oldObject=policy, **group),
        review("guardpolicies", "GuardPolicy", "CREATE", policy, userInfo=_OPERATOR, **group),
        review("secrets", "Secret", "UPDATE", secret, oldObject=_object("Secret", data={}), **there),
        review("secrets", "Secret", "DELETE", None, oldObject=secret, **there),
    ]
