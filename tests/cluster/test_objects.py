"""Objects and connections on the real path, under the default pack: what waits, and what is never held up."""

import base64
import json
import subprocess
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from changes import apply, deployment, pack_in_force, secret, ticket_of
from kube import NAMESPACE, SYSTEM, Kubectl, Object, Result, until
from people import As
from pods import container, pod

APPROVE = '{"decision":{"verdict":"approve"}}'
VALUE = "hunter2-of-the-doors"


@pytest.fixture(scope="module", autouse=True)
def _pack(machinery: As, tester: As) -> Iterator[None]:
    with pack_in_force(machinery, tester):
        yield


def test_a_secret_is_changed_exactly_as_approved(
    admin: Kubectl, tester: As, machinery: As, approve: Callable[[Result], str], name: str
) -> None:
    machinery.run("create", "-f", "-", stdin=secret(name, password="before"))
    target = ("patch", "secret", name, "-n", NAMESPACE)

    def change(value: str, kind: str = "merge", *options: str) -> Result:
        encoded = base64.b64encode(value.encode()).decode()
        body: Any = {"data": {"password": encoded}}
        if kind == "json":
            body = [{"op": "replace", "path": "/data/password", "value": encoded}]
        return tester.try_(*target, f"--type={kind}", "-p", json.dumps(body), *options)

    assert "dry run" in change(VALUE, "merge", "--dry-run=server").error
    refused = [change(VALUE, kind) for kind in ("merge", "json", "strategic")]
    assert len({ticket_of(result) for result in refused}) == 1, "the same change by any patch is one request"
    ticket = approve(refused[0])
    assert ticket_of(change(VALUE + "x")) != ticket
    assert tester.try_("annotate", "secret", name, "-n", NAMESPACE, "note=harmless").code == 0
    assert change(VALUE).code == 0, "another annotation is none of what was asked"
    assert change(VALUE).code == 0, "it changes nothing now"
    found = admin.get("secret", name, "-n", NAMESPACE)["data"]["password"]
    assert base64.b64decode(found).decode() == VALUE
    assert ticket_of(change("before")) != ticket


def test_an_approval_does_not_outlive_what_was_shown(
    tester: As, machinery: As, approve: Callable[[Result], str], name: str
) -> None:
    machinery.run("create", "-f", "-", stdin=secret(name, password="one"))
    remove = ("delete", "secret", name, "-n", NAMESPACE)
    first = approve(tester.try_(*remove))
    machinery.run("apply", "-f", "-", stdin=secret(name, password="two"))
    second = tester.try_(*remove)
    assert ticket_of(second) != first
    approve(second)
    assert tester.try_(*remove).code == 0


def test_apply_replace_and_edit_are_changes_like_any_other(
    tester: As, machinery: As, approve: Callable[[Result], str], name: str
) -> None:
    for options in ((), ("--server-side", "--field-manager=tests")):
        assert ticket_of(apply(tester, secret(name, password=VALUE), *options))
    approve(apply(tester, secret(name, password=VALUE), "--server-side"))
    assert apply(tester, secret(name, password=VALUE), "--server-side").code == 0
    assert apply(tester, secret(name, password=VALUE), "--server-side").code == 0
    force = ("replace", "--force", "-f", "-")
    refused = tester.try_(*force, stdin=secret(name, password="other"))
    assert "removal of Secret" in refused.error
    edit = ("edit", "secret", name, "-n", NAMESPACE)
    script = (
        "env",
        "KUBE_EDITOR=sed -i s/password:/passport:/",
        *tester.command(*edit),
    )
    edited = subprocess.run(script, capture_output=True, text=True, check=False, timeout=60)
    assert edited.returncode != 0
    assert "change of Secret" in edited.stdout + edited.stderr


def test_all_of_a_kind_is_asked_for_one_by_one(
    admin: Kubectl, tester: As, machinery: As, approve: Callable[[Result], str], name: str
) -> None:
    for suffix in ("", "-b"):
        machinery.run("create", "-f", "-", stdin=secret(name + suffix, a="b"))
    both = ("secret", name, f"{name}-b", "-n", NAMESPACE)
    refused = tester.try_("delete", *both)
    assert refused.error.count("removal of Secret") == 2
    machinery.run("label", "--overwrite", *both, f"doors={name}")
    collection = f"/api/v1/namespaces/{NAMESPACE}/secrets?labelSelector=doors%3D{name}"
    at_once = tester.try_("delete", "--raw", collection)
    assert f"removal of Secret {NAMESPACE}/{name}" in at_once.error
    approve(tester.try_("delete", "secret", name, "-n", NAMESPACE))
    assert tester.try_("delete", "--raw", collection).code != 0
    left = admin.get("secrets", "-n", NAMESPACE, "-l", f"doors={name}")["items"]
    assert [item["metadata"]["name"] for item in left] == [f"{name}-b"]
    machinery.run("delete", "secret", f"{name}-b", "-n", NAMESPACE)


