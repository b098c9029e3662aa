"""Pods from before the guard: refused with the very command that brings them under it."""

import json
import shlex
import uuid
from collections.abc import Iterator

import pytest
from kube import Kubectl, Object, until
from pods import pod

PAN, MASKED = "4111111111111111", "411111******1111"


@pytest.fixture
def older(admin: Kubectl) -> Iterator[str]:
    """A namespace with a Deployment whose pod runs, and guarded only then."""
    name = f"older-{uuid.uuid4().hex[:6]}"
    made = pod("till", namespace=name)
    template: Object = {"metadata": {"labels": made["metadata"]["labels"]}, "spec": made["spec"]}
    deployment: Object = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "till", "namespace": name},
        "spec": {"selector": {"matchLabels": made["metadata"]["labels"]}, "template": template},
    }
    admin.run("create", "namespace", name)
    try:
        admin.run("create", "-f", "-", stdin=json.dumps(deployment).encode())
        admin.run("rollout", "status", "deployment/till", "-n", name, "--timeout=120s")
        admin.run("label", "namespace", name, "chaperone.dev/guard=enabled")
        yield name
    finally:
        admin.run("delete", "namespace", name, "--wait=false")


def test_a_deployment_older_than_the_guard_is_restarted_as_the_refusal_says(
    admin: Kubectl, older: str
) -> None:
    exec_ = ("exec", "-n", older, "deployment/till", "--", "echo", PAN)
    refused = until(
        lambda: result if (result := admin.try_(*exec_)).code else None, what="the namespace guarded"
    )
    assert refused.text == ""
    assert "has no recorder" in refused.error
    remedy = f"kubectl rollout restart deployment/till -n {older}"
    assert remedy in refused.error
    admin.run(*shlex.split(remedy)[1:])
    admin.run("rollout", "status", "deployment/till", "-n", older, "--timeout=120s")
    assert until(lambda: admin.try_(*exec_).text, what="an exec into the new pod") == f"{MASKED}\n"
