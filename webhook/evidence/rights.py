"""Who has rights on what Chaperone guards, from the cluster's RBAC objects. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from webhook.evidence.reports import Row, Table

COLUMNS: Final = ("who", "kind", "may", "in namespace", "by")
_WANTED: Final = (
    ("exec", "", "pods/exec", ("create", "get")),
    ("attach", "", "pods/attach", ("create", "get")),
    ("port-forward", "", "pods/portforward", ("create", "get")),
    ("approve", "chaperone.dev", "approvalrequests", ("approve",)),
    ("read the record", "audit.chaperone.dev", "sessions", ("get", "list")),
    ("change policies", "chaperone.dev", "guardpolicies", ("create", "update", "patch", "delete")),
)


class Rule(msgspec.Struct, frozen=True, rename="camel"):
    """A rule of a role."""

    verbs: tuple[str, ...] = ()
    api_groups: tuple[str, ...] | None = ()
    resources: tuple[str, ...] | None = ()


class Meta(msgspec.Struct, frozen=True):
    """What is used of an object's metadata."""

    name: str
    namespace: str = ""


class Role(msgspec.Struct, frozen=True):
    """A Role or ClusterRole."""

    metadata: Meta
    rules: tuple[Rule, ...] | None = ()


class RoleRef(msgspec.Struct, frozen=True):
    """The role that a binding gives."""

    kind: str
    name: str


class Subject(msgspec.Struct, frozen=True):
    """Whom a binding gives it to."""

    kind: str
    name: str
    namespace: str = ""


class Binding(msgspec.Struct, frozen=True, rename="camel"):
    """A RoleBinding or ClusterRoleBinding."""

    metadata: Meta
    role_ref: RoleRef
    subjects: tuple[Subject, ...] | None = ()


def rights_table(roles: Sequence[Role], bindings: Iterable[Binding]) -> Table:
    """Give who may do what, as the cluster's objects say now."""
    by_name = {(role.metadata.namespace, role.metadata.name): role for role in roles}
    rows = sorted({row for binding in bindings for row in _rows(binding, by_name)})
    return Table("Who could", "By the cluster's rights now; groups as they are named there.", COLUMNS, rows)


def unknown_rights(why: str) -> Table:
    """Give the table where the rights could not be read; ``why`` says how they could be."""
    return Table("Who could", f"Not known: {why}.", COLUMNS, [], known=False)


def _rows(binding: Binding, roles: dict[tuple[str, str], Role]) -> Iterator[Row]:
    namespace = binding.metadata.namespace
    role = roles.get(("" if binding.role_ref.kind == "ClusterRole" else namespace, binding.role_ref.name))
    for what, group, resource, verbs in _WANTED:
        if role is None or not any(_gives(rule, group, resource, verbs) for rule in role.rules or ()):
            continue
        for subject in binding.subjects or ():
            name = f"system:serviceaccount:{subject.namespace}:{subject.name}"
            who = name if subject.kind == "ServiceAccount" else subject.name
            by = f"{binding.role_ref.kind} {binding.role_ref.name}"
            yield who, subject.kind, what, namespace or "all", by


def _gives(rule: Rule, group: str, resource: str, verbs: Sequence[str]) -> bool:
    return (
        not {"*", group}.isdisjoint(rule.api_groups or ())
        and not {"*", resource, f"*/{resource.partition('/')[2]}"}.isdisjoint(rule.resources or ())
        and not {"*", *verbs}.isdisjoint(rule.verbs)
    )
