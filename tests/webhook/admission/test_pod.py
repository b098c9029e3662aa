"""The pod door: new pods as every webhook left them, judged without what was injected."""

import copy
from typing import Any

import pytest
from approvals import MemoryTickets, approving
from policy_samples import policies, policy, rule
from reviews import Object, Objects, injected, injected_request, plain_pod, pod_door, pod_request

from webhook.admission.review import Answer
from webhook.policy.decision import Action
from webhook.policy.evaluation import PolicySet

pytestmark = pytest.mark.anyio
PRIVILEGED = policies(policy(rule("approve", match={"doors": ["pod"], "privileged": True})))
EVERY = policies(policy(rule("approve", match={"doors": ["pod"]})))
CONTROLLER = {"username": "system:serviceaccount:kube-system:replicaset-controller"}
MESH: Object = {"name": "mesh", "image": "mesh:1"}
ADMIN: Object = {**MESH, "securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}}


def reason(answer: Answer) -> str:
    return answer.denial.causes[0].reason if answer.denial else ""


async def test_it_sees_the_pod_without_what_was_injected() -> None:
    seen = policies(
        policy(
            rule(
                match={
                    "doors": ["pod"],
                    "cel": "has(object.spec.initContainers) || has(object.spec.volumes) || size(labels) > 0"
                    " || object.spec.containers.exists(c, has(c.volumeMounts))",
                }
            )
        )
    )
    assert (await pod_door(seen).review(await injected_request(plain_pod()))).allowed
    own = plain_pod(volumes=[{"name": "v", "emptyDir": {}}])
    assert not (await pod_door(seen).review(await injected_request(own))).allowed


async def test_a_privilege_that_was_added_after_injection_is_judged() -> None:
    pod = await injected(plain_pod())
    pod["spec"]["volumes"].append({"name": "host", "hostPath": {"path": "/"}})
    assert reason(await pod_door(PRIVILEGED).review(pod_request(pod))) == "ApprovalNeeded"


async def test_what_was_tampered_with_is_refused_by_name_and_asks_nobody() -> None:
    tickets, pod = MemoryTickets(), await injected(plain_pod(hostNetwork=True))
    pod["spec"]["initContainers"][0]["env"].append({"name": "LD_PRELOAD", "value": "/x"})
    answer = await pod_door(PRIVILEGED, approving(tickets)).review(pod_request(pod))
    assert reason(answer) == "InjectionChanged"
    assert answer.denial is not None
    assert "variable LD_PRELOAD that Chaperone did not give it" in answer.denial.message
    assert "payments/web" in answer.denial.message
    assert answer.denial.causes[0].field == "spec.initContainers[0].env"
    assert not tickets.kept


async def test_a_denial_by_a_policy_comes_first() -> None:
    denying = policies(policy(rule(match={"doors": ["pod"]})))
    assert reason(await pod_door(denying).review(pod_request(plain_pod()))) == "DeniedByPolicy"


async def test_a_pod_that_was_not_injected_is_refused() -> None:
    assert reason(await pod_door().review(pod_request(plain_pod()))) == "InjectionChanged"


async def asked(*pods: Object, **fields: Any) -> int:
    """How many approval requests these pods make."""
    tickets = MemoryTickets()
    door = pod_door(EVERY, approving(tickets))
    for pod in pods:
        assert not (await door.review(pod_request(pod, **fields))).allowed
    return len(tickets.kept)


def again(pod: Object, **metadata: object) -> Object:
    found = copy.deepcopy(pod)
    found["metadata"] |= metadata
    return found


async def test_every_try_of_one_command_is_one_request() -> None:
    """Servers write something else into each, and kubectl a copy of it."""
    pod = await injected(plain_pod())
    notes = {
        **pod["metadata"]["annotations"],
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
    }
    stamps: Object = {"uid": "another", "creationTimestamp": "2026-03-01T12:00:01Z", "managedFields": [{}]}
    noted = again(pod, annotations=notes, **stamps)
    status = {**again(pod), "status": {"phase": "Pending", "qosClass": "Burstable"}}
    assert await asked(pod, again(pod, **stamps), noted, status) == 1


async def test_names_that_the_api_server_makes_up_are_not_bound() -> None:
    named: list[Object] = []
    for name in ("web-x2x4z", "web-bcdfg", ""):
        pod = plain_pod()
        pod["metadata"] = {"generateName": "web-", **({"name": name} if name else {})}
        named.append(await injected(pod))
    assert await asked(*named, name="") == 1


@pytest.mark.parametrize(
    "change",
    [
        {"labels": {"app": "other"}},
        {"annotations": {"container.apparmor.security.beta.kubernetes.io/app": "unconfined"}},
        {"annotations": {"k8s.v1.cni.cncf.io/networks": "cardholder-data"}},
        {"name": "other"},
    ],
)
async def test_what_counts_makes_another_request(change: Object) -> None:
    pod = plain_pod()
    other = again(pod, **change)
    assert await asked(await injected(pod), await injected(other)) == 2


async def test_what_a_webhook_makes_up_for_every_try_makes_another_request() -> None:
    pods = [plain_pod({"name": "app", "env": [{"name": "TRACE", "value": value}]}) for value in "ab"]
    assert await asked(*[await injected(pod) for pod in pods]) == 2


async def owned(**spec: Any) -> Object:
    pod = plain_pod(**spec)
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "w", "uid": "u", "controller": True}
    pod["metadata"]["ownerReferences"] = [owner]
    return await injected(pod)


