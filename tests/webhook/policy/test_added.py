"""What makes a pod privileged that its template does not say."""

from typing import Any

import pytest

from webhook.policy.added import parts, privileges_of

Object = dict[str, Any]
APP: Object = {"name": "app", "image": "i"}


def pod(*containers: Object, **spec: Any) -> Object:
    return {"metadata": {}, "spec": {"containers": list(containers) or [APP], **spec}}


def added(made: Object, *templates: Object) -> list[str]:
    """The fields that none of the templates has, but for what only an image decides."""
    beyond = privileges_of(parts(made), templates)
    return [one.path for one in beyond if one.privilege.value != "possible-root-with-escalation"]


def capable(name: str, *capabilities: str) -> Object:
    return {"name": name, "image": "i", "securityContext": {"capabilities": {"add": list(capabilities)}}}


HOST: Object = {"name": "host", "hostPath": {"path": "/var/log", "type": ""}}
NESTED = "spec.containers[0].securityContext"
CASES: dict[str, tuple[Object, Object, list[str]]] = {
    "the same": (pod(capable("app", "NET_ADMIN")), pod(capable("app", "NET_ADMIN")), []),
    "one capability more": (
        pod(capable("app", "NET_ADMIN", "SYS_TIME")),
        pod(capable("app", "NET_ADMIN")),
        [f"{NESTED}.capabilities.add"],
    ),
    "a container before it": (
        pod(APP | {"name": "mesh"}, capable("app", "NET_ADMIN")),
        pod(capable("app", "NET_ADMIN")),
        [],
    ),
    "the same in another container": (
        pod(capable("mesh", "NET_ADMIN"), capable("app", "NET_ADMIN")),
        pod(capable("app", "NET_ADMIN")),
        [f"{NESTED}.capabilities.add"],
    ),
    "another path of the host": (
        pod(volumes=[{**HOST, "hostPath": {"path": "/", "type": ""}}]),
        pod(volumes=[HOST]),
        ["spec.volumes[0].hostPath"],
    ),
    "a volume before it": (
        pod(volumes=[{"name": "v", "emptyDir": {}}, HOST]),
        pod(volumes=[HOST]),
        [],
    ),
    "one mount of the host more": (
        pod(APP | {"volumeMounts": [{"name": "host", "mountPath": "/x"}]}, volumes=[HOST]),
        pod(volumes=[HOST]),
        ["spec.containers[0].volumeMounts[0]"],
    ),
    "the host's processes": (pod(hostPID=True), pod(), ["spec.hostPID"]),
    "a device": (
        pod(APP | {"resources": {"limits": {"nvidia.com/gpu": "1"}}}),
        pod(),
        ["spec.containers[0].resources.limits[nvidia.com/gpu]"],
    ),
    "more processor time": (
        pod(APP | {"resources": {"limits": {"cpu": "1"}}}),
        pod(APP | {"resources": {"limits": {"cpu": "2"}}}),
        [],
    ),
    "a port of the host": (
        pod(APP | {"ports": [{"containerPort": 1, "hostPort": 1}]}),
        pod(),
        ["spec.containers[0].ports[0].hostPort"],
    ),
    "ports on the host's network": (
        pod(APP | {"ports": [{"containerPort": 1, "hostPort": 1}]}, hostNetwork=True),
        pod(APP | {"ports": [{"containerPort": 1}]}, hostNetwork=True),
        [],
    ),
}


@pytest.mark.parametrize(("made", "template", "paths"), CASES.values(), ids=CASES)
def test_what_is_added_is_found_by_name_and_value(made: Object, template: Object, paths: list[str]) -> None:
    assert added(made, template) == paths


def test_any_of_the_templates_may_have_it() -> None:
    assert added(pod(hostPID=True), pod(), pod(hostPID=True)) == []
    assert added(pod(hostPID=True)) == ["spec.hostPID"]


def test_what_api_servers_write_in_two_places_is_not_added() -> None:
    """They write the field for an annotation, and the annotation for a field, into pods alone."""
    annotation = {"container.apparmor.security.beta.kubernetes.io/app": "unconfined"}
    template = {"metadata": {"annotations": annotation}, "spec": {"containers": [APP]}}
    profile = {"securityContext": {"appArmorProfile": {"type": "Unconfined"}}}
    made = {"metadata": {"annotations": annotation}, "spec": {"containers": [APP | profile]}}
    assert added(made, template) == []
    assert len(added(made, pod())) == 2


def test_another_seccomp_profile_is_added_wherever_the_template_has_one() -> None:
    unconfined = {"securityContext": {"seccompProfile": {"type": "Unconfined"}}}
    made = pod(APP | unconfined, APP | unconfined | {"name": "late"})
    assert added(made, pod(APP | unconfined)) == ["spec.containers[1].securityContext.seccompProfile"]
