"""What kubectl can do to objects, under the default pack: each as docs/doors.md says."""

import json
import subprocess
from collections.abc import Callable, Iterator

import pytest
from changes import apply, deployment, pack_in_force, secret
from kube import NAMESPACE, Kubectl, Object, Result, until
from people import As
from pods import container, pod
from sessions import API

Approve = Callable[[Result], str]
AT = ("-n", NAMESPACE)


@pytest.fixture(scope="module", autouse=True)
def _pack(machinery: As, tester: As) -> Iterator[None]:
    with pack_in_force(machinery, tester):
        yield


@pytest.fixture
def guarded(machinery: As, name: str) -> Iterator[str]:
    """A guarded namespace of its own."""
    labels = {"chaperone.dev/guard": "enabled"}
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    machinery.run("create", "-f", "-", stdin=json.dumps(body).encode())
    yield name
    machinery.run("delete", "namespace", name, "--wait=false", "--ignore-not-found")


def editing(user: As, name: str, script: str) -> Result:
    """``kubectl edit`` a Secret by a script of sed."""
    command = ["env", f"KUBE_EDITOR=sed -i {script}", *user.command("edit", "secret", name, *AT)]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    return Result(done.returncode, done.stdout, done.stderr)


def events_about(auditor: Kubectl, name: str) -> list[Object]:
    items = auditor.raw(f"{API}/namespaces/{NAMESPACE}/auditevents?limit=300")["items"]
    return [item for item in items if item["about"].get("name") == name]


def test_a_dry_run_asks_nobody_says_nothing_happened_and_uses_nothing_up(
    admin: Kubectl, auditor: Kubectl, tester: As, machinery: As, approve: Approve, name: str
) -> None:
    def tickets() -> int:
        return len(admin.get("approvalrequests", "-A")["items"])

    machinery.run("create", "-f", "-", stdin=secret(name, a="b"))
    before, body, dry = tickets(), secret(name, a="c"), "--dry-run=server"
    patch = ("patch", "secret", name, *AT, "--type=merge", "-p", '{"data":{"a":"Yw=="}}')
    for refused in (
        tester.try_("create", "secret", "generic", f"{name}-new", *AT, "--from-literal=a=b", dry),
        apply(tester, body, dry),
        apply(tester, body, dry, "--server-side", "--force-conflicts"),
        tester.try_("replace", "-f", "-", dry, stdin=body),
        tester.try_(*patch, dry),
        tester.try_("delete", "secret", name, *AT, dry),
        tester.try_("create", "-f", "-", dry, stdin=json.dumps(deployment(name, hostPID=True)).encode()),
    ):
        assert "Nobody was asked, because this is a dry run" in refused.error
    assert tickets() == before
    ticket = approve(tester.try_(*patch))
    for _ in range(3):
        assert tester.try_(*patch, dry).code == 0
    assert admin.get("approvalrequest", ticket, *AT)["status"]["phase"] == "Approved"
    assert admin.get("secret", name, *AT)["data"] == {"a": "Yg=="}
    assert tester.try_(*patch).code == 0

    def happened() -> list[Object]:
        decisions = [one for one in events_about(auditor, name) if one["type"] == "decision"]
        return [one for one in decisions if one["outcome"] == "success" and not one.get("dryRun")]

    assert len(until(happened, what="the change on record")) == 1
    assert not events_about(auditor, f"{name}-new") or all(
        one["dryRun"] for one in events_about(auditor, f"{name}-new")
    )


def test_an_edit_goes_through_as_approved(
    admin: Kubectl, tester: As, machinery: As, approve: Approve, name: str
) -> None:
    machinery.run("create", "-f", "-", stdin=secret(name, password="one"))
    approve(editing(tester, name, "s/password:/passport:/"))
    assert editing(tester, name, "s/password:/passcode:/").code != 0
    assert editing(tester, name, "s/password:/passport:/").code == 0
    assert admin.get("secret", name, *AT)["data"].keys() == {"passport"}