def template(uid: str = "u", **spec: Any) -> Objects:
    made = {"metadata": {"uid": uid}, "spec": {"template": {"spec": plain_pod(**spec)["spec"]}}}
    return Objects(**{"replicasets.apps/w": made})


async def test_what_its_template_does_not_have_is_refused_by_name() -> None:
    pod = await owned(hostPID=True)
    pod["spec"]["volumes"].append({"name": "host", "hostPath": {"path": "/"}})
    door = pod_door(PRIVILEGED, objects=template(hostPID=True))
    answer = await door.review(pod_request(pod, userInfo=CONTROLLER))
    assert reason(answer) == "AddedPrivilege"
    assert answer.denial is not None
    assert "host-path (spec.volumes[0].hostPath)" in answer.denial.message
    assert "host-namespace" not in answer.denial.message
    assert "write it into the template" in answer.denial.message.lower()


async def test_what_its_template_has_passes_whatever_harmless_was_added() -> None:
    pod = await owned(hostPID=True)
    pod["spec"]["containers"].append(MESH)
    pod["spec"]["tolerations"] = [{"key": "k", "operator": "Exists"}]
    door = pod_door(PRIVILEGED, objects=template(hostPID=True))
    answer = await door.review(await injected_request(pod, userInfo=CONTROLLER))
    assert answer.allowed
    assert answer.decision is not None
    assert answer.decision.action is Action.AUDIT


@pytest.mark.parametrize("policy_set", [EVERY, PRIVILEGED], ids=["every pod", "privileged pods"])
async def test_who_approved_a_template_did_not_see_what_was_added(policy_set: PolicySet) -> None:
    pod = await owned()
    pod["spec"]["containers"].append(ADMIN)
    door = pod_door(policy_set, objects=template())
    answer = await door.review(await injected_request(pod, userInfo=CONTROLLER))
    assert reason(answer) == "AddedPrivilege"


async def test_what_only_an_image_decides_was_answered_with_the_template() -> None:
    pod = await owned()
    pod["spec"]["containers"].append(MESH)
    door = pod_door(EVERY, objects=template())
    assert (await door.review(await injected_request(pod, userInfo=CONTROLLER))).allowed
    match = {"doors": ["pod"], "privileges": ["possible-root-with-escalation"]}
    named = policies(policy(rule("approve", match=match)))
    answer = await pod_door(named, objects=template(securityContext={"runAsNonRoot": True})).review(
        await injected_request(pod, userInfo=CONTROLLER)
    )
    assert reason(answer) == "AddedPrivilege"


@pytest.mark.parametrize("objects", [Objects(), template(uid="another", hostPID=True)])
async def test_an_owner_that_is_not_there_vouches_for_nothing(objects: Objects) -> None:
    pod = await owned(hostPID=True)
    answer = await pod_door(PRIVILEGED, objects=objects).review(pod_request(pod, userInfo=CONTROLLER))
    assert answer.denial is not None
    assert answer.denial.code == 503


@pytest.mark.parametrize(("kind", "named"), [("StatefulSet", "w-abc"), ("DaemonSet", "abc")])
@pytest.mark.parametrize("uid", ["u", "another"])
async def test_a_pod_of_an_earlier_template_has_that(kind: str, named: str, uid: str) -> None:
    pod = plain_pod(hostPID=True)
    owner = {"apiVersion": "apps/v1", "kind": kind, "name": "w", "uid": "u", "controller": True}
    pod["metadata"] |= {"ownerReferences": [owner], "labels": {"controller-revision-hash": named}}
    now = {"metadata": {"uid": "u"}, "spec": {"template": {"spec": plain_pod()["spec"]}}}
    earlier = {"data": {"spec": {"template": {"spec": {"hostPID": True}}}}}
    revision = {**earlier, "metadata": {"ownerReferences": [{**owner, "uid": uid}]}}
    objects = {f"{kind.lower()}s.apps/w": now, "controllerrevisions.apps/w-abc": revision}
    user = "statefulset" if kind == "StatefulSet" else "daemon-set"
    request = await injected_request(
        pod, userInfo={"username": f"system:serviceaccount:kube-system:{user}-controller"}
    )
    answer = await pod_door(PRIVILEGED, objects=Objects(**objects)).review(request)
    assert answer.allowed is (uid == "u")


async def test_on_the_hosts_network_ports_are_the_hosts() -> None:
    """API servers write that into pods, and not into templates."""
    ports: Object = {"name": "app", "ports": [{"containerPort": 80, "hostPort": 80}]}
    pod = await owned(hostNetwork=True)
    pod["spec"]["containers"][0] |= ports
    door = pod_door(PRIVILEGED, objects=template(hostNetwork=True))
    assert (await door.review(await injected_request(pod, userInfo=CONTROLLER))).allowed