def test_names_that_the_server_makes_up_are_approved_once_for_any(
    tester: As, machinery: As, approve: Callable[[Result], str], name: str
) -> None:
    body = secret(name, a=VALUE).replace(f'"name": "{name}"'.encode(), f'"generateName": "{name}-"'.encode())
    create = ("create", "-f", "-", "-o", "name")
    first, second = (tester.try_(*create, stdin=body) for _ in range(2))
    assert ticket_of(first) == ticket_of(second)
    approve(first)
    made = tester.run(*create, stdin=body).strip()
    assert tester.try_(*create, stdin=body).code != 0
    machinery.run("delete", made, "-n", NAMESPACE)


def test_a_privileged_workload_runs_once_approved_and_goes_on_without_asking(
    admin: Kubectl, tester: As, machinery: As, approve: Callable[[Result], str], name: str
) -> None:
    body = json.dumps(deployment(name, hostNetwork=True)).encode()
    approve(apply(tester, body))
    assert apply(tester, body).code == 0
    target = (f"deployment/{name}", "-n", NAMESPACE)

    def is_ready(count: int) -> bool:
        return admin.get(*target).get("status", {}).get("readyReplicas", 0) == count

    until(lambda: is_ready(1), what="the controllers' pod")
    assert apply(tester, body).code == 0
    tester.run("scale", *target, "--replicas=2")
    tester.run("patch", *target, "--type=merge", "-p", '{"spec":{"replicas":1}}')
    tester.run("rollout", "restart", *target)
    tester.run("rollout", "status", *target, "--timeout=90s")
    image = tester.try_("set", "image", *target, "app=localhost/other:1")
    assert "change of Deployment" in image.error
    found = admin.get("pods", "-n", NAMESPACE, "-l", f"app={name}")["items"]
    [one] = [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]
    running = tester.try_("set", "image", f"pod/{one['metadata']['name']}", "-n", NAMESPACE, "app=other:1")
    assert "change of Pod" in running.error
    owner = one["metadata"]["ownerReferences"]
    forged = pod(f"{name}-forged", container(), hostNetwork=True)
    forged["metadata"]["ownerReferences"] = owner
    direct = tester.try_("create", "-f", "-", stdin=json.dumps(forged).encode())
    assert "creation of pod" in direct.error
    machinery.run("delete", *target, "--cascade=foreground", "--timeout=60s")


