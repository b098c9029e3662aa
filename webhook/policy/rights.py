"""Which rights of RBAC lead past the guard, and which of them a change of a role or a binding adds.

Reading Secrets, entering containers, acting as somebody else, handing out more rights than one has, getting
tokens and certificates, reaching into nodes by volumes, approving, and changing what guards. Source: https://kubernetes.io/docs/reference/
access-authn-authz/rbac/ and https://kubernetes.io/docs/concepts/security/rbac-good-practices/.
"""

from collections.abc import Iterable, Iterator
from itertools import product
from typing import Final, NamedTuple, TypeVar

import msgspec

from sidecar.contract.decoding import UNREADABLE
from webhook.policy.privileges import Privilege, UnreadableObjectError, find_privileges
from webhook.policy.volumes import KIND as VOLUME
from webhook.policy.volumes import volume_privileges

_T = TypeVar("_T")
ROLE_KINDS: Final = frozenset({"Role", "ClusterRole"})
BINDING_KINDS: Final = frozenset({"RoleBinding", "ClusterRoleBinding"})
_ALL: Final = "*"
_MOST_ATOMS: Final = 4096
"""Of one rule; more are taken as one right that nothing else covers."""


class Right(msgspec.Struct, frozen=True, rename="camel"):
    """``PolicyRule``."""

    verbs: tuple[str, ...] | None = None
    api_groups: tuple[str, ...] | None = None
    resources: tuple[str, ...] | None = None
    resource_names: tuple[str, ...] | None = None


class RoleRef(msgspec.Struct, frozen=True):
    """What a binding binds to."""

    kind: str = ""
    name: str = ""


class _Metadata(msgspec.Struct, frozen=True):
    labels: dict[str, str] | None = None


class _Role(msgspec.Struct, frozen=True, rename="camel"):
    rules: tuple[Right, ...] | None = None
    aggregation_rule: object = None
    metadata: _Metadata = _Metadata()


class _Binding(msgspec.Struct, frozen=True, rename="camel"):
    role_ref: RoleRef = RoleRef()
    subjects: tuple[dict[str, str], ...] | None = None


class _Danger(NamedTuple):
    privilege: Privilege
    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]


class _Atom(NamedTuple):
    """One right to do one thing to one object; ``*`` stands for all."""

    privilege: Privilege
    group: str
    resource: str
    verb: str
    name: str


_EXTRAS: Final = "userextras"
_IMPERSONATED: Final = ("users", "groups", "serviceaccounts", "nodes", _EXTRAS, "uids")
"""What verbs like ``impersonate:user-info`` are for (KEP-5284); users of the plain verb have no API group."""
_WRITE: Final = ("create", "update", "patch", "delete", "deletecollection")
_ADMISSION: Final = (
    "mutatingwebhookconfigurations",
    "validatingwebhookconfigurations",
    "validatingadmissionpolicies",
    "validatingadmissionpolicybindings",
    "mutatingadmissionpolicies",
    "mutatingadmissionpolicybindings",
)
_INTO_CONTAINERS: Final = (
    "pods/exec",
    "pods/attach",
    "pods/ephemeralcontainers",
    "pods/portforward",
    "pods/proxy",
    "services/proxy",
    "nodes/proxy",
)
_DANGERS: Final = (
    _Danger(Privilege.SECRET_RIGHTS, "", ("secrets",), ("get", "list", "watch")),
    _Danger(Privilege.SESSION_RIGHTS, "", _INTO_CONTAINERS, ("get", *_WRITE)),
    _Danger(Privilege.IMPERSONATION_RIGHTS, "", ("users", "groups", "serviceaccounts"), ("impersonate",)),
    _Danger(Privilege.IMPERSONATION_RIGHTS, "authentication.k8s.io", _IMPERSONATED, ("impersonate",)),
    _Danger(
        Privilege.ROLE_RIGHTS, "rbac.authorization.k8s.io", ("roles", "clusterroles"), ("bind", "escalate")
    ),
    _Danger(Privilege.TOKEN_RIGHTS, "", ("serviceaccounts/token",), ("create",)),
    # A volume of a path on a node, which a pod then mounts by a claim.
    _Danger(Privilege.HOST_PATH, "", ("persistentvolumes",), ("create", "update", "patch")),
    _Danger(
        Privilege.APPROVAL_RIGHTS, "chaperone.dev", ("approvalrequests", "standingapprovals"), ("approve",)
    ),
    _Danger(Privilege.GUARD_RIGHTS, "chaperone.dev", ("guardpolicies", "guardpolicies/status"), _WRITE),
    _Danger(Privilege.GUARD_RIGHTS, "chaperone.dev", ("admissionconfigurations",), ("change",)),
    _Danger(Privilege.GUARD_RIGHTS, "admissionregistration.k8s.io", _ADMISSION, _WRITE),
    _Danger(
        Privilege.CERTIFICATE_RIGHTS,
        "certificates.k8s.io",
        ("certificatesigningrequests/approval", "signers"),
        ("update", "patch", "approve", "sign"),
    ),
)
_KNOWN: Final = {
    "cluster-admin": (Privilege.WILDCARD_RIGHTS,),
    "admin": (Privilege.SECRET_RIGHTS, Privilege.SESSION_RIGHTS),
    "edit": (Privilege.SECRET_RIGHTS, Privilege.SESSION_RIGHTS),
}
"""ClusterRoles of every cluster, for where their rules are not at hand."""
_roles = msgspec.json.Decoder(_Role | None)
_bindings = msgspec.json.Decoder(_Binding | None)


