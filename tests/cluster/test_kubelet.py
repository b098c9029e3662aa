"""What the kubelet runs by itself in guarded pods, under the default pack: probes and hooks are no sessions.

In a container as it is, and in one whose own program runs under the shim.
"""

import json
from collections.abc import Iterator

import pytest
from changes import pack_in_force
from kube import NAMESPACE, Kubectl, Object, rest_of, until
from people import As
from pods import container, pod
from sessions import API, Audit, marker
from workshop import Workshop

AT_ONCE = {"periodSeconds": 1, "timeoutSeconds": 10, "failureThreshold": 60}
LATER = {"periodSeconds": 5, "timeoutSeconds": 10, "failureThreshold": 60}
FILES = tuple(f"/tmp/{file}" for file in ("started", "startup", "readiness", "liveness"))
WEB = """
import http.server
http.server.ThreadingHTTPServer(("", 8080), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


@pytest.fixture(scope="module", autouse=True)
def _pack(machinery: As, tester: As) -> Iterator[None]:
    with pack_in_force(machinery, tester):
        yield


def run(script: str) -> Object:
    return {"exec": {"command": ["sh", "-c", script]}}


def get(what: str) -> Object:
    return {"httpGet": {"port": 8080, "path": f"/?{what}"}}


def probed(name: str, mark: str) -> Object:
    """A container with a probe and a hook of each kind, each of which leaves a file or a line behind."""
    return container(
        name,
        command=["sh", "-c", "trap 'cat /tmp/stopping; exit 0' TERM; echo begun; sleep infinity & wait"],
        startupProbe={**run(f"test -e /tmp/started && echo {mark} > /tmp/startup"), **AT_ONCE},
        readinessProbe={**run("test -e /tmp/startup && date > /tmp/readiness"), **LATER},
        livenessProbe={**run("date > /tmp/liveness"), **LATER},
        lifecycle={"postStart": run("touch /tmp/started"), "preStop": run("echo stopping > /tmp/stopping")},
    )


def test_probes_and_hooks_work_and_are_not_sessions(
    admin: Kubectl, agent: Kubectl, audit: Audit, workshop: Workshop
) -> None:
    mark = marker()
    web = container(
        "web",
        command=["python3", "-u", "-c", WEB],
        startupProbe={**get("startup"), **AT_ONCE},
        readinessProbe={"tcpSocket": {"port": 8080}, **LATER},
        livenessProbe={**get("liveness"), **LATER},
    )
    manifest = pod(
        mark,
        *(probed("app", mark), probed("own", mark), web),
        annotations={"chaperone.dev/main-process": "own,web"},
        terminationGracePeriodSeconds=30,
    )
    name = workshop.pod(manifest)
    for inside in ("app", "own"):
        look = ("exec", "-n", NAMESPACE, name, "-c", inside, "--", "ls", *FILES)
        until(lambda look=look: agent.try_(*look).code == 0, what="what each of them left behind")
    for what in ("startup", "liveness"):
        until(lambda what=what: f"GET /?{what} " in logs(admin, name, "web"), what=f"a {what} probe by HTTP")
    sessions = audit.kubectl.raw(f"{API}/namespaces/{NAMESPACE}/sessions?limit=100")["items"]
    kinds = {
        (one["spec"].get("kind", "exec"), one["spec"]["command"][0])
        for one in sessions
        if one["spec"]["pod"] == name
    }
    assert kinds == {("exec", "ls"), ("main-process", "sh"), ("main-process", "python3")}
    following = [admin.start("logs", "-f", "-n", NAMESPACE, name, "-c", inside) for inside in ("app", "own")]
    assert [log.stdout.readline() for log in following if log.stdout is not None] == [b"begun\n"] * 2
    admin.run("delete", "pod", "-n", NAMESPACE, name, "--timeout=60s")
    assert [rest_of(log)[0] for log in following] == [b"stopping\n"] * 2


def logs(admin: Kubectl, name: str, inside: str) -> str:
    return admin.run("logs", "-n", NAMESPACE, name, "-c", inside)


def test_what_fails_a_probe_restarts_its_container_and_not_the_recorder(
    admin: Kubectl, audit: Audit, workshop: Workshop
) -> None:
    failing = {"periodSeconds": 1, "failureThreshold": 1}
    name = workshop.pod(
        pod(
            marker(),
            container(livenessProbe={**run("exit 1"), **failing}),
            container("own", livenessProbe={**run("exit 1"), **failing}),
            container("never", startupProbe={"tcpSocket": {"port": 8081}, **failing}),
            annotations={"chaperone.dev/main-process": "own,never"},
        ),
        ready=False,
    )

    def restarted() -> bool:
        status = admin.get("pod", name, "-n", NAMESPACE)["status"]
        counts = {one["name"]: one["restartCount"] for one in status.get("containerStatuses", [])}
        return len(counts) == 3 and all(counts.values())

    until(restarted, seconds=120, what="the containers started again")
    status = admin.get("pod", name, "-n", NAMESPACE)["status"]
    assert [one["restartCount"] for one in status["initContainerStatuses"]] == [0], json.dumps(status)
    until(lambda: len(audit.own_sessions(name, "own")) >= 2, what="a session for each start")
    *_, second, first = audit.own_sessions(name, "own")
    assert second["spec"]["previous"] == first["metadata"]["name"]
