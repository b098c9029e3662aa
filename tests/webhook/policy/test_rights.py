"""Rights that lead past the guard, and changes that add them."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.policy.privileges import Privilege, UnreadableObjectError
from webhook.policy.rights import binding_privileges, bound_role, role_privileges

P = Privilege
Object = dict[str, Any]
RBAC, ADMISSION = "rbac.authorization.k8s.io", "admissionregistration.k8s.io"


def right(group: str, resource: str, *verbs: str, **more: Any) -> Object:
    return {"apiGroups": [group], "resources": [resource], "verbs": list(verbs), **more}


def role(*rules: Object, **labels: str) -> bytes:
    return json.dumps({"metadata": {"labels": labels}, "rules": list(rules)}).encode()


@pytest.mark.parametrize(
    ("given_", "privileges"),
    [
        (right("", "pods", "get", "list", "create", "delete"), set[P]()),
        (right("apps", "deployments", "get", "update"), set[P]()),
        (right("", "secrets", "create", "update"), set[P]()),
        (right("example.org", "secrets", "get"), set[P]()),
        (right("", "secrets", "get"), {P.SECRET_RIGHTS}),
        (right("", "secrets", "watch", resourceNames=["one"]), {P.SECRET_RIGHTS}),
        (right("*", "secrets", "list"), {P.SECRET_RIGHTS}),
        (right("", "pods/exec", "get"), {P.SESSION_RIGHTS}),
        (right("", "*/exec", "create"), {P.SESSION_RIGHTS}),
        (right("", "nodes/proxy", "get"), {P.SESSION_RIGHTS}),
        (right("", "pods/ephemeralcontainers", "patch"), {P.SESSION_RIGHTS}),
        (right("", "users", "impersonate"), {P.IMPERSONATION_RIGHTS}),
        (right("", "serviceaccounts", "impersonate:user-info"), {P.IMPERSONATION_RIGHTS}),
        (right("authentication.k8s.io", "uids", "impersonate"), {P.IMPERSONATION_RIGHTS}),
        (right("authentication.k8s.io", "users", "impersonate:user-info"), {P.IMPERSONATION_RIGHTS}),
        (right("authentication.k8s.io", "groups", "impersonate:user-info"), {P.IMPERSONATION_RIGHTS}),
        (right("authentication.k8s.io", "serviceaccounts", "impersonate:*"), {P.IMPERSONATION_RIGHTS}),
        (right("authentication.k8s.io", "nodes", "impersonate:associated-node"), {P.IMPERSONATION_RIGHTS}),
        (right("authentication.k8s.io", "tokenreviews", "create"), set[P]()),
        (right("authentication.k8s.io", "userextras/team", "impersonate"), {P.IMPERSONATION_RIGHTS}),
        (right("authentication.k8s.io", "*/team", "impersonate"), {P.IMPERSONATION_RIGHTS}),
        (right("authentication.k8s.io", "userextrasx", "impersonate"), set[P]()),
        (right("", "persistentvolumes", "create"), {P.HOST_PATH}),
        (right("", "persistentvolumes", "patch"), {P.HOST_PATH}),
        (right("", "persistentvolumes", "get", "list", "delete"), set[P]()),
        (right("", "persistentvolumeclaims", "create"), set[P]()),
        (right(RBAC, "clusterroles", "escalate"), {P.ROLE_RIGHTS}),
        (right(RBAC, "roles", "bind"), {P.ROLE_RIGHTS}),
        (right(RBAC, "roles", "create", "update"), set[P]()),
        (right("", "serviceaccounts/token", "create"), {P.TOKEN_RIGHTS}),
        (right("chaperone.dev", "approvalrequests", "approve"), {P.APPROVAL_RIGHTS}),
        (right("chaperone.dev", "standingapprovals", "approve"), {P.APPROVAL_RIGHTS}),
        (right("chaperone.dev", "approvalrequests", "get", "patch"), set[P]()),
        (right("chaperone.dev", "guardpolicies", "delete"), {P.GUARD_RIGHTS}),
        (right(ADMISSION, "validatingadmissionpolicybindings", "patch"), {P.GUARD_RIGHTS}),
        (right("certificates.k8s.io", "signers", "sign"), {P.CERTIFICATE_RIGHTS}),
        (right("apps", "deployments", "*"), {P.WILDCARD_RIGHTS}),
        (right("", "*", "get"), {P.WILDCARD_RIGHTS, P.SECRET_RIGHTS, P.SESSION_RIGHTS}),
        (right("", "secrets", "*"), {P.WILDCARD_RIGHTS, P.SECRET_RIGHTS}),
        ({"nonResourceURLs": ["*"], "verbs": ["get"]}, set[P]()),
    ],
)
def test_what_a_rule_gives(given_: Object, privileges: set[P]) -> None:
    assert set(role_privileges(role(given_), b"null")) == privileges
    assert role_privileges(role(given_), role(given_)) == ()
    assert role_privileges(b"null", role(given_)) == ()


EVERYTHING = right("*", "*", "*")
TEAM, SCOPES = (
    right("authentication.k8s.io", f"userextras/{key}", "impersonate") for key in ("team", "scopes")
)
READS_ONE = right("", "secrets", "get", resourceNames=["one"])


@pytest.mark.parametrize(
    ("before", "after", "privileges"),
    [
        ([READS_ONE], [right("", "secrets", "get", resourceNames=["one", "two"])], {P.SECRET_RIGHTS}),
        ([READS_ONE], [right("", "secrets", "get")], {P.SECRET_RIGHTS}),
        ([right("", "secrets", "get")], [READS_ONE], set[P]()),
        ([right("", "secrets", "get", "list")], [right("", "secrets", "list")], set[P]()),
        ([right("", "secrets", "get")], [right("", "secrets", "get", "list")], {P.SECRET_RIGHTS}),
        ([EVERYTHING], [right("apps", "deployments", "*"), READS_ONE, TEAM], set[P]()),
        ([TEAM], [TEAM, SCOPES], {P.IMPERSONATION_RIGHTS}),
        ([TEAM, SCOPES], [SCOPES], set[P]()),
        ([right("apps", "deployments", "*")], [right("*", "deployments", "*")], {P.WILDCARD_RIGHTS}),
        ([READS_ONE], [READS_ONE, right("", "pods/exec", "create")], {P.SESSION_RIGHTS}),
        (
            [READS_ONE, right("", "pods/exec", "create")],
            [right("", "pods/exec", "create"), READS_ONE],
            set[P](),
        ),
    ],
)
def test_only_what_is_added_counts(before: list[Object], after: list[Object], privileges: set[P]) -> None:
    assert set(role_privileges(role(*after), role(*before))) == privileges


def test_other_labels_make_it_a_new_role() -> None:
    labels = {f"{RBAC}/aggregate-to-view": "true"}
    assert role_privileges(role(READS_ONE, **labels), role(READS_ONE)) == (P.SECRET_RIGHTS,)


def test_adding_roles_up_is_a_right_of_its_own() -> None:
    def adding(label: str) -> bytes:
        selectors = [{"matchLabels": {label: "true"}}]
        return json.dumps({"aggregationRule": {"clusterRoleSelectors": selectors}}).encode()

    assert role_privileges(adding("a"), b"null") == (P.AGGREGATED_RIGHTS,)
    assert role_privileges(adding("a"), adding("a")) == ()
    assert role_privileges(adding("b"), adding("a")) == (P.AGGREGATED_RIGHTS,)


def test_a_role_too_large_to_compare_counts_as_everything() -> None:
    many = [f"r{number}" for number in range(100)]
    huge = {"apiGroups": many, "resources": many, "verbs": ["get"]}
    assert role_privileges(role(huge), b"null") == (P.WILDCARD_RIGHTS,)
    assert role_privileges(role(huge), role(huge)) == ()


@pytest.mark.parametrize(("name", "privileged"), [("cluster-admin", True), ("edit", True), ("view", False)])
def test_roles_of_every_cluster_are_known_by_name(name: str, privileged: bool) -> None:
    ref = {"kind": "ClusterRole", "name": name}
    binding = json.dumps({"roleRef": ref, "subjects": [{"kind": "User", "name": "x"}]}).encode()
    assert bool(binding_privileges(binding, b"null", None)) is privileged
    assert bound_role(binding).name == name
    other = json.dumps({"roleRef": {**ref, "kind": "Role"}, "subjects": [{"name": "x"}]}).encode()
    assert binding_privileges(other, b"null", None) == ()


NAMES = st.sampled_from(["", "*", "secrets", "pods/exec", "get", "create", "impersonate", "apps", "x"])
RIGHTS = st.fixed_dictionaries(
    {name: st.lists(NAMES, max_size=3) for name in ("apiGroups", "resources", "verbs")},
    optional={"resourceNames": st.lists(NAMES, max_size=2)},
)


@given(st.lists(RIGHTS, max_size=3), st.lists(RIGHTS, max_size=3))
def test_taking_away_adds_nothing_and_adding_never_hides(one: list[Object], other: list[Object]) -> None:
    assert role_privileges(role(*one), role(*one, *other)) == ()
    added = set(role_privileges(role(*one, *other), role(*one)))
    assert added == set(role_privileges(role(*other), role(*one)))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["rules", "verbs", "metadata", "roleRef", "subjects"]), inner)
    ),
)


@given(JSON)
def test_nothing_else_than_a_clean_refusal_comes_of_any_object(value: object) -> None:
    data = json.dumps(value).encode()
    with contextlib.suppress(UnreadableObjectError):
        assert set(role_privileges(data, b"null")) <= set(Privilege)
    with contextlib.suppress(UnreadableObjectError):
        assert binding_privileges(data, b"null", None) == ()
