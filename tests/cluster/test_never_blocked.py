"""The cluster's own work under the default pack: controllers, garbage collection, namespaces, nodes."""

import json
from collections.abc import Callable, Iterator

import pytest
from changes import pack_in_force, secret, ticket_of
from kube import NAMESPACE, Kubectl, Object, Result, until
from people import As
from pods import container, pod


@pytest.fixture(scope="module", autouse=True)
def _pack(machinery: As, tester: As) -> Iterator[None]:
    with pack_in_force(machinery, tester):
        yield


@pytest.fixture
def place(machinery: As, name: str) -> Iterator[str]:
    """A guarded namespace."""
    labels = {"chaperone.dev/guard": "enabled"}
    body: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    machinery.run("create", "-f", "-", stdin=json.dumps(body).encode())
    yield name
    machinery.run("delete", "namespace", name, "--ignore-not-found", "--wait=false")


STARTED: Object = {"exec": {"command": ["touch", "/tmp/started"]}}
IS_STARTED: Object = {"exec": {"command": ["test", "-e", "/tmp/started"]}, "periodSeconds": 1}
HOOKED: Object = {
    "lifecycle": {"postStart": STARTED},
    "readinessProbe": IS_STARTED,
    "livenessProbe": IS_STARTED,
}


def test_a_cron_job_that_was_approved_once_makes_jobs_and_pods_that_nobody_is_asked_about(
    admin: Kubectl, tester: As, machinery: As, approve: Callable[[Result], str], name: str
) -> None:
    """Nor does the kubelet ask anybody for the probes and hooks of these."""
    spec = {**pod(name, container(**HOOKED))["spec"], "hostPID": True, "restartPolicy": "Never"}
    template = {"metadata": {"labels": {"app": name}}, "spec": spec}
    every_minute = {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": template}}}
    body: Object = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": every_minute,
    }
    create = ("create", "-f", "-")
    approve(tester.try_(*create, stdin=json.dumps(body).encode()))
    tester.run(*create, stdin=json.dumps(body).encode())
    asked = _waiting(admin, NAMESPACE)
    try:

        def running() -> list[Object]:
            items = admin.get("pods", "-n", NAMESPACE, "-l", f"app={name}")["items"]
            return [item for item in items if item["status"]["phase"] == "Running" and _is_ready(item)]

        [made, *_] = until(running, seconds=180, what="a pod of the Job of the CronJob")
        [owner] = made["metadata"]["ownerReferences"]
        assert owner["kind"] == "Job"
        [origin] = admin.get("job", owner["name"], "-n", NAMESPACE)["metadata"]["ownerReferences"]
        assert (origin["kind"], origin["name"]) == ("CronJob", name)
        assert made["spec"]["initContainers"][0]["name"] == "chaperone-recorder"
        assert _waiting(admin, NAMESPACE) <= asked
    finally:
        machinery.run("delete", "cronjob", name, "-n", NAMESPACE, "--cascade=foreground", "--timeout=90s")


def _is_ready(made: Object) -> bool:
    return any(one["type"] == "Ready" and one["status"] == "True" for one in made["status"]["conditions"])


def _waiting(admin: Kubectl, namespace: str) -> set[str]:
    items = admin.get("approvalrequests", "-n", namespace)["items"]
    return {one["metadata"]["name"] for one in items if one["status"]["phase"] == "Pending"}


def test_garbage_is_collected_with_secrets_in_it(
    admin: Kubectl, tester: As, machinery: As, place: str
) -> None:
    at = ("-n", place)
    machinery.run("create", "configmap", "owner", *at)
    machinery.run("create", "secret", "generic", "owned", "--from-literal=a=b", *at)
    owner = admin.get("configmap", "owner", *at)["metadata"]["uid"]
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner}
    body = json.dumps({"metadata": {"ownerReferences": [reference]}})
    refused = tester.try_("patch", "secret", "owned", *at, "-p", body)
    assert refused.code != 0, "an owner is a way to remove"
    machinery.run("patch", "secret", "owned", *at, "-p", body)
    assert tester.try_("delete", "configmap", "owner", *at).code == 0
    until(lambda: admin.try_("get", "secret", "owned", *at).code != 0, what="the garbage collected")


def test_a_namespace_ends_with_secrets_pods_and_requests_that_wait_in_it(
    admin: Kubectl, tester: As, machinery: As, approve: Callable[[Result], str], place: str
) -> None:
    at = ("-n", place)
    machinery.run("create", "secret", "generic", "kept", "--from-literal=a=b", *at)
    machinery.run("create", "-f", "-", stdin=json.dumps(pod("app", namespace=place)).encode())
    asked = secret("new", a="b").replace(f'"{NAMESPACE}"'.encode(), f'"{place}"'.encode())
    ticket = ticket_of(tester.try_("create", "-f", "-", stdin=asked), place)
    assert _waiting(admin, place) == {ticket}
    end = ("delete", "namespace", place, "--timeout=120s")
    assert "needs a human's approval" in tester.try_(*end).error
    machinery.run(*end)
    assert admin.try_("get", "namespace", place).code != 0


def test_a_kubelet_shows_its_static_pods(admin: Kubectl, machinery: As, name: str) -> None:
    """As they run: they have no recorder, and nobody gets into them. That needs no Chaperone."""
    folder = admin.kubeconfig.parent.parent / "etc/static-pods"
    if not folder.is_dir():
        pytest.skip(
            "needs the files of a node, which only a cluster of scripts/cluster on this machine shows"
        )
    node = admin.get("nodes")["items"][0]["metadata"]["name"]
    manifest, shown = folder / f"{name}.json", f"{name}-{node}"
    at = ("-n", NAMESPACE)
    manifest.write_text(json.dumps(pod(name, container(), hostNetwork=True)))
    try:

        def running() -> bool:
            found = admin.try_("get", "pod", shown, *at, "-o", "jsonpath={.status.phase}")
            return found.text == "Running"

        until(running, seconds=120, what="the pod that the kubelet shows")
        found = admin.get("pod", shown, *at)
        assert "kubernetes.io/config.mirror" in found["metadata"]["annotations"]
        assert "initContainers" not in found["spec"]
        refused = machinery.try_("exec", *at, shown, "--", "ls", "/")
        assert refused.code != 0
        assert "no recorder" in refused.error
    finally:
        manifest.unlink()
    until(lambda: admin.try_("get", "pod", shown, *at).code != 0, seconds=120, what="it gone again")


def test_who_only_says_that_a_pod_is_static_is_guarded_like_everybody(tester: As, name: str) -> None:
    """A recorder is put in, and with its token the API server does not take the pod for a static one."""
    forged = pod(name, container(), annotations={"kubernetes.io/config.mirror": "x"}, hostNetwork=True)
    refused = tester.try_("create", "-f", "-", stdin=json.dumps(forged).encode())
    assert refused.code != 0
    assert "a mirror pod may not use ServiceAccountToken volume projections" in refused.error
