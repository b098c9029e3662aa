"""Containers that could get around the shim get no session, and others of their pod do."""

import json

from kube import NAMESPACE, Kubectl, Object
from pods import container, pod
from sessions import marker
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
