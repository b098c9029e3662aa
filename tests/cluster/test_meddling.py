"""Pods that another mutating webhook changes after Chaperone's, on the real path."""

import json
import uuid
from collections.abc import Iterator

import pytest
from kube import NAMESPACE, Kubectl, Object, Result, until
from meddler import AGAIN, LABEL, Meddler, as_json, meddled
from pods import container
from sessions import API, Audit, marker
from tickets import get, phase, policy, recorded, ticket_of, waiting, write

ADMIN: Object = {"capabilities": {"add": ["NET_ADMIN"]}}


@pytest.fixture(scope="module", autouse=True)
def meddler(admin: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The webhook, and a policy that wants privileged pods of these tests approved."""
    meddler = Meddler(admin, tmp_path_factory.mktemp("meddler"))
    match = {"doors": ["pod", "workload"], "names": ["meddled-*"], "privileged": True}
    try:
        meddler.open()
        with policy(admin, {"name": "privileged", "action": "approve", "match": match}):
            yield
    finally:
        meddler.close()


@pytest.fixture
def name(admin: Kubectl) -> Iterator[str]:
    word = f"meddled-{uuid.uuid4().hex[:6]}"
    yield word
    admin.delete_now("deployment,pod", "-n", NAMESPACE, "-l", f"app={word}")


def create(user: Kubectl, manifest: Object, *options: str) -> Result:
    return user.try_("create", *options, "-f", "-", stdin=as_json(manifest))


def ready(admin: Kubectl, name: str) -> None:
    admin.run("wait", "-n", NAMESPACE, "--for=condition=Ready", f"pod/{name}", "--timeout=90s")


def recorded_in(agent: Kubectl, audit: Audit, name: str, container: str) -> None:
    """Run something in a container, and find it on record."""
    mark = marker()
    assert agent.run("exec", "-n", NAMESPACE, name, "-c", container, "--", "echo", mark) == f"{mark}\n"
    assert audit.recorded(mark).object["spec"]["container"] == container


def refusals(auditor: Kubectl, name: str, rule: str) -> list[Object]:
    """Give the events of refusals by a rule about objects whose names begin so, once there are some."""
    selected = f"type%3Ddecision,outcome%3Dfailure,rule%3D{rule}"
    path = f"{API}/namespaces/{NAMESPACE}/auditevents?limit=300&fieldSelector={selected}"

    def probe() -> list[Object]:
        return [one for one in auditor.raw(path)["items"] if name in json.dumps(one["about"])]

    return until(probe, what=f"an event of a refusal of {name} by {rule}")


def test_an_approved_pod_passes_once_though_it_is_changed_anew_at_every_try(
    admin: Kubectl, agent: Kubectl, approver: Kubectl, auditor: Kubectl, audit: Audit, name: str
) -> None:
    manifest = meddled(name, "label", security=ADMIN)
    ticket = ticket_of(waiting(lambda: create(agent, manifest)))
    assert ticket_of(create(agent, manifest)) == ticket
    assert '"meddled": "true"' in get(admin, ticket)["spec"]["shown"]
    assert "chaperone-recorder" not in get(admin, ticket)["spec"]["shown"]
    assert write(approver, ticket).code == 0
    assert create(agent, manifest, "--dry-run=server").code == 0
    passed = create(agent, manifest)
    assert passed.code == 0, passed.error
    assert phase(admin, ticket) == "Used"
    ready(admin, name)
    labels = admin.get("-n", NAMESPACE, f"pod/{name}")["metadata"]["labels"]
    assert (labels["meddled"], labels["chaperone.dev/guarded"]) == ("true", "true")
    recorded_in(agent, audit, name, "app")
    admin.delete_now("-n", NAMESPACE, f"pod/{name}")
    assert ticket_of(create(agent, manifest)) != ticket
    assert recorded(auditor, ticket, 3) == ["approval-asked", "approval-decided", "approval-used"]


@pytest.mark.parametrize("again", [False, True])
def test_a_container_that_is_added_is_guarded_as_well(
    admin: Kubectl, agent: Kubectl, audit: Audit, name: str, again: bool
) -> None:
    created = create(agent, meddled(name, "sidecar", again=again))
    assert created.code == 0, created.error
    ready(admin, name)
    recorded_in(agent, audit, name, "late")
    recorded_in(agent, audit, name, "app")


def test_a_container_that_is_added_too_late_is_refused(agent: Kubectl, auditor: Kubectl, name: str) -> None:
    refused = create(agent, meddled(name, "sidecars"))
    assert "container late-" in refused.error
    assert "has no mount of volume chaperone" in refused.error
    assert refusals(auditor, name, "InjectionChanged")


@pytest.mark.parametrize("how", ["host-path", "privileged"])
def test_a_privilege_that_is_added_needs_the_approval_of_the_policy(
    admin: Kubectl, agent: Kubectl, approver: Kubectl, auditor: Kubectl, name: str, how: str
) -> None:
    manifest = meddled(name, how)
    assert "dry run" in waiting(lambda: create(agent, manifest, "--dry-run=server")).error
    asked = admin.get("approvalrequests", "-n", NAMESPACE)["items"]
    assert not [one for one in asked if one["spec"]["target"]["name"] == name]
    ticket = ticket_of(create(agent, manifest))
    shown = get(admin, ticket)["spec"]["shown"]
    assert ('"hostPath"' if how == "host-path" else '"privileged": true') in shown
    [event, *_] = refusals(auditor, name, "privileged")
    assert event["about"]["resource"] == "pods"
    assert write(approver, ticket).code == 0
    passed = create(agent, manifest)
    assert passed.code == 0, passed.error
    assert phase(admin, ticket) == "Used"


TAMPERED = {
    "no-recorder": "container chaperone-recorder is not the first of the init containers, or not there",
    "variable": "the recorder has a variable MEDDLED that Chaperone did not give it",
    "mount": "container app has another mount of Chaperone's than it was given",
}


@pytest.mark.parametrize(("how", "said"), TAMPERED.items(), ids=TAMPERED)
def test_what_changes_what_was_injected_is_refused_by_name(
    agent: Kubectl, auditor: Kubectl, name: str, how: str, said: str
) -> None:
    refused = create(agent, meddled(name, how))
    assert refused.code != 0
    assert said in refused.error
    [event, *_] = refusals(auditor, name, "InjectionChanged")
    assert said in event["reason"]


@pytest.mark.parametrize("how", ["no-recorder", "variable", "mount"])
def test_what_is_done_once_is_put_right_again(
    admin: Kubectl, agent: Kubectl, audit: Audit, name: str, how: str
) -> None:
    created = create(agent, meddled(name, how, again=False))
    assert created.code == 0, created.error
    ready(admin, name)
    first, *_ = admin.get("-n", NAMESPACE, f"pod/{name}")["spec"]["initContainers"]
    assert first["name"] == "chaperone-recorder"
    assert "MEDDLED" not in json.dumps(first)
    recorded_in(agent, audit, name, "app")


@pytest.mark.parametrize("how", ["random", "random-note"])
def test_what_is_made_up_for_every_try_is_another_request_each_time(
    agent: Kubectl, name: str, how: str
) -> None:
    manifest = meddled(name, how, security=ADMIN)
    tickets = {ticket_of(waiting(lambda: create(agent, manifest))) for _ in range(2)}
    assert len(tickets) == 2


def deployment(name: str, how: str) -> Object:
    labels = {"app": name, LABEL: how, AGAIN: "true"}
    template = {
        "metadata": {"labels": labels, "annotations": {"a": "b"}},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [container(securityContext={})]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"app": name}},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": template},
    }


def test_what_is_added_to_pods_of_a_template_is_refused_by_name_and_what_is_harmless_passes(
    admin: Kubectl, auditor: Kubectl, name: str
) -> None:
    admin.apply(deployment(name, "sidecar"))
    admin.run("rollout", "status", "-n", NAMESPACE, f"deployment/{name}", "--timeout=90s")
    admin.apply(deployment(name, "host-path"))
    [event, *_] = refusals(auditor, name, "AddedPrivilege")
    assert "host-path (spec.volumes[0].hostPath)" in event["reason"]
    assert event["actor"]["username"] == "system:serviceaccount:kube-system:replicaset-controller"
