"""What is made up for an object, another for every try, is none of what an approval is bound to."""

from typing import Any

import pytest
from policy_samples import question

from webhook.approvals.subjects import Change, object_subject
from webhook.policy.decision import Door, Operation

Object = dict[str, Any]
PORT: Object = {"name": "http", "port": 80, "protocol": "TCP", "targetPort": 80}
HTTPS: Object = {"name": "https", "port": 443, "protocol": "TCP", "targetPort": 443}


def bound(kind: str, after: Object, before: Object | None = None, resource: str = "services") -> bytes:
    """Give what an approval of making or changing an object is bound to."""
    operation = Operation.CREATE if before is None else Operation.UPDATE
    change = Change(
        door=Door.CHAPERONE,
        operation=operation,
        kind=kind,
        resource=resource,
        name="x",
        before=before,
        after=after,
    )
    return object_subject(change, question(door=Door.CHAPERONE, operation=operation, name="x")).digested


def service(*ports: Object, **spec: Any) -> Object:
    return {
        "metadata": {"name": "x", "uid": "u-1"},
        "spec": {"type": "ClusterIP", "ports": list(ports), **spec},
    }


def at(address: str) -> Object:
    return {"clusterIP": address, "clusterIPs": [address]}


def test_addresses_and_ports_of_a_new_service_are_as_they_come() -> None:
    def made(address: str, first: int, second: int) -> bytes:
        ports = ({**PORT, "nodePort": first}, {**HTTPS, "nodePort": second})
        return bound("Service", service(*ports, type="NodePort", healthCheckNodePort=first, **at(address)))

    assert made("10.96.0.7", 30001, 30002) == made("10.96.9.9", 31001, 31002)
    assert made("10.96.0.7", 30001, 30002) != bound("Service", service(PORT, HTTPS, **at("10.96.0.7")))


@pytest.mark.parametrize(
    "other",
    [
        service(HTTPS, **at("10.96.0.7")),
        service(PORT, HTTPS, **at("10.96.0.7")),
        service(PORT, **at("None")),
        service(PORT, selector={"a": "b"}, **at("10.96.0.7")),
        service(PORT, externalIPs=["10.0.0.1"], **at("10.96.0.7")),
        service(PORT, loadBalancerIP="10.0.0.1", **at("10.96.0.7")),
    ],
)
def test_what_somebody_says_of_a_service_is_bound(other: Object) -> None:
    assert bound("Service", other) != bound("Service", service(PORT, **at("10.96.0.7")))


def test_ports_that_a_service_has_are_bound_and_new_ones_are_as_they_come() -> None:
    plain = service(PORT, **at("10.96.0.7"))

    def opened(node_port: int) -> Object:
        return service({**PORT, "nodePort": node_port}, type="NodePort", **at("10.96.0.7"))

    assert bound("Service", opened(30001), plain) == bound("Service", opened(30002), plain)
    assert bound("Service", opened(30001), opened(30005)) != bound("Service", opened(30002), opened(30005))
    named = service(PORT, type="ExternalName")
    assert bound("Service", service(PORT, **at("10.96.0.7")), named) == bound(
        "Service", service(PORT, **at("10.96.0.8")), named
    )


def pod(token: str, **spec: Any) -> Object:
    volume: Object = {"name": token, "projected": {"sources": []}}
    mount = {"name": token, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}
    containers = [{"name": "a", "image": "i", "volumeMounts": [mount]}]
    return {"metadata": {"name": "x"}, "spec": {"containers": containers, "volumes": [volume], **spec}}


def test_the_volume_of_a_pods_token_is_as_it_comes() -> None:
    first, second = (bound("Pod", pod(f"kube-api-access-{word}")) for word in ("abcde", "fghij"))
    assert first == second
    assert first != bound("Pod", pod("kube-api-access-abcde", hostPID=True))


def test_names_of_debug_containers_are_as_they_come() -> None:
    def debugged(name: str, *known: Object, image: str = "busybox") -> bytes:
        before = pod("kube-api-access-abcde", ephemeralContainers=list(known))
        after = pod("kube-api-access-abcde", ephemeralContainers=[*known, {"name": name, "image": image}])
        return bound("Pod", after, before, "pods/ephemeralcontainers")

    assert debugged("debugger-abcde") == debugged("debugger-fghij")
    assert debugged("debugger-abcde") != debugged("debugger-abcde", image="other")
    assert debugged("mine") != debugged("yours")
    old = {"name": "debugger-zzzzz", "image": "i"}
    assert debugged("debugger-abcde", old) == debugged("debugger-fghij", old)
