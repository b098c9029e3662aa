"""Reviews as API servers send them, for every door: what mutations begin with.

Where a value is no name, secrets and card numbers are planted that nobody may ever be shown.
"""

from __future__ import annotations

import base64
import copy
from typing import Any, Final

Object = dict[str, Any]
PANS: Final = ("4111111111111111", "5555555555554444", "378282246310005")
"""Published test numbers of the card schemes."""
SECRET: Final = "s3cr3t-of-the-fuzzer"
ENCODED: Final = base64.b64encode(SECRET.encode()).decode()
PLANTED: Final = (*PANS, SECRET, ENCODED)
_ALICE: Final = {"username": "alice", "uid": "u-1", "groups": ["agents"], "extra": {"iss": ["https://idp"]}}
_CAROL: Final = {"username": "carol", "uid": "u-3", "groups": ["approvers"]}
_OURS: Final[Object] = {"group": "chaperone.dev", "version": "v1alpha1"}
_METADATA: Final = {"name": "app", "namespace": "payments", "annotations": {"note": f"{SECRET} {PANS[0]}"}}


def seeds() -> dict[str, list[Object]]:
    """Give reviews by the door they are for; every door has some."""
    return {
        "exec": _execs(),
        "attach": [_session("attach", {"stdin": True, "container": "app"})],
        "ephemeralcontainers": [_debug()],
        "pods": _pods(),
        "guardpolicies": _policies(),
        "approvalrequests": _approvals(),
    }


def _review(
    resource: str,
    kind: str,
    operation: str,
    obj: object,
    *,
    group: str = "",
    version: str = "v1",
    sub: str = "",
    **fields: Any,
) -> Object:
    kinds = {"group": group, "version": version, "kind": kind}
    resources = {"group": group, "version": version, "resource": resource}
    request: Object = {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
        "kind": kinds,
        "resource": resources,
        "requestKind": kinds,
        "requestResource": resources,
        "name": "web",
        "namespace": "payments",
        "operation": operation,
        "userInfo": _ALICE,
        "object": obj,
        "oldObject": None,
        "dryRun": False,
        "options": None,
    }
    if sub:
        request |= {"subResource": sub, "requestSubResource": sub}
    request |= fields
    return copy.deepcopy({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request})


def _session(sub: str, options: Object, **fields: Any) -> Object:
    kind = "PodExecOptions" if sub == "exec" else "PodAttachOptions"
    obj = {"kind": kind, "apiVersion": "v1", "stdout": True, "stderr": True, **options}
    return _review("pods", kind, "CONNECT", obj, sub=sub, **fields)


def _execs() -> list[Object]:
    return [
        _session("exec", {"command": ["cat", f"/data/{SECRET}", PANS[0]], "container": "app"}),
        _session("exec", {"command": ["ls", "-la"], "tty": True, "stdin": True}),
        _session("exec", {"command": ["head", "-n1", "/x"], "container": "side"}, name="two"),
        _session("exec", {"command": ["pay", PANS[1], SECRET], "container": "app"}),
        _session("exec", {"command": ["sh"], "stdin": True, "tty": True}, dryRun=True),
        _session("exec", {"command": ["cat", "/run/secrets/token"]}),
        *(_session("exec", {"command": ["ls"]}, name=name) for name in _ODD_PODS),
    ]


_ODD_PODS: Final = ("plain", "down", "mighty", "unreachable", "nobody")


def _debug() -> Object:
    pod = _pod({"ephemeralContainers": [{"name": "debugger", "image": "busybox", "stdin": True}]})
    return _review("pods", "Pod", "UPDATE", pod, sub="ephemeralcontainers", oldObject=_pod({}))