def privileges_of(kind: str, data: bytes | msgspec.Raw) -> tuple[Privilege, ...]:
    """Give the privileges of a new object, without asking a cluster. Raises UnreadableObjectError."""
    if kind in ROLE_KINDS:
        return role_privileges(data, b"null")
    if kind in BINDING_KINDS:
        return binding_privileges(data, b"null", None)
    if kind == VOLUME:
        return volume_privileges(data, b"null")
    return tuple(found.privilege for found in find_privileges(kind, data))


def role_privileges(after: bytes | msgspec.Raw, before: bytes | msgspec.Raw) -> tuple[Privilege, ...]:
    """Give what a role newly allows; ``before`` is null for a new one. Raises UnreadableObjectError.

    A role with other labels than before counts as new: labels choose what is added up in ClusterRoles.
    """
    new, old = _read(after, _roles) or _Role(), _read(before, _roles) or _Role()
    same_labels = (new.metadata.labels or {}) == (old.metadata.labels or {})
    known = _atoms(old.rules) if same_labels else frozenset[_Atom]()
    found = {atom.privilege for atom in _atoms(new.rules) if not _is_covered(atom, known)}
    if new.aggregation_rule is not None and new.aggregation_rule != old.aggregation_rule:
        found.add(Privilege.AGGREGATED_RIGHTS)
    return _sorted(found)


def binding_privileges(
    after: bytes | msgspec.Raw, before: bytes | msgspec.Raw, rules: Iterable[Right] | None
) -> tuple[Privilege, ...]:
    """Give what a binding gives to somebody who did not have it by it.

    ``rules`` are those of the role it binds to, None where there is none. Raises UnreadableObjectError.
    """
    new, old = _read(after, _bindings) or _Binding(), _read(before, _bindings)
    former = old.subjects or () if old is not None and old.role_ref == new.role_ref else ()
    if not any(subject not in former for subject in new.subjects or ()):
        return ()
    if rules is None:
        return _KNOWN.get(new.role_ref.name, ()) if new.role_ref.kind == "ClusterRole" else ()
    return _sorted({atom.privilege for atom in _atoms(rules)})


def bound_role(binding: bytes | msgspec.Raw) -> RoleRef:
    """Give what a binding binds to. Raises UnreadableObjectError."""
    return (_read(binding, _bindings) or _Binding()).role_ref


def _read(data: bytes | msgspec.Raw, decoder: msgspec.json.Decoder[_T]) -> _T:
    try:
        return decoder.decode(data)
    except UNREADABLE:
        raise UnreadableObjectError("the object is no role or binding that can be read") from None


def _atoms(rules: Iterable[Right] | None) -> frozenset[_Atom]:
    return frozenset(atom for right in rules or () for atom in _of_right(right))


def _of_right(right: Right) -> Iterator[_Atom]:
    groups, resources = right.api_groups or (), right.resources or ()
    verbs, names = right.verbs or (), right.resource_names or (_ALL,)
    if len(groups) * len(resources) * len(verbs) * len(names) > _MOST_ATOMS:
        yield _Atom(Privilege.WILDCARD_RIGHTS, "", repr(right), "", "")
        return
    for group, resource, verb, name in product(groups, resources, verbs, names):
        if _ALL in {resource, verb}:
            yield _Atom(Privilege.WILDCARD_RIGHTS, group, resource, verb, name)
    for danger in _DANGERS:
        if danger.group not in groups and _ALL not in groups:
            continue
        found = (given for wanted in danger.resources for given in _given(resources, wanted))
        for resource, verb, name in product(found, danger.verbs, names):
            if _allows_verb(verbs, verb):
                yield _Atom(danger.privilege, danger.group, resource, verb, name)


def _given(allowed: Iterable[str], wanted: str) -> Iterator[str]:
    """Give what is allowed of a resource: itself or nothing, but of extra claims each by its key.

    The claim ``team`` of somebody is the resource ``userextras/team``.
    """
    if wanted == _EXTRAS:
        prefixes = (f"{_EXTRAS}/", f"{_ALL}/")
        yield from (one for one in allowed if one in {_ALL, wanted} or one.startswith(prefixes))
    elif _allows_resource(allowed, wanted):
        yield wanted


def _allows_resource(allowed: Iterable[str], wanted: str) -> bool:
    _, slash, part = wanted.partition("/")
    return any(one in {_ALL, wanted} or (slash and one == f"{_ALL}/{part}") for one in allowed)


def _allows_verb(allowed: Iterable[str], wanted: str) -> bool:
    """Tell whether a verb is among those allowed; there are several ``impersonate:…`` (KEP-5284)."""
    return any(
        one in {_ALL, wanted} or (wanted == "impersonate" and one.startswith(wanted)) for one in allowed
    )


def _is_covered(atom: _Atom, known: frozenset[_Atom]) -> bool:
    """Tell whether something that was allowed before includes it."""
    choices = [{part, _ALL} for part in atom[1:]]
    return any(_Atom(atom.privilege, *parts) in known for parts in product(*choices))


def _sorted(found: Iterable[Privilege]) -> tuple[Privilege, ...]:
    wanted = set(found)
    return tuple(privilege for privilege in Privilege if privilege in wanted)
