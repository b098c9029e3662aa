"""What Chaperone and the guard live by, under the default pack: whose change or removal is asked for."""

from typing import Any

import pytest
from approvals import MemoryTickets, approving
from default_pack import asked
from reviews import Object, object_request

pytestmark = pytest.mark.anyio
ORDINARY: Object = {"spec": {"containers": [{"name": "a"}]}}


def namespace(**labels: str) -> Object:
    return {"metadata": {"name": "payments", "labels": labels}}


GUARD = {"chaperone.dev/guard": "enabled"}


@pytest.mark.parametrize(
    ("after", "rule_name"),
    [
        (namespace(), "guarded-namespace"),
        (namespace(**{"chaperone.dev/guard": "off"}), "guarded-namespace"),
        (namespace(**GUARD, **{"pod-security.kubernetes.io/enforce": "privileged"}), "guarded-namespace"),
        (None, "guarded-namespace"),
        (namespace(**GUARD, team="a"), ""),
    ],
)
async def test_labels_that_guard_a_namespace_are_asked_for(after: Object | None, rule_name: str) -> None:
    tickets = MemoryTickets()
    request = object_request("Namespace", "namespaces", after, namespace(**GUARD), name="payments")
    assert await asked(request, asking=approving(tickets)) == rule_name
    assert {place for place, _ in tickets.kept} == ({"chaperone-system"} if rule_name else set())


async def test_our_own_objects_are_asked_for_but_of_who_upgrades() -> None:
    deployment: Object = {"spec": {"template": ORDINARY}}
    scaled: Object = {"spec": {"template": ORDINARY, "replicas": 0}}
    where: Object = {"namespace": "chaperone-system", "name": "chaperone-admission"}
    changed = object_request("Deployment", "deployments.apps", scaled, deployment, **where)
    assert await asked(changed) == "the-guard-itself"
    operator = {"username": "carol", "groups": ["chaperone-operators"]}
    upgraded = object_request(
        "Deployment", "deployments.apps", scaled, deployment, userInfo=operator, **where
    )
    assert not await asked(upgraded)
    found: Object = {"metadata": {"name": "payments"}, "spec": {"rules": []}}
    policy_removed = object_request("GuardPolicy", "guardpolicies.chaperone.dev", None, found, namespace="")
    assert await asked(policy_removed) == "the-guard-itself"


async def test_another_label_of_our_own_objects_is_asked_for_and_another_note_is_not() -> None:
    """A Service finds its pods by their labels."""

    def pod(**metadata: Any) -> Object:
        return {"metadata": {"name": "chaperone-admission-1", **metadata}, "spec": ORDINARY["spec"]}

    before = pod(labels={"app": "chaperone"})
    for after, rule_name in (
        (pod(labels={"app": "other"}), "the-guard-itself"),
        (pod(), "the-guard-itself"),
        (pod(labels={"app": "chaperone"}, annotations={"a": "b"}), ""),
    ):
        assert (
            await asked(object_request("Pod", "pods", after, before, namespace="chaperone-system"))
            == rule_name
        )


@pytest.mark.parametrize(
    ("kind", "resource"),
    [
        ("Role", "roles.rbac.authorization.k8s.io"),
        ("RoleBinding", "rolebindings.rbac.authorization.k8s.io"),
        ("ServiceAccount", "serviceaccounts"),
        ("PersistentVolumeClaim", "persistentvolumeclaims"),
    ],
)
async def test_nobody_takes_away_what_we_live_by(kind: str, resource: str) -> None:
    found: Object = {"metadata": {"name": "chaperone-collector"}}
    where: Object = {"namespace": "chaperone-system", "name": "chaperone-collector"}
    assert await asked(object_request(kind, resource, None, found, **where)) == "the-guard-itself"


@pytest.mark.parametrize("kind", ["ClusterRole", "ClusterRoleBinding"])
async def test_removal_of_our_cluster_roles_is_asked_for_and_of_others_is_not(kind: str) -> None:
    resource = f"{kind.lower()}s.rbac.authorization.k8s.io"
    ours: Object = {"metadata": {"name": "chaperone-admission"}}
    for name in ("chaperone-admission", ""):  # one of a collection has no name in the request
        removed = object_request(kind, resource, None, ours, namespace="", name=name)
        assert await asked(removed) == "the-guard-itself"
    operator = {"username": "carol", "groups": ["chaperone-operators"]}
    assert not await asked(
        object_request(kind, resource, None, ours, namespace="", name="", userInfo=operator)
    )
    other: Object = {"metadata": {"name": "view"}}
    assert not await asked(object_request(kind, resource, None, other, namespace="", name="view"))


async def test_a_definition_of_ours_is_asked_for_when_all_are_removed() -> None:
    resource = "customresourcedefinitions.apiextensions.k8s.io"
    found: Object = {"metadata": {"name": "guardpolicies.chaperone.dev"}}
    removed = object_request("CustomResourceDefinition", resource, None, found, namespace="", name="")
    assert await asked(removed) == "the-guard-itself"
