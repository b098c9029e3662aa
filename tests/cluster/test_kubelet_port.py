"""The kubelet's own port: closed to who has no ``nodes/proxy``, and past the guard for who has it."""

import uuid
from collections.abc import Iterator

import pytest
from direct import Direct
from kube import NAMESPACE, Kubectl, until
from sessions import Audit, marker

PAN = "4111111111111111"


@pytest.fixture(scope="module")
def kubelet(admin: Kubectl) -> str:
    """Host and port of the kubelet of the first node."""
    addresses = admin.get("nodes")["items"][0]["status"]["addresses"]
    host = next(one["address"] for one in addresses if one["type"] == "InternalIP")
    return f"{host}:10250"


def run(pod: str) -> str:
    return f"/run/{NAMESPACE}/{pod}/app?cmd=id"


def test_who_has_no_right_to_the_nodes_proxy_gets_nothing_there(
    admin: Kubectl, agent: Kubectl, app: str, kubelet: str
) -> None:
    token = admin.run("create", "token", "default", "-n", NAMESPACE).strip()
    nobody = Direct(agent.kubeconfig, kubelet=kubelet, token="")
    assert nobody.ask(run(app), method="POST")[0] == 401
    for user, who in (
        (Direct(agent.kubeconfig, kubelet=kubelet), "agent"),
        (
            Direct(agent.kubeconfig, kubelet=kubelet, token=token),
            f"system:serviceaccount:{NAMESPACE}:default",
        ),
    ):
        for method, path in (
            ("POST", run(app)),
            ("GET", "/pods"),
            ("GET", f"/containerLogs/{NAMESPACE}/{app}/app"),
            ("GET", f"/exec/{NAMESPACE}/{app}/app?command=id&output=1"),
        ):
            status, text = user.ask(path, method=method)
            assert (status, f"user={who}" in text, "proxy" in text) == (403, True, True), text


@pytest.fixture
def token(admin: Kubectl) -> Iterator[str]:
    """The token of an account that may only ``get`` nodes/proxy."""
    name, place = f"kubelet-port-{uuid.uuid4().hex[:6]}", ("-n", "default")
    admin.run("create", "serviceaccount", name, *place)
    admin.run("create", "clusterrole", name, "--verb=get", "--resource=nodes/proxy")
    account = f"--serviceaccount=default:{name}"
    admin.run("create", "clusterrolebinding", name, f"--clusterrole={name}", account)
    try:
        yield admin.run("create", "token", name, *place).strip()
    finally:
        admin.run("delete", "clusterrolebinding,clusterrole", name)
        admin.run("delete", "serviceaccount", name, *place)


def test_who_may_only_get_it_gets_in_unrecorded_and_unmasked_as_the_threat_model_says(
    admin: Kubectl, kubelet: str, app: str, audit: Audit, token: str
) -> None:
    mark = marker()
    direct = Direct(admin.kubeconfig, kubelet=kubelet, token=token)
    until(lambda: direct.ask("/pods")[0] == 200, what="the right known to the kubelet")
    command = f"command=echo&command={PAN}&command={mark}&output=1&error=1"
    told = direct.stream(f"/exec/{NAMESPACE}/{app}/app?{command}", "v5.channel.k8s.io")
    assert told.text == f"{PAN} {mark}\n"
    assert direct.ask(run(app), method="POST")[0] == 403
    assert audit.find(mark) == []
