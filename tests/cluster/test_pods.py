"""Every kind of pod: what is injected, what is refused, and that exec works in it."""

import json
import re

import pytest
from kube import NAMESPACE, Kubectl, Object, until
from people import As
from pods import APP_IMAGE, container, pod, restricted
from sessions import Audit, marker
from workshop import Workshop

EXEC = ("exec", "-n", NAMESPACE)
RECORDER = "chaperone-recorder"


def spec_of(admin: Kubectl, name: str) -> Object:
    return admin.get("-n", NAMESPACE, f"pod/{name}")["spec"]


def say(agent: Kubectl, audit: Audit, name: str, *container_flag: str) -> Object:
    """Run echo in a pod and give the session that came of it."""
    mark = marker()
    assert agent.run(*EXEC, name, *container_flag, "--", "echo", mark) == f"{mark}\n"
    return audit.recorded(mark).object["spec"]


def test_the_recorder_is_the_first_init_container_and_stays(admin: Kubectl, app: str) -> None:
    first, *_ = spec_of(admin, app)["initContainers"]
    assert (first["name"], first["restartPolicy"]) == (RECORDER, "Always")


def test_the_recorder_meets_the_restricted_standard(admin: Kubectl, app: str) -> None:
    context = spec_of(admin, app)["initContainers"][0]["securityContext"]
    assert context["runAsNonRoot"]
    assert context["runAsUser"] == 47813
    assert context["readOnlyRootFilesystem"]
    assert not context["allowPrivilegeEscalation"]
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}


def test_a_container_without_a_shell(agent: Kubectl, bare: str, audit: Audit) -> None:
    mark = marker()
    assert agent.run(*EXEC, bare, "--", "/tool", "echo", mark) == f"{mark}\n"
    assert audit.recorded(mark).status["exitCode"] == 0
    assert agent.try_(*EXEC, bare, "--", "sh").code == 127


def test_a_terminal_in_a_container_without_a_shell(agent: Kubectl, bare: str) -> None:
    terminal = agent.terminal(*EXEC, "-it", bare, "--", "/tool", "echo", "hello")
    assert b"hello" in terminal.read()


def test_a_read_only_root_and_a_user_without_rights(workshop: Workshop, agent: Kubectl, audit: Audit) -> None:
    context = {**restricted(), "readOnlyRootFilesystem": True}
    workshop.pod(pod("strict", container(securityContext=context)))
    say(agent, audit, "strict")
    assert agent.run(*EXEC, "strict", "--", "id", "-u").strip() == "1000"
    terminal = agent.terminal(*EXEC, "-it", "strict", "--", "id", "-u")
    assert b"1000" in terminal.read()


def test_every_container_of_a_pod_is_guarded_and_told_apart(
    workshop: Workshop, agent: Kubectl, audit: Audit
) -> None:
    sidecar = container("proxy", restartPolicy="Always")
    workshop.pod(pod("many", container("one"), container("two"), initContainers=[sidecar]))
    for name in ("one", "two", "proxy"):
        assert say(agent, audit, "many", "-c", name)["container"] == name


def test_an_init_container_can_be_entered_while_it_runs(
    workshop: Workshop, admin: Kubectl, agent: Kubectl, audit: Audit
) -> None:
    waiting = container("prepare", command=["sh", "-c", "until [ -e /tmp/go ]; do sleep 0.1; done"])
    workshop.pod(pod("starting", initContainers=[waiting]), ready=False)

    def running() -> bool:
        statuses = admin.get("-n", NAMESPACE, "pod/starting")["status"].get("initContainerStatuses", [])
        return any(item["name"] == "prepare" and "running" in item["state"] for item in statuses)

    until(running, what="init container prepare running")
    assert say(agent, audit, "starting", "-c", "prepare")["container"] == "prepare"
    agent.try_(*EXEC, "starting", "-c", "prepare", "--", "touch", "/tmp/go")  # may end with its container
    admin.run("wait", "-n", NAMESPACE, "--for=condition=Ready", "pod/starting", "--timeout=60s")


def template(name: str, *, restart: str = "Always", command: list[str] | None = None) -> Object:
    manifest = pod(name, container(command=command))
    return {"metadata": {"labels": {"app": name}}, "spec": {**manifest["spec"], "restartPolicy": restart}}


def selected(name: str) -> Object:
    return {"selector": {"matchLabels": {"app": name}}, "template": template(name)}


def workload(kind: str, api: str, name: str, spec: Object) -> Object:
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec}


