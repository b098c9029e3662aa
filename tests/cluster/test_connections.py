"""Connections in forms that no kubectl sends: what is judged is what is reached."""

import re
import uuid
from collections.abc import Iterator
from urllib.request import urlopen

import pytest
from direct import Direct
from kube import NAMESPACE, Kubectl, Object, Result, until
from people import As
from pods import container, pod
from sessions import API, Audit, marker
from tickets import policy
from workshop import Workshop

PAN, MASKED = "4111111111111111", "411111******1111"
SERVING = """
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"reached " + self.path.encode())
HTTPServer(("", 8000), Handler).serve_forever()
"""
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
SPDY = {"Connection": "Upgrade", "Upgrade": "SPDY/3.1", "X-Stream-Protocol-Version": "portforward.k8s.io"}


def serving(name: str) -> Object:
    """A pod that is ready once it answers."""
    listens: Object = {"tcpSocket": {"port": 8000}, "periodSeconds": 1}
    return pod(name, container(command=["python3", "-c", SERVING], readinessProbe=listens))


@pytest.fixture(scope="module")
def web(admin: Kubectl) -> Iterator[str]:
    """A pod that answers with the path it was asked for."""
    workshop = Workshop(admin)
    yield workshop.pod(serving(f"web-{uuid.uuid4().hex[:6]}"))
    workshop.close()


@pytest.fixture(scope="module")
def node(admin: Kubectl) -> str:
    return admin.get("nodes")["items"][0]["metadata"]["name"]


@pytest.fixture(scope="module")
def direct(admin: Kubectl, web: str, node: str) -> Iterator[Direct]:
    """Somebody whom a policy lets have some paths and one port; all replicas follow it."""
    name = f"connections-{uuid.uuid4().hex[:6]}"

    def rule(door: str, place: str, **allowed: list[object]) -> Object:
        match = {"doors": [door], "names": [place]}
        return {"name": f"{name}-{door}-{place}", "action": "deny", "match": match, "except": [allowed]}

    rules = [
        rule("proxy", web, paths=["public/*"]),
        rule("proxy", node, paths=["logs/*"]),
        rule("port-forward", web, ports=[80]),
    ]
    policy = {
        "apiVersion": "chaperone.dev/v1alpha1",
        "kind": "GuardPolicy",
        "metadata": {"name": name},
        "spec": {"rules": rules},
    }
    admin.apply(policy)
    direct = Direct(admin.kubeconfig)
    try:
        secret = f"{PODS}/{web}:8000/proxy/secret"
        until(lambda: {direct.ask(secret)[0] for _ in range(6)} == {403}, what="the policy in force")
        yield direct
    finally:
        admin.run("delete", "guardpolicy", name)


def service(name: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": 8000}]},
    }


def through(user: Kubectl, place: str, path: str) -> str:
    """What a pod answers through a port-forward of kubectl, or why there is none."""
    with user.start("port-forward", "-n", NAMESPACE, f"pod/{place}", ":8000") as forwarding:
        assert forwarding.stdout
        assert forwarding.stderr
        try:
            found = re.search(rb"127\.0\.0\.1:(\d+) -> 8000", forwarding.stdout.readline())
            if not found:
                return forwarding.stderr.read().decode()
            with urlopen(f"http://127.0.0.1:{int(found[1])}/{path}", timeout=60) as answer:
                return answer.read().decode()
        finally:
            forwarding.kill()


def test_what_is_allowed_carries_data_and_what_is_denied_none_and_both_are_on_record(
    admin: Kubectl, workshop: Workshop, audit: Audit
) -> None:
    """With ports and paths; kubectl says the port of a port-forward to the kubelet alone."""
    place = workshop.pod(serving(marker()))
    workshop.object(service(place))
    asking, port = Direct(admin.kubeconfig), f"{place}:8000"
    proxied = {kind: f"/api/v1/namespaces/{NAMESPACE}/{kind}/{port}/proxy" for kind in ("pods", "services")}
    said = f"{PODS}/{place}/portforward?ports=8000"

    def on_record(outcome: str) -> set[tuple[str, str, str, str]]:
        found = [one for name in (place, port) for one in audit.decisions(name) if one["outcome"] == outcome]
        named = [(one["about"], one["details"]) for one in found]
        return {
            (about["resource"], about["name"], details.get("ports", ""), details.get("path", ""))
            for about, details in named
        }

    def expected(way: str) -> set[tuple[str, str, str, str]]:
        forwards = {("pods/portforward", place, ports, "") for ports in ("", "8000")}
        return forwards | {(f"{kind}/proxy", port, "", f"{way}/{place}") for kind in proxied}

    for base in proxied.values():
        reached = (200, f"reached /shown/{place}")
        until(lambda base=base, reached=reached: asking.ask(f"{base}/shown/{place}") == reached, what="data")
    assert through(admin, place, "forwarded") == "reached /forwarded"
    assert asking.ask(said, method="POST", headers=SPDY)[0] == 101
    until(lambda: on_record("success") == expected("shown"), what="who connected where on record")
    match: Object = {"doors": ["proxy", "port-forward"], "names": [place]}
    with policy(admin, {"name": "closed", "action": "deny", "match": match}):
        hidden = {kind: f"{base}/hidden/{place}" for kind, base in proxied.items()}
        for path in hidden.values():
            until(
                lambda path=path: {asking.ask(path)[0] for _ in range(6)} == {403},
                what="all replicas follow the policy",
            )
            assert "denied by rule closed" in asking.ask(path)[1]
        assert "denied by rule closed" in through(admin, place, "forwarded")
        status, text = asking.ask(said, method="POST", headers=SPDY)
        assert (status, "denied by rule closed" in text) == (403, True)
    until(lambda: on_record("failure") == expected("hidden"), what="who was refused on record")