@pytest.mark.parametrize("kind", ["Job", "CronJob"])
def test_jobs_are_judged_by_their_template(tester: As, name: str, kind: str) -> None:
    template = {"spec": {**pod(name, container())["spec"], "hostPID": True, "restartPolicy": "Never"}}
    spec: Object = {"template": template}
    if kind == "CronJob":
        spec = {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": spec}}
    body = {"apiVersion": "batch/v1", "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE}}
    refused = tester.try_("create", "-f", "-", stdin=json.dumps({**body, "spec": spec}).encode())
    assert f"creation of {kind}" in refused.error


def test_card_data_belongs_into_no_configmap(admin: Kubectl, tester: As, name: str) -> None:
    create = ("create", "configmap", name, "-n", NAMESPACE)
    refused = tester.try_(*create, "--from-literal=note=pay 4111 1111 1111 1111")
    shown = admin.get("approvalrequest", ticket_of(refused), "-n", NAMESPACE)["spec"]["shown"]
    assert "/data/note: pan" in shown
    assert "1111 1111" not in shown
    assert tester.try_(*create, "--from-literal=note=nothing").code == 0


def test_rights_tokens_and_connections_wait(tester: As, admin: Kubectl, app: str, name: str) -> None:
    node = admin.get("nodes")["items"][0]["metadata"]["name"]
    at = ("-n", NAMESPACE)
    for command, said in (
        (("create", "token", "default", *at), "TokenRequest token"),
        (("create", "role", name, "--verb=get", "--resource=secrets", *at), "creation of Role"),
        (("create", "rolebinding", name, "--clusterrole=edit", "--user=x", *at), "creation of RoleBinding"),
        (("port-forward", f"pod/{app}", ":80", *at), f"pods/portforward {NAMESPACE}/{app}"),
        (("get", "--raw", f"/api/v1/namespaces/{NAMESPACE}/pods/{app}:80/proxy/x"), "pods/proxy"),
        (("get", "--raw", f"/api/v1/namespaces/{NAMESPACE}/services/web:80/proxy/x"), "services/proxy"),
    ):
        refused = tester.try_(*command)
        assert said in refused.error
        assert ticket_of(refused)
    for command, said in (
        (
            ("create", "clusterrolebinding", name, "--clusterrole=cluster-admin", "--user=x"),
            "ClusterRoleBinding",
        ),
        (("get", "--raw", f"/api/v1/nodes/{node}/proxy/pods"), f"nodes/proxy {node}"),
    ):
        refused = tester.try_(*command)
        assert said in refused.error
        assert ticket_of(refused, SYSTEM)
    assert tester.try_("get", "--raw", f"/api/v1/nodes/{node}/proxy/metrics").code == 0
    assert tester.try_("create", "role", name, "--verb=get", "--resource=pods", *at).code == 0
    assert tester.try_("create", "rolebinding", name, f"--role={name}", "--user=x", *at).code == 0


def test_one_connection_for_one_approval(
    tester: As, approve: Callable[[Result], str], admin: Kubectl, app: str
) -> None:
    path = f"/api/v1/namespaces/{NAMESPACE}/pods/{app}:9/proxy/"
    ticket = approve(tester.try_("get", "--raw", path))
    assert "denied the request" not in tester.try_("get", "--raw", path).error
    assert admin.get("approvalrequest", ticket, "-n", NAMESPACE)["status"]["phase"] == "Used"
    assert ticket_of(tester.try_("get", "--raw", path)) != ticket


def test_the_guard_is_not_taken_away_without_somebody_else(tester: As, admin: Kubectl) -> None:
    unlabel = '{"metadata":{"labels":{"chaperone.dev/guard":null}}}'
    patch = ("patch", "namespace", NAMESPACE, "--type=merge", "-p")
    server = ("--dry-run=server",)
    own = ("-n", SYSTEM, "deployment/chaperone-admission", *server)
    policy = admin.get("guardpolicies")["items"][0]["metadata"]["name"]
    pods = admin.get("pods", "-n", SYSTEM, "-l", "app.kubernetes.io/component=collector")["items"]
    collector = pods[0]["metadata"]["name"]
    notes = admin.get("secrets", "-n", SYSTEM, "-l", "owner=helm,status=deployed")["items"]
    note = ("secret", notes[0]["metadata"]["name"], "-n", SYSTEM)
    for command in (
        ("patch", *note, "--type=merge", "-p", '{"data":{"release":"eA=="}}', *server),
        ("label", *note, "status=pending-install", "--overwrite", *server),
        ("delete", *note, *server),
        (*patch, unlabel, *server),
        (*patch, unlabel, "--subresource=status", *server),
        ("delete", "namespace", NAMESPACE, "--wait=false", *server),
        ("delete", "guardpolicy", policy, *server),
        ("delete", "crd", "guardpolicies.chaperone.dev", *server),
        ("delete", "apiservice", "v1alpha1.audit.chaperone.dev", *server),
        ("delete", "clusterrole", "chaperone-admission", *server),
        ("delete", "role", "chaperone-collector", "-n", SYSTEM, *server),
        ("delete", "pvc,serviceaccount", "--all", "-n", SYSTEM, *server),
        ("label", *own, "app.kubernetes.io/name=other", "--overwrite"),
        ("set", "env", *own, "A=b"),
        ("scale", *own, "--replicas=0"),
        ("exec", "-n", SYSTEM, "deployment/chaperone-admission", "--", "id"),
        ("debug", "-n", SYSTEM, collector, "--image=x", "--target=collector", "--attach=false", "--", "id"),
    ):
        refused = tester.try_(*command)
        assert refused.code != 0, command
        assert "needs a human's approval" in refused.error, command
    harmless = '{"metadata":{"labels":{"doors":"open"}}}'
    assert tester.try_(*patch, harmless, *server).code == 0


def test_who_upgrades_is_not_asked(admin: Kubectl) -> None:
    operator = As(admin, "carol", "chaperone-operators", "system:masters")
    own = ("-n", SYSTEM, "deployment/chaperone-admission", "--dry-run=server")
    assert operator.try_("set", "env", *own, "A=b").code == 0


def test_values_of_secrets_are_nowhere(admin: Kubectl, tester: As, name: str) -> None:
    value = f"{VALUE}-{uuid.uuid4().hex}"
    encoded = base64.b64encode(value.encode()).decode()
    assert ticket_of(apply(tester, secret(name, password=value)))
    logs = admin.run("logs", "-n", SYSTEM, "-l", "app.kubernetes.io/component=admission", "--tail=-1")
    requests = admin.run("get", "approvalrequests", "-A", "-o", "json")
    events = admin.run("get", "events", "-A", "-o", "json")
    assert name in logs
    assert name in requests
    for text in (logs, requests, events):
        assert value not in text
        assert encoded not in text
