"""What answers must be about Chaperone's own objects: policies, approval requests and standing approvals.

Worked out anew from what was sent; ``carol`` alone may approve.
"""

from __future__ import annotations

from typing import Any, Final, cast

Object = dict[str, Any]
_WRITERS: Final = frozenset(
    {
        "system:serviceaccount:chaperone-system:chaperone-admission",
        "system:serviceaccount:chaperone-system:chaperone-collector",
        "system:serviceaccount:kube-system:namespace-controller",
        "system:serviceaccount:kube-system:generic-garbage-collector",
    }
)


def policy_complaint(request: Object, patch: list[Object]) -> str:
    """Give why a policy may not be stored, nothing when it may or more is not known."""
    policy = request.get("object")
    if patch or not isinstance(policy, dict):
        return "that is no policy, or it was changed"
    policy = cast("Object", policy)
    if (policy.get("apiVersion"), policy.get("kind")) != ("chaperone.dev/v1alpha1", "GuardPolicy"):
        return "that is no policy of this version"
    rules = policy["spec"]["rules"]
    actions = {"allow", "audit", "approve", "deny"}
    good = all(isinstance(rule["name"], str) and rule["action"] in actions for rule in rules)
    return "" if good and isinstance(policy["metadata"]["name"], str) else "one of its rules says nothing"


def approval_complaint(request: Object, patch: list[Object]) -> str:
    """Give why a change of an approval request may not be, nothing when it may."""
    user = cast("Object", request["userInfo"]).get("username", "")
    if user in _WRITERS:
        return ""
    old = cast("Object", request.get("oldObject") or {})
    phase = cast("Object", old.get("status") or {}).get("phase", "Pending")
    spec = cast("Object", old.get("spec") or {})
    if request["operation"] == "DELETE":
        waits = phase == "Pending" and spec.get("expiresAt", "") > "2090"
        return "it is open" if waits else ""
    if request["operation"] != "UPDATE":
        return "nobody makes one by hand"
    new = {key: value for key, value in cast("Object", request["object"]).items() if key != "decision"}
    if _plain(new) != _plain(old):
        return "more than its decision was changed"
    decision = cast("Object", request["object"]).get("decision")
    if decision is None:
        return "" if not patch else "nothing was decided, and it was changed"
    if user != "carol" or spec["requester"]["username"] == user or phase != "Pending":
        return "this person may not decide on it now"
    stamped = [(step["op"], step["path"]) for step in patch] == [("remove", "/decision"), ("add", "/status")]
    last: Object = patch[-1]["value"]["decisions"][-1] if stamped else {}
    right = stamped and (last["by"]["username"], last["verdict"]) == (user, decision["verdict"])
    return "" if right else "its decision is not stamped with who made it"


def standing_complaint(request: Object, patch: list[Object]) -> str:
    """Give why a change of a standing approval may not be, nothing when it may."""
    user = cast("Object", request["userInfo"]).get("username", "")
    if user in _WRITERS or request["operation"] == "DELETE":
        return ""
    if request["operation"] == "CREATE":
        return "the pack lets nobody give one"
    old = cast("Object", request.get("oldObject") or {})
    new = {key: value for key, value in cast("Object", request["object"]).items() if key != "revoke"}
    if _plain(new) != _plain(old):
        return "more was changed than that it is revoked"
    if cast("Object", request["object"]).get("revoke") is None:
        return "" if not patch else "nothing was revoked, and it was changed"
    stamped = [(step["op"], step["path"]) for step in patch] == [("remove", "/revoke"), ("add", "/status")]
    right = stamped and patch[-1]["value"]["revoked"]["by"]["username"] == user
    return "" if right else "its end is not stamped with who made it"


def _plain(ticket: Object) -> Object:
    server = {"managedFields", "generation", "resourceVersion"}
    metadata = cast("Object", ticket.get("metadata") or {})
    return {**ticket, "metadata": {key: value for key, value in metadata.items() if key not in server}}