@pytest.mark.parametrize(
    "path",
    [
        "public/../secret",
        "public/%2e%2e/secret",
        "public/..%2fsecret",
        "public%2f..%2fsecret",
        "public/./a/../../secret/",
        "/secret",
        "secret?path=public/a",
        "?path=public/a",
    ],
)
def test_a_proxy_is_judged_by_the_path_that_it_reaches(direct: Direct, web: str, path: str) -> None:
    status, text = direct.ask(f"{PODS}/{web}:8000/proxy/{path}")
    assert (status, f"-proxy-{web}" in text) == (403, True), text


def test_what_a_policy_lets_through_is_reached_as_written(direct: Direct, web: str) -> None:
    for path, reached in (
        ("a", "a"),
        ("b/../a", "a"),
        ("%252e%252e/a", "%252e%252e/a"),
        ("a/?b=../c", "a/?b=../c"),
    ):
        told = direct.ask(f"{PODS}/{web}:8000/proxy/public/{path}")
        assert told == (200, f"reached /public/{reached}")


def test_no_path_of_a_node_leads_past_the_guard(direct: Direct, web: str, node: str) -> None:
    """The kubelet's own ``run`` would start a command in any container but the recorder's."""
    refusals = {"app": f"-proxy-{node}", "chaperone-recorder": "nobody gets into the recorder"}
    for into, said in refusals.items():
        command = f"logs/../run/{NAMESPACE}/{web}/{into}?cmd=id"
        status, text = direct.ask(f"/api/v1/nodes/{node}/proxy/{command}", method="POST")
        assert (status, said in text) == (403, True), text


PARTS = ("system:serviceaccount:kube-system:node-controller", "system:kube-scheduler")


@pytest.mark.parametrize("who", [*PARTS, "repairer"])
def test_nobody_at_all_gets_into_a_recorder_through_a_node(
    admin: Kubectl, web: str, node: str, who: str
) -> None:
    """Parts of the cluster get into the container beside it: they are not held up otherwise."""
    whoever = As(admin, who, "system:masters")

    def run(into: str) -> Result:
        path = f"/api/v1/nodes/{node}/proxy/run/{NAMESPACE}/{web}/{into}?cmd=id"
        return whoever.try_("create", "--raw", path, "-f", "/dev/null")

    assert "uid=" in run("app").text or who not in PARTS
    refused = run("chaperone-recorder")
    assert (refused.code != 0, "nobody gets into the recorder" in refused.error) == (True, True), refused


@pytest.mark.parametrize("ports", ["", "?ports=80", "?ports=80&ports=8000", "?ports=80&Ports=8000"])
def test_no_port_of_a_port_forward_is_believed(direct: Direct, web: str, ports: str) -> None:
    """Whoever says 80 could forward 8000: over SPDY each stream says its own."""
    path = f"{PODS}/{web}/portforward{ports}"
    for protocol in ("v4.channel.k8s.io", "SPDY/3.1+portforward.k8s.io"):
        assert f"-port-forward-{web}" in direct.stream(path, protocol).error
    status, text = direct.ask(path, method="POST", headers=SPDY)
    assert (status, f"-port-forward-{web}" in text) == (403, True), text


def test_an_exec_is_guarded_however_it_is_written(direct: Direct, web: str) -> None:
    command = f"command=echo&command={PAN}&stdout=true&stderr=true"
    for subresource, query in (
        ("exec", f"container=app&container=chaperone-recorder&{command}"),
        ("e%78ec", command),
        ("exec/", command),
        ("exec", f"{command}&Command=id&tty=false&tty=true&path=x"),
    ):
        told = direct.stream(f"{PODS}/{web}/{subresource}?{query}", "v5.channel.k8s.io")
        assert (told.text, told.error) == (f"{MASKED}\n", ""), query
    into = f"{PODS}/{web}/exec?container=chaperone-recorder&container=app&{command}"
    for method in ("GET", "POST"):
        status, text = direct.ask(into, method=method, headers=SPDY)
        assert (status, "nobody" in text) == (403, True), text
        for other in ("Exec", "EXEC"):
            assert direct.ask(f"{PODS}/{web}/{other}?{command}", method=method)[0] == 404


def test_what_is_asked_of_a_node_is_on_record_with_its_path(direct: Direct, node: str, audit: Audit) -> None:
    """The kubelet's own answers, and nothing of it where a rule denies."""
    mark = uuid.uuid4().hex
    proxy = f"/api/v1/nodes/{node}/proxy"
    assert direct.ask(f"{proxy}/logs/")[0] == 200
    assert direct.ask(f"{proxy}/logs/{mark}")[0] == 404
    assert direct.ask(f"{proxy}/pods/{mark}")[0] == 403

    def told() -> set[tuple[str, str]]:
        path = f"{API}/auditevents?fieldSelector=type%3Ddecision&limit=200"
        found = [one for one in audit.kubectl.raw(path)["items"] if mark in one["details"].get("path", "")]
        assert {(one["about"]["resource"], one["about"]["name"]) for one in found} <= {("nodes/proxy", node)}
        return {(one["outcome"], one["details"]["path"]) for one in found}

    until(lambda: told() == {("success", f"logs/{mark}"), ("failure", f"pods/{mark}")}, what="both on record")
