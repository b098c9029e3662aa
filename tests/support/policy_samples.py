"""Policies and questions for tests."""

from typing import Any

import msgspec

from sidecar.contract.grants import Limits
from sidecar.contract.sealing import Identity
from webhook.policy.builtin import RecordEverything
from webhook.policy.compiling import CompiledRule, Workshop, compile_policy
from webhook.policy.decision import Door, Operation, Question
from webhook.policy.evaluation import PolicySet
from webhook.policy.loading import read_object

Object = dict[str, Any]
BUILTIN = RecordEverything(profile="modern", limits=Limits(idle_seconds=900, total_seconds=28800)).decision


def policy(*rules: Object, name: str = "test", **spec: Any) -> Object:
    """Give a GuardPolicy object."""
    return {
        "apiVersion": "chaperone.dev/v1alpha1",
        "kind": "GuardPolicy",
        "metadata": {"name": name},
        "spec": {"rules": list(rules), **spec},
    }


def rule(action: str = "deny", *, name: str = "rule", **fields: Any) -> Object:
    """Give a rule; ``match`` and the rest as in a document."""
    return {"name": name, "action": action, **fields}


def compiled(*policies: Object) -> list[CompiledRule]:
    """Compile objects."""
    workshop, rules = Workshop(), list[CompiledRule]()
    for document in policies:
        rules += compile_policy(*read_object(msgspec.json.encode(document)), workshop)
    return rules


def policies(*documents: Object, audit: bool = False) -> PolicySet:
    """Give the set of these policies."""
    return PolicySet(compiled(*documents), otherwise=BUILTIN, audit=audit)


def question(**fields: Any) -> Question:
    """Give an exec by alice in payments, but for the given fields."""
    identity = Identity(
        fields.pop("user", "alice"), "u-1", tuple(fields.pop("groups", ("agents",))), fields.pop("extra", {})
    )
    standard: Object = {
        "door": Door.EXEC,
        "operation": Operation.CONNECT,
        "at": 1_772_452_800,  # 2026-03-02T12:00:00Z, a Monday
        "namespace": "payments",
        "name": "web",
        "container": "app",
        "argv": ("ls", "-la"),
    }
    return Question(identity=identity, **{**standard, **fields})
