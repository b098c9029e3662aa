"""What the kubelet runs by itself in guarded pods: probes and hooks go on, and are no sessions."""

import json

from kube import NAMESPACE, Kubectl, until
from pods import container, pod
from sessions import Audit, marker
from workshop import Workshop

PROBE = {"periodSeconds": 1, "timeoutSeconds": 10, "failureThreshold": 30}


def run(script: str) -> dict[str, object]:
    return {"exec": {"command": ["sh", "-c", script]}}


def test_probes_and_hooks_work_and_are_not_sessions(
    admin: Kubectl, agent: Kubectl, audit: Audit, workshop: Workshop
) -> None:
    mark = marker()
    probed = container(
        startupProbe={**run(f"test -e /tmp/started && echo {mark} > /tmp/startup"), **PROBE},
        readinessProbe={**run("test -e /tmp/startup && date > /tmp/readiness"), **PROBE},
        livenessProbe={**run("date > /tmp/liveness"), **PROBE},
        lifecycle={"postStart": run("touch /tmp/started"), "preStop": run("echo stopping > /proc/1/fd/1")},
    )
    name = workshop.pod(pod(mark, probed, terminationGracePeriodSeconds=30))
    for file in ("started", "startup", "readiness", "liveness"):
        until(lambda file=file: has(agent, name, file), what=f"/tmp/{file}")
    sessions = audit.kubectl.raw("/apis/audit.chaperone.dev/v1alpha1/namespaces/payments/sessions?limit=100")
    commands = {tuple(one["spec"]["command"]) for one in sessions["items"] if one["spec"]["pod"] == name}
    assert commands
    assert {command[0] for command in commands} == {"test"}
    log = admin.start("logs", "-f", "-n", NAMESPACE, name, "-c", "app")
    admin.run("delete", "pod", "-n", NAMESPACE, name, "--timeout=60s")
    assert b"stopping" in log.communicate(timeout=60)[0]


def has(agent: Kubectl, name: str, file: str) -> bool:
    return agent.try_("exec", "-n", NAMESPACE, name, "--", "test", "-e", f"/tmp/{file}").code == 0


def test_what_fails_a_probe_restarts_its_container_and_not_the_recorder(
    admin: Kubectl, workshop: Workshop
) -> None:
    mark = marker()
    name = workshop.pod(
        pod(mark, container(livenessProbe={**run("exit 1"), "periodSeconds": 1, "failureThreshold": 1})),
        ready=False,
    )

    def restarted() -> bool:
        status = admin.get("pod", name, "-n", NAMESPACE)["status"]
        return any(one["restartCount"] for one in status.get("containerStatuses", []))

    until(restarted, seconds=90, what="the container started again")
    status = admin.get("pod", name, "-n", NAMESPACE)["status"]
    assert [one["restartCount"] for one in status["initContainerStatuses"]] == [0], json.dumps(status)