def pod_named_after(admin: Kubectl, name: str) -> str:
    def running() -> str | None:
        items = admin.get("-n", NAMESPACE, "pods", "-l", f"app={name}")["items"]
        ready = [
            item["metadata"]["name"]
            for item in items
            if any(
                c["type"] == "Ready" and c["status"] == "True" for c in item["status"].get("conditions", [])
            )
        ]
        return ready[0] if ready else None

    return until(running, what=f"a ready pod of {name}")


@pytest.mark.parametrize(
    ("kind", "api", "more"),
    [("Deployment", "apps/v1", {"replicas": 1}), ("StatefulSet", "apps/v1", {"serviceName": "set"})],
)
def test_pods_of_a_controller(
    workshop: Workshop, admin: Kubectl, agent: Kubectl, audit: Audit, kind: str, api: str, more: Object
) -> None:
    name = kind.lower()
    workshop.object(workload(kind, api, name, {**selected(name), **more}))
    say(agent, audit, pod_named_after(admin, name))


def test_a_job_can_be_entered_and_completes_with_the_recorder_beside_it(
    workshop: Workshop, admin: Kubectl, agent: Kubectl, audit: Audit
) -> None:
    wait = "until [ -e /tmp/go ]; do sleep 0.2; done"
    spec = {"template": template("batch", restart="Never", command=["sh", "-c", wait])}
    workshop.object(workload("Job", "batch/v1", "batch", spec))
    name = pod_named_after(admin, "batch")
    say(agent, audit, name)
    agent.run(*EXEC, name, "--", "touch", "/tmp/go")
    admin.run("wait", "-n", NAMESPACE, "--for=condition=Complete", "job/batch", "--timeout=90s")


def test_a_cron_job_runs_and_can_be_entered(
    workshop: Workshop, admin: Kubectl, agent: Kubectl, audit: Audit
) -> None:
    spec: Object = {
        "schedule": "0 0 1 1 *",
        "jobTemplate": {"spec": {"template": template("cron", restart="Never")}},
    }
    workshop.object(workload("CronJob", "batch/v1", "cron", spec))
    admin.run("create", "job", "-n", NAMESPACE, "--from=cronjob/cron", "cron-now")
    try:
        say(agent, audit, pod_named_after(admin, "cron"))
    finally:
        admin.delete_now("-n", NAMESPACE, "job/cron-now")


GREEDY: list[tuple[Object, str]] = [
    ({"volumes": [{"name": "chaperone", "emptyDir": {}}]}, "chaperone"),
    ({"volumes": [{"name": "chaperone-spool", "emptyDir": {}}]}, "chaperone-spool"),
    ({"containers": [container(RECORDER)]}, RECORDER),
    ({"initContainers": [container(RECORDER)]}, RECORDER),
    (
        {
            "volumes": [{"name": "mine", "emptyDir": {}}],
            "containers": [container(volumeMounts=[{"name": "mine", "mountPath": "/.chaperone"}])],
        },
        "/.chaperone",
    ),
    (
        {
            "volumes": [{"name": "mine", "emptyDir": {}}],
            "containers": [container(volumeMounts=[{"name": "mine", "mountPath": "/x/../.chaperone/app/"}])],
        },
        "/.chaperone",
    ),
]


@pytest.mark.parametrize(("change", "named"), GREEDY)
def test_a_pod_that_takes_our_names_or_paths_is_refused(agent: Kubectl, change: Object, named: str) -> None:
    manifest = pod("greedy")
    manifest["spec"].update(change)
    result = agent.try_("create", "-f", "-", stdin=json.dumps(manifest).encode())
    assert result.code != 0
    assert named in result.error
    assert re.search("reserved|belong to Chaperone", result.error)


def test_a_link_that_leads_a_volume_over_the_shim_leads_nowhere(workshop: Workshop, agent: Kubectl) -> None:
    """What lies in the place of the shim then is the workload's own; without the refusal it would run."""
    fake = "ln -s /.chaperone /v/link; printf '#!/bin/sh\\necho fooled' > /w/shim; chmod 755 /w/shim"
    mounts = [{"name": "v", "mountPath": "/v"}, {"name": "w", "mountPath": "/w"}]
    inside = [mounts[0], {"name": "w", "mountPath": "/v/link"}]
    volumes: list[Object] = [{"name": "v", "emptyDir": {}}, {"name": "w", "emptyDir": {}}]
    manifest = pod(
        "shadowed",
        container(volumeMounts=inside),
        initContainers=[container("prepare", command=["sh", "-c", fake], volumeMounts=mounts)],
        volumes=volumes,
    )
    refused = agent.try_(*EXEC, workshop.pod(manifest), "--", "id")
    assert refused.code != 0
    assert "fooled" not in refused.text
    assert "inside another volume, where a link could lead it over what records" in refused.error