def _pod(spec: Object) -> Object:
    container: Object = {
        "name": "app",
        "image": "app:1",
        "args": ["--password", SECRET],
        "env": [{"name": "CARD", "value": PANS[0]}, {"name": "KEY", "value": SECRET}],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        "securityContext": {"allowPrivilegeEscalation": False},
    }
    whole: Object = {"containers": [container], "volumes": [{"name": "data", "emptyDir": {}}], **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": _METADATA, "spec": whole}


def _pods() -> list[Object]:
    specs: list[Object] = [
        {},
        {"initContainers": [{"name": "init", "image": "i"}], "hostAliases": [{"ip": "1.2.3.4"}]},
        {"containers": [{"name": "app", "image": "a"}, {"name": "side", "image": "b", "volumeMounts": []}]},
        {"hostPID": True},
        {"containers": [{"name": "app", "image": "a", "securityContext": {"privileged": True}}]},
        {"volumes": [{"name": "data", "hostPath": {"path": "/"}}]},
    ]
    pods = [_review("pods", "Pod", "CREATE", _pod(spec), name="app") for spec in specs]
    return [*pods, _review("pods", "Pod", "CREATE", _pod({}), name="", namespace="kube-system")]


def _policies() -> list[Object]:
    rule = {
        "name": "no-shells",
        "action": "deny",
        "reason": "shells do anything",
        "match": {
            "doors": ["exec"],
            "namespaces": ["pay*"],
            "argv": [{"glob": ["*sh", "**"]}, {"regex": ".*(a|b)+x{1,20}"}],
            "cel": 'tty && user.groups.exists(g, g.startsWith("a")) && line.matches("^s")',
            "when": [{"days": ["Mon"], "from": "08:00", "to": "18:00", "timeZone": "Europe/Berlin"}],
        },
        "except": [{"users": ["root"]}],
        "session": {"limits": {"idleSeconds": 60}},
    }
    cases = [{"name": "c", "ask": {"door": "exec", "namespace": "payments"}, "action": None}]
    policy = {
        "apiVersion": "chaperone.dev/v1alpha1",
        "kind": "GuardPolicy",
        "metadata": {"name": "shells", "annotations": {"note": SECRET}},
        "spec": {"description": "no shells", "rules": [rule], "cases": cases},
    }
    more: Object = {**_OURS, "name": "shells", "namespace": ""}
    small = copy.deepcopy(policy)
    small["spec"] = {"rules": [{"name": "all", "action": "audit"}]}
    return [
        _review("guardpolicies", "GuardPolicy", "CREATE", policy, **more),
        _review("guardpolicies", "GuardPolicy", "UPDATE", small, oldObject=policy, **more),
    ]


def _approvals() -> list[Object]:
    stored: Object = {
        "apiVersion": "chaperone.dev/v1alpha1",
        "kind": "ApprovalRequest",
        "metadata": {
            "name": "exec-abc-1",
            "namespace": "payments",
            "uid": "t-1",
            "resourceVersion": "7",
            "annotations": {"note": SECRET},
        },
        "spec": {
            "requester": {"username": "alice", "uid": "u-1", "groups": ["agents"]},
            "door": "exec",
            "operation": "CONNECT",
            "target": {"resource": "pods", "name": "web", "uid": "pod-uid-1", "container": "app"},
            "asked": "exec into pod payments/web",
            "argv": ["sh"],
            "digest": "00" * 32,
            "policy": "pci-dss",
            "rule": "interactive-shell",
            "approval": {"users": [], "groups": [], "count": 1, "reasonRequired": False},
            "expiresAt": "2099-01-01T00:00:00Z",
            "usableSeconds": 900,
        },
        "status": {"phase": "Pending"},
    }
    decided: Object = {**stored, "decision": {"verdict": "approve", "reason": "as agreed"}}
    denied: Object = {**stored, "decision": {"verdict": "deny"}}
    over: Object = {**stored, "status": {"phase": "Denied"}}
    more: Object = {**_OURS, "name": "exec-abc-1"}
    admission = {"username": "system:serviceaccount:chaperone-system:chaperone-admission"}

    def asked(operation: str, obj: object, old: object, user: object = _CAROL) -> Object:
        return _review(
            "approvalrequests", "ApprovalRequest", operation, obj, oldObject=old, userInfo=user, **more
        )

    return [
        asked("UPDATE", decided, stored),
        asked("UPDATE", denied, stored),
        asked("UPDATE", decided, stored, _ALICE),
        asked("UPDATE", stored, stored),
        asked("CREATE", stored, None),
        asked("CREATE", stored, None, admission),
        asked("DELETE", None, stored),
        asked("DELETE", None, over),
    ]
