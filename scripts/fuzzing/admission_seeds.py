"""Reviews as API servers send them, for every door: what mutations begin with.

Where a value is no name, secrets and card numbers are planted that nobody may ever be shown.
"""

from __future__ import annotations

import copy
from typing import Any, Final

from fuzzing.admission_object_seeds import connection_seeds, object_seeds
from fuzzing.admission_values import (
    ALICE,
    CAROL,
    DAVE,
    FRANK,
    METADATA,
    OURS,
    PANS,
    SECRET,
    STANDING,
    TOOL,
    Object,
    review,
)


def seeds() -> dict[str, list[Object]]:
    """Give reviews by the door they are for; every door has some."""
    return {
        "exec": _execs(),
        "attach": [_session("attach", {"stdin": True, "container": "app"}, **who) for who in _ASKING],
        "ephemeralcontainers": [_debug(**who) for who in _ASKING],
        "debugging": [_debug(**who) for who in _ASKING],
        "injection": _pods(),
        "pods": _pods(),
        "guardpolicies": _policies(),
        "approvalrequests": _approvals(),
        "standingapprovals": _standing(),
        "objects": object_seeds(),
        "connections": connection_seeds(),
    }


def _session(sub: str, options: Object, **fields: Any) -> Object:
    kind = "PodExecOptions" if sub == "exec" else "PodAttachOptions"
    obj = {"kind": kind, "apiVersion": "v1", "stdout": True, "stderr": True, **options}
    return review("pods", kind, "CONNECT", obj, sub=sub, **fields)


def _execs() -> list[Object]:
    return [
        _session("exec", {"command": ["cat", f"/data/{SECRET}", PANS[0]], "container": "app"}),
        _session("exec", {"command": ["ls", "-la"], "tty": True, "stdin": True}),
        _session("exec", {"command": ["head", "-n1", "/x"], "container": "side"}, name="two"),
        _session("exec", {"command": ["pay", PANS[1], SECRET], "container": "app"}),
        _session("exec", {"command": ["sh"], "stdin": True, "tty": True}, dryRun=True),
        _session("exec", {"command": ["cat", "/run/secrets/token"]}),
        *(_session("exec", {"command": ["ls"]}, name=name) for name in _ODD_PODS),
        *_approved(),
    ]


def _approved() -> list[Object]:
    """Give what is let through on an approval, a standing one or broken glass, and what just misses it."""
    dave, frank = {"userInfo": DAVE}, {"userInfo": FRANK}
    return [
        _session("exec", {"command": ["sh", "-c", f"pay {PANS[0]}"], "container": "app"}, **dave),
        _session("exec", {"command": ["sh"], "tty": True, "stdin": True}, **dave),
        _session("exec", {"command": ["sh"], "container": "app"}, dryRun=True, **dave),
        _session("exec", {"command": ["sh"], "tty": True, "container": "side"}, name="two", **frank),
        _session("exec", {"command": [*TOOL, "x"]}, **frank),
        _session("exec", {"command": [*STANDING, "x"], "container": "app"}),
        _session("exec", {"command": [*STANDING, "x"], "tty": True}),
        _session("exec", {"command": [*TOOL, "x"], "container": "app"}),
        _session("exec", {"command": [*STANDING], "container": "app"}, userInfo=CAROL),
    ]


_ASKING: Final[tuple[Object, ...]] = ({}, {"userInfo": DAVE})
"""Who asks and waits, and who is approved at once."""
_ODD_PODS: Final = ("plain", "down", "mighty", "unreachable", "nobody")


def _debug(**fields: Any) -> Object:
    pod = _pod({"ephemeralContainers": [{"name": "debugger", "image": "busybox", "stdin": True}]})
    return review("pods", "Pod", "UPDATE", pod, sub="ephemeralcontainers", oldObject=_pod({}), **fields)


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
    return {"apiVersion": "v1", "kind": "Pod", "metadata": METADATA, "spec": whole}


def _pods() -> list[Object]:
    specs: list[Object] = [
        {},
        {"initContainers": [{"name": "init", "image": "i"}], "hostAliases": [{"ip": "1.2.3.4"}]},
        {"containers": [{"name": "app", "image": "a"}, {"name": "side", "image": "b", "volumeMounts": []}]},
        {"hostPID": True},
        {"containers": [{"name": "app", "image": "a", "securityContext": {"privileged": True}}]},
        {"volumes": [{"name": "data", "hostPath": {"path": "/"}}]},
    ]
    pods = [review("pods", "Pod", "CREATE", _pod(spec), name="app") for spec in specs]
    return [*pods, review("pods", "Pod", "CREATE", _pod({}), name="", namespace="kube-system")]


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
    more: Object = {**OURS, "name": "shells", "namespace": ""}
    small = copy.deepcopy(policy)
    small["spec"] = {"rules": [{"name": "all", "action": "audit"}]}
    return [
        review("guardpolicies", "GuardPolicy", "CREATE", policy, **more),
        review("guardpolicies", "GuardPolicy", "UPDATE", small, oldObject=policy, **more),
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
    more: Object = {**OURS, "name": "exec-abc-1"}
    admission = {"username": "system:serviceaccount:chaperone-system:chaperone-admission"}

    def asked(operation: str, obj: object, old: object, user: object = CAROL) -> Object:
        return review(
            "approvalrequests", "ApprovalRequest", operation, obj, oldObject=old, userInfo=user, **more
        )

    return [
        asked("UPDATE", decided, stored),
        asked("UPDATE", denied, stored),
        asked("UPDATE", decided, stored, ALICE),
        asked("UPDATE", stored, stored),
        asked("CREATE", stored, None),
        asked("CREATE", stored, None, admission),
        asked("DELETE", None, stored),
        asked("DELETE", None, over),
    ]


def _standing() -> list[Object]:
    spec: Object = {
        "user": "alice",
        "policy": "pci-dss",
        "rule": "beyond-reading",
        "door": "exec",
        "operation": "CONNECT",
        "argvPrefix": ["tar", "-c"],
        "seconds": 1800,
        "reason": "release",
    }
    asked: Object = {
        "apiVersion": "chaperone.dev/v1alpha1",
        "kind": "StandingApproval",
        "metadata": {**METADATA, "uid": "s-1"},
        "spec": spec,
    }
    times: Object = {"at": "2026-01-01T00:00:00Z", "until": "2099-01-01T00:00:00Z"}
    stored: Object = {**asked, "status": {"by": {"username": "carol"}, **times}}
    revoked: Object = {**stored, "revoke": {"reason": "over"}}
    cards: Object = {**asked, "spec": {**spec, "argvPrefix": ["pay", PANS[1]]}}

    def standing(operation: str, obj: object, old: object = None) -> Object:
        more: Object = {**OURS, "name": "app", "userInfo": CAROL, "oldObject": old}
        return review("standingapprovals", "StandingApproval", operation, obj, **more)

    return [
        standing("CREATE", asked),
        standing("CREATE", cards),
        standing("CREATE", stored),
        standing("UPDATE", revoked, stored),
        standing("UPDATE", stored, stored),
        standing("UPDATE", stored, asked),
        standing("DELETE", None, stored),
    ]