LOOK = r"""
seen=0
for process in /proc/[0-9]*; do
  tr '\0' ' ' < $process/cmdline | grep -q 'python3 -m side[c]ar' || continue
  seen=$((seen + 1))
  for file in root/spool environ maps fd/0 cwd/ mem; do
    head -c 1 $process/$file >/dev/null 2>&1 && echo "open: $process/$file"
    ls $process/$file/ >/dev/null 2>&1 && echo "open: $process/$file/"
  done
done
[ $seen -ge 3 ] && echo looked
"""


@pytest.mark.parametrize("shared", ["shareProcessNamespace", "hostPID"])
@pytest.mark.parametrize("user", [0, 47813])
def test_a_shared_process_namespace_shows_nothing_of_the_recorder(
    workshop: Workshop, agent: Kubectl, user: int, shared: str
) -> None:
    """Not to root without the capability to trace, not even to the recorder's own user."""
    app = container(securityContext={"runAsUser": user, "runAsGroup": user})
    made = pod(f"sharing-{user}", app)
    made["spec"][shared] = True
    name = workshop.pod(made)
    assert agent.run(*EXEC, name, "--", "sh", "-c", LOOK) == "looked\n"


def test_injection_survives_the_restricted_standard(admin: Kubectl, agent: Kubectl, audit: Audit) -> None:
    namespace = "payments-restricted"
    admin.apply(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": namespace,
                "labels": {
                    "pod-security.kubernetes.io/enforce": "restricted",
                    "chaperone.dev/guard": "enabled",
                },
            },
        }
    )
    try:
        admin.apply(pod("strict", container(securityContext=restricted()), namespace=namespace))
        admin.run("wait", "-n", namespace, "--for=condition=Ready", "pod/strict", "--timeout=90s")
        assert admin.run("exec", "-n", namespace, "strict", "--", "echo", "hello") == "hello\n"
    finally:
        admin.run("delete", "namespace", namespace, "--wait=true")


def test_a_pod_of_another_namespace_is_left_alone(admin: Kubectl) -> None:
    admin.apply(pod("free", namespace="default"))
    try:
        admin.run("wait", "-n", "default", "--for=condition=Ready", "pod/free", "--timeout=90s")
        spec = admin.get("-n", "default", "pod/free")["spec"]
        assert "initContainers" not in spec
        assert admin.run("exec", "-n", "default", "free", "--", "echo", "hello") == "hello\n"
    finally:
        admin.delete_now("-n", "default", "pod/free")


def test_injecting_twice_changes_nothing(workshop: Workshop, admin: Kubectl) -> None:
    """A stored pod sent again, as another webhook's reinvocation would, keeps one recorder."""
    workshop.pod(pod("twice"))
    stored = admin.get("-n", NAMESPACE, "pod/twice")
    for field in ("resourceVersion", "uid", "creationTimestamp", "managedFields"):
        stored["metadata"].pop(field, None)
    stored["metadata"]["name"] = "thrice"
    stored["spec"].pop("nodeName")
    stored.pop("status")
    workshop.pod(stored)
    spec = spec_of(admin, "thrice")
    assert [item["name"] for item in spec["initContainers"]] == [RECORDER]
    assert spec["containers"][0]["image"] == APP_IMAGE
    assert len([m for m in spec["containers"][0]["volumeMounts"] if m["mountPath"] == "/.chaperone"]) == 1


def test_nobody_enters_the_recorder(admin: Kubectl, app: str) -> None:
    parts = ("system:apiserver", "system:serviceaccount:kube-system:clusterrole-aggregation-controller")
    for who in (admin, *(As(admin, part, "system:masters") for part in parts)):
        result = who.try_("exec", "-n", NAMESPACE, app, "-c", RECORDER, "--", "/bin/true")
        assert result.code != 0
        assert "nobody gets into the recorder" in result.error


def test_the_application_cannot_write_beside_its_shim(agent: Kubectl, app: str) -> None:
    for path in ("/.chaperone/shim", "/.chaperone/new"):
        result = agent.try_(*EXEC, app, "--", "sh", "-c", f"echo x > {path}")
        assert result.code != 0
        assert "Read-only file system" in result.error