def test_replacing_by_force_is_a_removal_and_a_creation(
    admin: Kubectl, tester: As, machinery: As, approve: Approve, name: str
) -> None:
    machinery.run("create", "-f", "-", stdin=secret(name, a="b"))
    force = ("replace", "--force", "--grace-period=0", "-f", "-")
    removal = tester.try_(*force, stdin=secret(name, a="c"))
    assert "removal of Secret" in removal.error
    approve(removal)
    creation = tester.try_(*force, stdin=secret(name, a="c"))
    assert "creation of Secret" in creation.error
    assert admin.try_("get", "secret", name, *AT).code != 0, "what was approved has happened"
    approve(creation)
    assert tester.try_("create", "-f", "-", stdin=secret(name, a="c")).code == 0


def test_of_all_those_go_that_are_approved(
    admin: Kubectl, tester: As, machinery: As, approve: Approve, guarded: str
) -> None:
    for which in ("one", "two", "three"):
        machinery.run("create", "secret", "generic", which, "--from-literal=a=b", "-n", guarded)
    everything = ("delete", "secret", "--all", "-n", guarded)
    refused = tester.try_(*everything)
    assert refused.error.count("removal of Secret") == 3
    approve(tester.try_("delete", "secret", "two", "-n", guarded))
    assert tester.try_(*everything).error.count("removal of Secret") == 2
    left = admin.get("secrets", "-n", guarded)["items"]
    assert [item["metadata"]["name"] for item in left] == ["one", "three"]


def test_scaling_and_restarting_ask_nobody_and_going_back_asks(
    admin: Kubectl, tester: As, machinery: As, name: str
) -> None:
    body = deployment(name, hostNetwork=True)
    machinery.run(
        "create", "-f", "-", stdin=json.dumps({**body, "spec": {**body["spec"], "replicas": 0}}).encode()
    )
    target = (f"deployment/{name}", *AT)
    machinery.run("set", "env", *target, "A=b")
    until(
        lambda: len(admin.get("replicasets", *AT, "-l", f"app={name}")["items"]) == 2,
        what="two generations of the workload",
    )
    for harmless in (
        ("scale", *target, "--replicas=0"),
        ("rollout", "restart", *target),
        ("rollout", "pause", *target),
        ("rollout", "resume", *target),
        ("label", *target, "doors=open"),
    ):
        assert tester.try_(*harmless).code == 0, harmless
    for asked in (
        ("rollout", "undo", *target, "--to-revision=1"),
        ("set", "env", *target, "A=c"),
        ("set", "image", *target, "app=other:1"),
    ):
        assert "change of Deployment" in tester.try_(*asked).error, asked


def test_controllers_make_what_was_approved_and_kube_system_is_left_alone(
    admin: Kubectl, tester: As, machinery: As, approve: Approve, name: str
) -> None:
    spec = pod(name, container(command=["true"]), hostNetwork=True, restartPolicy="Never")["spec"]
    job: Object = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"template": {"spec": spec}, "backoffLimit": 0},
    }
    body = json.dumps(job).encode()
    approve(tester.try_("create", "-f", "-", stdin=body))
    assert tester.try_("create", "-f", "-", stdin=body).code == 0
    admin.run("wait", f"job/{name}", *AT, "--for=condition=Complete", "--timeout=90s")
    other = ("secret", "generic", name, "-n", "kube-system")
    assert tester.try_("create", *other, "--from-literal=a=b").code == 0
    assert tester.try_("delete", "secret", name, "-n", "kube-system").code == 0


def test_the_end_of_a_namespace_takes_its_secrets_once_approved(
    admin: Kubectl, tester: As, machinery: As, approve: Approve, guarded: str
) -> None:
    machinery.run("create", "secret", "generic", "inside", "--from-literal=a=b", "-n", guarded)
    remove = ("delete", "namespace", guarded, "--timeout=60s")
    refused = tester.try_(*remove)
    assert "removal of Namespace" in refused.error
    approve(refused)
    assert tester.try_(*remove).code == 0
    assert admin.try_("get", "namespace", guarded).code != 0
