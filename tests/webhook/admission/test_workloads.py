"""Workloads and their pods, under the default pack: who is asked for privileges, and how often."""

import json
from typing import Any

import pytest
from default_pack import PACK, asked
from policy_samples import policies, policy, rule
from reviews import Object, Objects, injected_request, object_door, object_request, plain_pod, pod_door

pytestmark = pytest.mark.anyio
PRIVILEGED: Object = {
    "metadata": {"labels": {"app": "a"}},
    "spec": {"hostPID": True, "containers": [{"name": "a"}]},
}
ORDINARY: Object = {"spec": {"containers": [{"name": "a"}]}}


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
