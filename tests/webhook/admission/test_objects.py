"""The doors of objects, under the default pack: what is asked, and of whom nothing is."""

import base64
import json
from typing import Any

import pytest
from approvals import MemoryTickets, approving
from default_pack import PACK, asked, secret
from policy_samples import policies, policy, rule
from reviews import (
    Object,
    Objects,
    Roles,
    injected_request,
    object_door,
    object_request,
    plain_pod,
    pod_door,
)

from webhook.admission.review import Answer, MalformedReviewError, Request

pytestmark = pytest.mark.anyio
CARD = "4111 1111 1111 1111"
PRIVILEGED: Object = {
    "metadata": {"labels": {"app": "a"}},
    "spec": {"hostPID": True, "containers": [{"name": "a"}]},
}
ORDINARY: Object = {"spec": {"containers": [{"name": "a"}]}}
GONE = {"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "u-9"}
SERVER_SET: Object = {"uid": "u-1", "resourceVersion": "7", "creationTimestamp": "2026-01-01T00:00:00Z"}


def workload(kind: str, template: Object, **spec: Any) -> Object:
    metadata = {"name": "web", "namespace": "payments"}
    if kind == "PodTemplate":
        return {"metadata": metadata, "template": template}
    if kind == "ControllerRevision":
        return {"metadata": metadata, "data": {"spec": {"template": template}}}
    if kind == "CronJob":
        return {"metadata": metadata, "spec": {"jobTemplate": {"spec": {"template": template}}, **spec}}
    return {"metadata": metadata, "spec": {"template": template, **spec}}


WORKLOADS = [
    ("Deployment", "deployments.apps"),
    ("StatefulSet", "statefulsets.apps"),
    ("DaemonSet", "daemonsets.apps"),
    ("ReplicaSet", "replicasets.apps"),
    ("ControllerRevision", "controllerrevisions.apps"),
    ("Job", "jobs.batch"),
    ("CronJob", "cronjobs.batch"),
    ("ReplicationController", "replicationcontrollers"),
    ("PodTemplate", "podtemplates"),
]


@pytest.mark.parametrize(("kind", "resource"), WORKLOADS)
async def test_templates_with_privileges_are_asked_for_once(kind: str, resource: str) -> None:
    made = workload(kind, PRIVILEGED)
    assert await asked(object_request(kind, resource, made)) == "privileged-pod"
    assert not await asked(object_request(kind, resource, workload(kind, ORDINARY)))
    assert await asked(object_request(kind, resource, made, workload(kind, ORDINARY))) == "privileged-pod"
    assert not await asked(object_request(kind, resource, workload(kind, ORDINARY), made))
    assert not await asked(object_request(kind, resource, None, made))


async def test_scaling_and_restarting_an_approved_template_is_not_asked_again() -> None:
    before = workload("Deployment", PRIVILEGED, replicas=1)
    restarted = json.loads(json.dumps(before))
    stamp = {"kubectl.kubernetes.io/restartedAt": "2026-03-01T12:00:00Z"}
    restarted["spec"]["template"]["metadata"]["annotations"] = stamp
    other = json.loads(json.dumps(before))
    other["spec"]["template"]["spec"]["containers"][0]["image"] = "other"
    unconfined = json.loads(json.dumps(before))
    loose = {"container.apparmor.security.beta.kubernetes.io/a": "unconfined"}
    unconfined["spec"]["template"]["metadata"]["annotations"] = loose
    for after, rule_name in (
        (workload("Deployment", PRIVILEGED, replicas=5), ""),
        (restarted, ""),
        (other, "privileged-pod"),
        (unconfined, "privileged-pod"),
    ):
        assert await asked(object_request("Deployment", "deployments.apps", after, before)) == rule_name


async def test_a_rule_about_pods_is_about_templates_too() -> None:
    rules = policies(
        policy(rule(match={"doors": ["pod"], "cel": "object.spec.hostPID", "labels": {"app": "a"}}))
    )
    door = object_door(rules)
    answer = await door.review(
        object_request("Deployment", "deployments.apps", workload("Deployment", PRIVILEGED))
    )
    assert answer.denial is not None
    assert "denied by rule rule of policy test" in answer.denial.message
    scaled = workload("Deployment", PRIVILEGED, replicas=5)
    unchanged = object_request("Deployment", "deployments.apps", scaled, workload("Deployment", PRIVILEGED))
    assert (await door.review(unchanged)).allowed


async def test_another_image_of_a_privileged_pod_is_asked_for_and_a_label_is_not() -> None:
    before = {"metadata": {"name": "web"}, **json.loads(json.dumps(PRIVILEGED))}
    image = json.loads(json.dumps(before))
    image["spec"]["containers"][0]["image"] = "other"
    label = {**before, "metadata": {"name": "web", "labels": {"a": "b"}}}
    assert await asked(object_request("Pod", "pods", image, before)) == "privileged-pod"
    assert not await asked(object_request("Pod", "pods", label, before))


async def test_values_of_secrets_are_asked_for_and_nothing_else_of_them() -> None:
    before = secret({"password": "hunter2"}, **SERVER_SET)
    again = secret({"password": "hunter2"}, **{**SERVER_SET, "resourceVersion": "8", "managedFields": [{}]})
    for after, old, rule_name in (
        (before, None, "secret-values"),
        (None, before, "secret-values"),
        (secret({"password": "hunter3"}, **SERVER_SET), before, "secret-values"),
        (secret({}, **SERVER_SET), before, "secret-values"),
        (again, before, ""),
        (secret({"password": "hunter2"}, labels={"a": "b"}, **SERVER_SET), before, ""),
        (secret({"password": "hunter2"}, annotations={"a": "b"}, **SERVER_SET), before, ""),
        (
            secret(
                {"password": "hunter2"}, annotations={"kubernetes.io/service-account.name": "x"}, **SERVER_SET
            ),
            before,
            "secret-values",
        ),
        (
            secret({"password": "hunter2"}, ownerReferences=[GONE], **SERVER_SET),
            before,
            "secret-values",
        ),
        ({**before, "immutable": True}, before, "secret-values"),
        ({**before, "type": "other"}, before, "secret-values"),
    ):
        assert await asked(object_request("Secret", "secrets", after, old, name="db")) == rule_name


async def test_card_data_is_found_wherever_it_is_and_said_by_place() -> None:
    def config(**data: str) -> Object:
        return {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": data}

    tickets = MemoryTickets()
    request = object_request("ConfigMap", "configmaps", config(note=f"pay {CARD}", other="x"))
    assert await asked(request, asking=approving(tickets)) == "card-data"
    [made] = tickets.kept.values()
    assert "/data/note: pan" in made.spec.shown
    assert "1111 1111" not in made.spec.shown
    assert not await asked(object_request("ConfigMap", "configmaps", config(note="nothing")))
    labelled = {**config(note=CARD), "metadata": {"name": "c", "labels": {"a": "b"}}}
    assert not await asked(object_request("ConfigMap", "configmaps", labelled, config(note=CARD)))
    large = config(note="x" * 100_000, card=CARD)
    assert await asked(object_request("ConfigMap", "configmaps", large)) == "card-data"


async def test_values_of_secrets_are_shown_to_nobody() -> None:
    tickets = MemoryTickets()
    door = object_door(PACK, approving(tickets))
    annotated = {
        "kubectl.kubernetes.io/last-applied-configuration": json.dumps({"stringData": {"a": "hunter2"}})
    }
    after = secret({"password": "hunter2", "user": "x"}, annotations=annotated)
    before = secret({"password": "hunter", "old": "hunter1"}, uid="u-1")
    answer = await door.review(object_request("Secret", "secrets", after, before, name="db"))
    [made] = tickets.kept.values()
    for text in (made.spec.shown, made.spec.asked, repr(made), repr(answer)):
        assert "hunter" not in text
        assert base64.b64encode(b"hunter")[:6].decode() not in text
    assert json.loads(made.spec.shown)["keys"] == {
        "password": "changed, from 6 to 7 bytes",
        "user": "new, 1 bytes",
        "old": "removed, 7 bytes",
    }
    assert made.spec.target.uid == "u-1"


SYSTEM: list[tuple[str, list[str]]] = [
    ("system:kube-controller-manager", []),
    ("system:apiserver", []),
    ("system:serviceaccount:kube-system:generic-garbage-collector", []),
    ("system:serviceaccount:kube-system:namespace-controller", []),
    ("system:node:node-1", ["system:nodes"]),
    ("system:serviceaccount:chaperone-system:chaperone-admission", []),
]
OTHERS: list[tuple[str, list[str]]] = [
    ("system:node:node-1", ["system:authenticated"]),
    ("system:serviceaccount:kube-systemx:generic-garbage-collector", []),
    ("system:serviceaccount:payments:generic-garbage-collector", []),
    ("system:serviceaccount:chaperone-system:default", []),
    ("kubernetes-admin", ["system:masters"]),
]


@pytest.mark.parametrize(("user", "groups"), SYSTEM)
async def test_the_cluster_itself_is_never_held_up(user: str, groups: list[str]) -> None:
    info = {"username": user, "groups": groups}
    assert not await asked(object_request("Secret", "secrets", None, secret({"a": "b"}), userInfo=info))


@pytest.mark.parametrize(("user", "groups"), OTHERS)
async def test_who_only_sounds_like_it_is_asked(user: str, groups: list[str]) -> None:
    info = {"username": user, "groups": groups}
    request = object_request("Secret", "secrets", None, secret({"a": "b"}), userInfo=info)
    assert await asked(request) == "secret-values"


async def test_tokens_are_for_the_account_itself_and_for_kubelets() -> None:
    def token(user: str, *groups: str) -> Request:
        info = {"username": user, "groups": list(groups)}
        made: Object = {"kind": "TokenRequest", "metadata": {}, "spec": {"audiences": ["x"]}}
        return object_request("TokenRequest", "serviceaccounts/token", made, name="robot", userInfo=info)

    assert await asked(token("alice")) == "tokens"
    assert await asked(token("system:serviceaccount:payments:other")) == "tokens"
    assert not await asked(token("system:serviceaccount:payments:robot"))
    assert not await asked(token("system:node:n", "system:nodes"))


def binding(role: str, *subjects: str) -> Object:
    people = [{"kind": "User", "name": name} for name in subjects]
    return {"metadata": {"name": "b"}, "roleRef": {"kind": "ClusterRole", "name": role}, "subjects": people}


async def test_bindings_are_judged_by_what_their_role_allows() -> None:
    reads = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    enters = [{"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create"]}]
    roles = Roles(reader=reads, enterer=enters)
    resource = ("ClusterRoleBinding", "clusterrolebindings.rbac.authorization.k8s.io")
    for after, before, rule_name in (
        (binding("reader", "x"), None, ""),
        (binding("enterer", "x"), None, "rights"),
        (binding("enterer"), None, ""),
        (binding("missing", "x"), None, ""),
        (binding("enterer", "x", "y"), binding("enterer", "x"), "rights"),
        (binding("enterer", "x"), binding("enterer", "x", "y"), ""),
    ):
        request = object_request(*resource, after, before, namespace="")
        assert await asked(request, roles=roles) == rule_name


async def test_what_belongs_to_no_namespace_is_asked_for_in_ours() -> None:
    tickets = MemoryTickets()
    role = {"metadata": {"name": "r"}, "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]}
    request = object_request(
        "ClusterRole", "clusterroles.rbac.authorization.k8s.io", role, namespace="", name="r"
    )
    assert await asked(request, asking=approving(tickets)) == "rights"
    [(place, _)] = tickets.kept
    assert place == "chaperone-system"


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
    deployment = workload("Deployment", ORDINARY)
    scaled = workload("Deployment", ORDINARY, replicas=0)
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


async def test_an_approval_is_good_for_exactly_what_was_shown() -> None:
    tickets = MemoryTickets()
    door = object_door(PACK, approving(tickets))

    async def change(after: str, before: str, **metadata: Any) -> Answer:
        old = secret({"password": before}, uid="u-1", resourceVersion="1")
        new = secret({"password": after}, uid="u-1", **metadata)
        return await door.review(object_request("Secret", "secrets", new, old, name="db"))

    answers = [
        await change("one", "old"),
        await change("onf", "old"),
        await change("one", "other"),
        await change("one", "old", labels={"a": "b"}),
    ]
    assert len(tickets.kept) == len(answers)
    await change("one", "old", resourceVersion="9", managedFields=[{"manager": "kubectl"}])
    assert len(tickets.kept) == len(answers)


_OWNER: Object = {"metadata": {"uid": "u"}, "spec": {"template": {"spec": {"hostPID": True}}}}
OWNERS = Objects(
    **{
        f"{resource}/w": _OWNER
        for resource in (
            "replicasets.apps",
            "daemonsets.apps",
            "statefulsets.apps",
            "jobs.batch",
            "replicationcontrollers",
        )
    }
)


@pytest.mark.parametrize(
    ("owner", "user", "allowed"),
    [
        (("apps/v1", "ReplicaSet"), "system:serviceaccount:kube-system:replicaset-controller", True),
        (("apps/v1", "DaemonSet"), "system:serviceaccount:kube-system:daemon-set-controller", True),
        (("apps/v1", "StatefulSet"), "system:serviceaccount:kube-system:statefulset-controller", True),
        (("batch/v1", "Job"), "system:serviceaccount:kube-system:job-controller", True),
        (("v1", "ReplicationController"), "system:serviceaccount:kube-system:replication-controller", True),
        (("batch/v1", "Job"), "system:kube-controller-manager", True),
        (("batch/v1", "Job"), "system:serviceaccount:kube-system:replicaset-controller", False),
        (("argoproj.io/v1", "ReplicaSet"), "system:serviceaccount:kube-system:replicaset-controller", False),
        (None, "system:serviceaccount:kube-system:replicaset-controller", False),
        (("apps/v1", "ReplicaSet"), "alice", False),
        (("apps/v1", "ReplicaSet"), "system:serviceaccount:payments:replicaset-controller", False),
    ],
)
async def test_pods_of_controllers_were_judged_by_their_template(
    owner: tuple[str, str] | None, user: str, allowed: bool
) -> None:
    pod = plain_pod(hostPID=True)
    if owner is not None:
        version, kind = owner
        reference = {"apiVersion": version, "kind": kind, "name": "w", "uid": "u", "controller": True}
        pod["metadata"]["ownerReferences"] = [reference]
    answer = await pod_door(PACK, objects=OWNERS).review(
        await injected_request(pod, userInfo={"username": user})
    )
    assert answer.allowed is allowed
    if allowed:
        assert answer.decision is not None
        assert answer.decision.action.value == "audit"


async def test_a_denial_holds_for_controllers_too() -> None:
    rules = policies(policy(rule(match={"doors": ["pod"], "privileged": True})))
    pod = plain_pod(hostPID=True)
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "w", "uid": "u", "controller": True}
    pod["metadata"]["ownerReferences"] = [owner]
    user = {"username": "system:serviceaccount:kube-system:replicaset-controller"}
    assert not (await pod_door(rules).review(await injected_request(pod, userInfo=user))).allowed


async def test_what_is_at_no_door_is_malformed() -> None:
    with pytest.raises(MalformedReviewError):
        await object_door(PACK).review(
            object_request("Lease", "leases.coordination.k8s.io", {"metadata": {}})
        )
    assert await asked(object_request("Secret", "secrets", None, None)) == "secret-values"
