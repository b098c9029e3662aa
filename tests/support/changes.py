"""Changes of objects on the real cluster under the default pack: who asks, and what they ask for."""

import base64
import json
import re
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import yaml
from kube import NAMESPACE, REPOSITORY, Object, Result, until
from people import As
from pods import container, pod

PACK = REPOSITORY / "policies/pci-dss.yaml"


@contextmanager
def pack_in_force(machinery: As, tester: As) -> Generator[None]:
    """Have the default pack in force, followed by all replicas."""
    name = f"doors-{uuid.uuid4().hex[:6]}"
    document = yaml.safe_load(PACK.read_text())
    document["metadata"]["name"] = name
    machinery.run("create", "-f", "-", stdin=json.dumps(document).encode())
    try:
        probe = ("create", "secret", "generic", "probe", "-n", NAMESPACE, "--dry-run=server")
        until(lambda: all(tester.try_(*probe).code for _ in range(6)), what="the pack in force")
        yield
    finally:
        machinery.run("delete", "guardpolicy", name)


def secret(name: str, **values: str) -> bytes:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    metadata = {"name": name, "namespace": NAMESPACE}
    return json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}).encode()


def deployment(name: str, **spec: Any) -> Object:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {**pod(name, container())["spec"], **spec}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template},
    }


def ticket_of(refused: Result, namespace: str = NAMESPACE) -> str:
    found = re.search(rf"Approval request {namespace}/(\S+) is waiting", refused.error)
    assert found, refused.error
    return found[1]


def apply(user: As, body: bytes, *options: str) -> Result:
    return user.try_("apply", *options, "-f", "-", stdin=body)
