"""Settings of the installed control side, changed for the length of a test."""

import json
from collections.abc import Generator
from contextlib import contextmanager

from kube import SYSTEM, Kubectl, Object, until
from people import As


def setting(admin: Kubectl, role: str, name: str) -> str:
    """Give an environment variable of a role (``admission`` or ``collector``)."""
    listed = admin.run("set", "env", "-n", SYSTEM, f"deployment/chaperone-{role}", "--list")
    return listed.split(f"{name}=")[1].splitlines()[0]


@contextmanager
def changed(admin: Kubectl, role: str, name: str, value: str) -> Generator[None]:
    """Let a role run with another value."""
    before = setting(admin, role, name)
    try:
        _change(admin, role, name, value)
        yield
    finally:
        _change(admin, role, name, before)


@contextmanager
def without_webhooks(admin: Kubectl) -> Generator[None]:
    """Take Chaperone's webhook configurations away, as somebody with the right could."""
    operator = As(admin, "tests", "system:masters", "chaperone-operators")
    kept: list[Object] = [
        item
        for kind in ("mutating", "validating")
        for item in admin.get(f"{kind}webhookconfigurations")["items"]
        if item["metadata"]["name"].startswith("chaperone")
    ]
    assert kept
    for item in kept:
        operator.run("delete", f"{item['kind']}/{item['metadata']['name']}")
    try:
        yield
    finally:
        for item in kept:
            for field in ("resourceVersion", "uid", "creationTimestamp", "generation", "managedFields"):
                item["metadata"].pop(field, None)
        again = {"apiVersion": "v1", "kind": "List", "items": kept}
        operator.run("apply", "-f", "-", stdin=json.dumps(again).encode())


@contextmanager
def on_another_store(admin: Kubectl, url: str) -> Generator[None]:
    """Let collectors have an OpenSearch as their store, and a disk each, so that there may be several."""
    kept = admin.get("-n", SYSTEM, "deployment/chaperone-collector")["spec"]["template"]["spec"]
    [volume] = [volume for volume in kept["volumes"] if volume["name"] == "store"]
    [place] = [one["value"] for one in kept["containers"][0]["env"] if one["name"] == "CHAPERONE_STORE"]
    other: Object = {"name": "store", "persistentVolumeClaim": None, "emptyDir": {}}
    try:
        _replace(admin, "collector", "patch", "-p", _with(url, other))
        yield
    finally:
        _replace(admin, "collector", "patch", "-p", _with(place, {"emptyDir": None, **volume}))


@contextmanager
def another_ledger(admin: Kubectl) -> Generator[None]:
    """Take away what was signed of the ledger, as docs/ledger.md says where there is another store."""
    where = ("configmap/chaperone-ledger", "-n", SYSTEM)
    kept = admin.get(*where)["data"]
    admin.run("patch", *where, "--type=json", "-p", '[{"op": "remove", "path": "/data"}]')
    try:
        yield
    finally:
        admin.run("patch", *where, "--type=merge", "-p", json.dumps({"data": kept}))


def _with(store: str, volume: Object) -> str:
    """Give a strategic merge patch: where the store is, and its volume."""
    container = {"name": "collector", "env": [{"name": "CHAPERONE_STORE", "value": store}]}
    return json.dumps({"spec": {"template": {"spec": {"containers": [container], "volumes": [volume]}}}})


def _change(admin: Kubectl, role: str, name: str, value: str) -> None:
    """Set a variable."""
    _replace(admin, role, "set env", f"{name}={value}")


def _replace(admin: Kubectl, role: str, command: str, *arguments: str) -> None:
    """Change a deployment, and wait until no replica is left that goes by the old one."""
    deployment = ("-n", SYSTEM, f"deployment/chaperone-{role}")
    replicas = admin.get("-n", SYSTEM, "pods", "-l", f"app.kubernetes.io/component={role}")["items"]
    admin.run(*command.split(), *deployment, *arguments)
    admin.run("rollout", "status", *deployment, "--timeout=120s")
    old = [f"pod/{item['metadata']['name']}" for item in replicas]
    admin.run("wait", "-n", SYSTEM, "--for=delete", *old, "--timeout=120s")


def scale(admin: Kubectl, deployment: str, replicas: int) -> None:
    admin.run("scale", "-n", SYSTEM, f"deployment/{deployment}", f"--replicas={replicas}")
    if replicas:
        admin.run("rollout", "status", "-n", SYSTEM, f"deployment/{deployment}", "--timeout=120s")
    else:
        selector = f"app.kubernetes.io/component={deployment.removeprefix('chaperone-')}"
        until(
            lambda: not admin.get("-n", SYSTEM, "pods", "-l", selector)["items"],
            what=f"no pod of {deployment}",
        )


@contextmanager
def without(admin: Kubectl, deployment: str) -> Generator[None]:
    """Take a deployment away for a while."""
    replicas = admin.get("-n", SYSTEM, f"deployment/{deployment}")["spec"]["replicas"]
    scale(admin, deployment, 0)
    try:
        yield
    finally:
        scale(admin, deployment, replicas)
