"""Containers that could get around the shim get no session, and others of their pod do."""

import json
from collections.abc import Callable

import pytest
from kube import NAMESPACE, Kubectl, Object, Result, until
from pods import container, pod
from sessions import Audit, marker
from tickets import policy
from workshop import Workshop

PAN, MASKED = "4111111111111111", "411111******1111"


def test_what_could_trace_or_reach_the_node_gets_no_session(
    admin: Kubectl, agent: Kubectl, workshop: Workshop
) -> None:
    data: Object = {"name": "data", "emptyDir": {}}
    kubelet: Object = {"name": "node", "hostPath": {"path": "/var/lib/kubelet"}}
    mount = {"name": "node", "mountPath": "/node", "readOnly": True}
    written = {"name": "data", "mountPath": "/data"}
    name = workshop.pod(
        pod(
            marker(),
            container("plain"),
            container("tracing", securityContext={"capabilities": {"add": ["SYS_PTRACE"]}}),
            container("mounting", securityContext={"capabilities": {"add": ["SYS_ADMIN"]}}),
            container("reaching", volumeMounts=[mount]),
            container("hiding", volumeMounts=[written], terminationMessagePath="/data/link/shim"),
            volumes=[kubelet, data],
        )
    )
    inside = ("exec", "-n", NAMESPACE, name, "-c")
    assert agent.run(*inside, "plain", "--", "echo", PAN) == f"{MASKED}\n"
    for which, why, what in (
        (
            "tracing",
            "could trace what records it",
            "leave the capability SYS_PTRACE out of container tracing",
        ),
        (
            "mounting",
            "could mount something over what records it",
            "leave the capability SYS_ADMIN out of container mounting",
        ),
        ("reaching", "mounts /var/lib/kubelet of its node", "leave volume node out of container reaching"),
        ("hiding", "has its termination message at /data/link/shim", "leave terminationMessagePath out of"),
    ):
        refused = agent.try_(*inside, which, "--", "id")
        assert (refused.code != 0, refused.text) == (True, "")
        assert why in refused.error
        assert what in refused.error
        assert f"kubectl delete pod {name} -n {NAMESPACE}" in refused.error
    own = pod(marker(), container(securityContext={"privileged": True}))
    own["metadata"]["annotations"] = {"chaperone.dev/main-process": "true"}
    refused = admin.try_("create", "--dry-run=server", "-f", "-", stdin=json.dumps(own).encode())
    assert refused.code != 0
    assert "is privileged" in refused.error
    over = pod(marker(), container(terminationMessagePath="/.chaperone/shim"))
    assert "belong to Chaperone" in admin.try_apply(over).error


@pytest.mark.parametrize("shared", ["hostPID", "shareProcessNamespace"])
def test_who_may_trace_shares_no_processes_with_a_recorder(admin: Kubectl, shared: str) -> None:
    for context in ({"privileged": True}, {"capabilities": {"add": ["SYS_PTRACE"]}}):
        made = pod(marker(), container(securityContext=context))
        made["spec"][shared] = True
        refused = admin.try_("create", "--dry-run=server", "-f", "-", stdin=json.dumps(made).encode())
        assert refused.code != 0
        assert f"container app may trace processes, and with {shared} it sees the recorder's" in refused.error


def test_pods_that_lead_out_of_their_containers_wait_for_people_and_their_sessions_are_recorded(
    admin: Kubectl,
    agent: Kubectl,
    workshop: Workshop,
    approve: Callable[[Result], str],
    audit: Audit,
) -> None:
    """As under ``pci-dss``: by namespaces of the node, and by what a container may do."""
    mark = marker()
    seeing = pod(f"{mark}-seeing", container(), hostPID=True)
    able = container(securityContext={"capabilities": {"add": ["SYS_ADMIN"]}})
    names = [f"{mark}-seeing", f"{mark}-able"]
    match: Object = {"doors": ["pod"], "privileged": True, "names": names}
    with policy(admin, {"name": "privileged-pod", "action": "approve", "match": match}):
        for made in (seeing, pod(f"{mark}-able", able)):
            create = ("create", "-f", "-")
            body = json.dumps(made).encode()
            dry = (*create, "--dry-run=server")
            until(
                lambda dry=dry, body=body: all(admin.try_(*dry, stdin=body).code for _ in range(6)),
                what="all replicas follow the policy",
            )
            approve(admin.try_(*create, stdin=body))
            workshop.expect(f"pod/{made['metadata']['name']}")
            admin.run(*create, stdin=body)
    for name in names:
        admin.run("wait", "-n", NAMESPACE, "--for=condition=Ready", f"pod/{name}", "--timeout=180s")
    look = f"tr '\\0' ' ' < /proc/1/cmdline; echo {PAN} {mark}"
    seen = ("exec", "-n", NAMESPACE, names[0], "--", "sh", "-c", look)
    told = until(lambda: agent.try_(*seen).text, what="a session that sees the node's processes")
    assert told.endswith(f"{MASKED} {mark}\n")
    assert "sleep infinity" not in told, "the first process is the node's"
    recorded = audit.recorded(mark)
    assert recorded.data("stdout").decode() == told
    assert [program["argv"][0] for program in recorded.of("program")] == ["sh", "tr"]
    refused = agent.try_("exec", "-n", NAMESPACE, names[1], "--", "id")
    assert "could mount something over what records it" in refused.error
