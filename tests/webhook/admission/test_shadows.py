"""Mounts that a link could lead over the shim."""

from typing import Any

import msgspec
import pytest
from reviews import Object, exec_door, exec_request, injected, plain_pod

from webhook.admission.pods import Pod
from webhook.admission.shadows import shadow

pytestmark = pytest.mark.anyio

TOKEN: list[Object] = [
    {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
    {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
    {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
]
CHOSEN: list[Object] = [
    {"configMap": {"name": "mine"}},
    {"secret": {"name": "mine"}},
    {"downwardAPI": {"items": [{"path": "shim", "fieldRef": {"fieldPath": "metadata.annotations"}}]}},
    {"serviceAccountToken": {"path": "token"}, "configMap": {"name": "mine"}},
]


def pod_with(outer: Object, inner: Object, *paths: str) -> Object:
    mounts = [{"name": name, "mountPath": path} for name, path in zip(("outer", "inner"), paths, strict=True)]
    return plain_pod(
        {"name": "app", "image": "i", "volumeMounts": mounts},
        volumes=[{"name": "outer", **outer}, {"name": "inner", **inner}],
    )


def shadowed(pod: Object) -> str:
    decoded = msgspec.convert(pod, Pod)
    known = {volume.name: volume for volume in decoded.spec.volumes or ()}
    found = shadow(decoded.spec.containers[0], known)
    return found.partition(" at ")[2].partition(",")[0]


@pytest.mark.parametrize(
    "outer",
    [{"emptyDir": {}}, {"hostPath": {"path": "/x"}}, {"persistentVolumeClaim": {"claimName": "c"}}, {}],
)
@pytest.mark.parametrize(
    "inner", [{"emptyDir": {}}, {"configMap": {"name": "c"}}, {"secret": {"secretName": "s"}}, {"image": {}}]
)
def test_a_volume_inside_one_that_others_write_may_land_anywhere(outer: Object, inner: Object) -> None:
    assert shadowed(pod_with(outer, inner, "/v", "/v/link")) == "/v/link"
    assert shadowed(pod_with(outer, inner, "/v/", "//v/./a/../a/b")) == "/v/a/b"
    assert shadowed(pod_with(outer, inner, "/v", "/vlink")) == ""


@pytest.mark.parametrize("outer", [{"configMap": {"name": "c"}}, {"secret": {}}, {"downwardAPI": {}}])
def test_a_volume_inside_one_that_the_kubelet_writes_lands_where_it_says(outer: Object) -> None:
    assert shadowed(pod_with(outer, {"emptyDir": {}}, "/etc/app", "/etc/app/cache")) == ""


def test_the_token_that_every_pod_gets_is_harmless_wherever_it_lands() -> None:
    assert (
        shadowed(pod_with({"emptyDir": {}}, {"projected": {"sources": TOKEN}}, "/var/run", "/var/run/s"))
        == ""
    )


@pytest.mark.parametrize("source", CHOSEN)
def test_what_somebody_chose_is_not(source: Any) -> None:
    inner = {"projected": {"sources": [*TOKEN, source]}}
    assert shadowed(pod_with({"emptyDir": {}}, inner, "/var/run", "/var/run/s")) == "/var/run/s"


async def test_exec_into_such_a_container_is_refused_with_the_reason() -> None:
    pod = await injected(pod_with({"emptyDir": {}}, {"emptyDir": {}}, "/v", "/v/link"))
    denial = (await exec_door(pod).review(exec_request())).denial
    assert denial is not None
    assert denial.causes[0].reason == "ShimCouldBeHidden"
    assert "mounts volume inner at /v/link, inside another volume" in denial.message
