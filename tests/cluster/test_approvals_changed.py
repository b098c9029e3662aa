"""Approving what has become another meanwhile says why not; what does not count makes nothing void."""

import base64
import json
import uuid
from collections.abc import Iterator

import pytest
from kube import NAMESPACE, SYSTEM, Kubectl, Object, Result, until
from people import As
from pods import container, pod
from tickets import audit_events, phase, policy, ticket_of, waiting, write

VALUE = "hunter2-of-the-changes"


@pytest.fixture(scope="module")
def machinery(admin: Kubectl) -> As:
    """Somebody who is never held up."""
    return As(admin, "system:apiserver", "system:masters")


@pytest.fixture(scope="module")
def name(admin: Kubectl, machinery: As) -> Iterator[str]:
    """The name of objects whose changes and removal wait for an approval."""
    word = f"changed-{uuid.uuid4().hex[:6]}"
    match = {"namespaces": [NAMESPACE], "names": [word], "operations": ["UPDATE", "DELETE"]}
    rules = [
        {"name": kind, "action": "approve", "match": {**match, "doors": [kind], "changed": True}}
        for kind in ("secret", "workload")
    ]
    with policy(admin, *rules):
        yield word
    for kind in ("secret", "deployment"):
        machinery.run("delete", kind, word, "-n", NAMESPACE, "--ignore-not-found")


@pytest.fixture
def secret(machinery: As, name: str) -> Iterator[tuple[str, ...]]:
    """A Secret, as kubectl names it."""
    target = ("secret", name, "-n", NAMESPACE)
    machinery.run("create", "secret", "generic", name, "-n", NAMESPACE, "--from-literal=password=one")
    yield target
    machinery.run("delete", *target, "--ignore-not-found")


def set_to(value: str) -> tuple[str, ...]:
    encoded = base64.b64encode(value.encode()).decode()
    return ("--type=merge", "-p", json.dumps({"data": {"password": encoded}}))


def refused_as_changed(approver: Kubectl, ticket: str) -> str:
    refused = write(approver, ticket)
    assert refused.code != 0, "an approval of what is another by now was taken"
    assert "that makes a request that shows what it would do now" in refused.error
    return refused.error


@pytest.mark.parametrize("how", ["change", "removal"])
def test_a_secret_that_became_another_is_told_at_the_approval_and_its_labels_make_nothing_void(
    admin: Kubectl, approver: Kubectl, auditor: Kubectl, machinery: As, secret: tuple[str, ...], how: str
) -> None:
    ask = ("patch", *secret, *set_to(VALUE)) if how == "change" else ("delete", *secret)
    ticket = ticket_of(waiting(lambda: admin.try_(*ask)))
    machinery.run("label", *secret, "team=shop")
    machinery.run("annotate", *secret, "note=harmless")
    machinery.run("patch", *secret, *set_to("two"))
    said = refused_as_changed(approver, ticket)
    assert f"secrets {NAMESPACE}/{secret[1]} has changed since it was asked" in said
    assert VALUE not in said
    assert phase(admin, ticket) == "Pending"
    assert any(event["details"].get("refusal") == "TargetChanged" for event in told(auditor, ticket))
    machinery.run("patch", *secret, *set_to("one"))
    assert write(approver, ticket).code == 0, "it is again what was shown"
    assert admin.try_(*ask).code == 0, "labels make nothing void"
    assert phase(admin, ticket) == "Used"


def told(auditor: Kubectl, ticket: str) -> list[Object]:
    return until(
        lambda: [event for event in audit_events(auditor, ticket) if event["type"] == "approval-refused"],
        what="the refused verdict on record",
    )


def test_what_was_approved_and_changed_then_is_told_at_the_second_try(
    admin: Kubectl, approver: Kubectl, machinery: As, secret: tuple[str, ...]
) -> None:
    ask = ("patch", *secret, *set_to(VALUE))
    ticket = ticket_of(waiting(lambda: admin.try_(*ask)))
    assert write(approver, ticket).code == 0
    machinery.run("patch", *secret, *set_to("two"))

    def again() -> Result | None:
        """Each replica hears of the approval by its watch."""
        refused = admin.try_(*ask)
        assert refused.code != 0
        return refused if "was approved" in refused.error else None

    refused = until(again, what="the approval known")
    assert ticket_of(refused) != ticket
    assert f"secrets {secret[1]} has changed since (resourceVersion" in refused.error
    assert phase(admin, ticket) == "Approved"


def test_a_secret_that_is_gone_or_made_anew_is_told(
    admin: Kubectl, approver: Kubectl, machinery: As, secret: tuple[str, ...]
) -> None:
    ticket = ticket_of(waiting(lambda: admin.try_("patch", *secret, *set_to(VALUE))))
    machinery.run("delete", *secret)
    assert "for which it was asked, is gone" in refused_as_changed(approver, ticket)
    machinery.run("create", "secret", "generic", *secret[1:], "--from-literal=password=one")
    assert "was made anew since it was asked" in refused_as_changed(approver, ticket)


def is_settled(deployment: Object) -> bool:
    status: Object = deployment["status"]
    left = [status.get(field, 0) for field in ("replicas", "terminatingReplicas")]
    return status.get("observedGeneration") == deployment["metadata"]["generation"] and not any(left)


def test_replicas_make_nothing_void_and_another_image_does(
    admin: Kubectl, approver: Kubectl, machinery: As, name: str
) -> None:
    labels = {"app": name}
    spec: Object = {
        "replicas": 0,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod(name, container())["spec"]},
    }
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": NAMESPACE}}
    machinery.run("create", "-f", "-", stdin=json.dumps({**body, "spec": spec}).encode())
    target = (f"deployment/{name}", "-n", NAMESPACE)
    ask = ("set", "env", *target, "A=b")
    ticket = ticket_of(waiting(lambda: admin.try_(*ask)))
    machinery.run("scale", *target, "--replicas=1")
    machinery.run("rollout", "pause", *target)
    machinery.run("set", "image", *target, "app=localhost/other:1")
    assert f"deployments.apps {NAMESPACE}/{name} has changed" in refused_as_changed(approver, ticket)
    machinery.run("set", "image", *target, f"app={container()['image']}")
    assert write(approver, ticket).code == 0
    machinery.run("scale", *target, "--replicas=0")
    # What a controller writes at the same moment would have the API server ask again, and use it up twice.
    until(lambda: is_settled(admin.get(*target)), what="its controller done", seconds=120)
    assert admin.try_(*ask).code == 0
    assert phase(admin, ticket) == "Used"


def test_a_change_that_is_undone_needs_another_approval(
    admin: Kubectl, approver: Kubectl, machinery: As, secret: tuple[str, ...]
) -> None:
    ask = ("patch", *secret, *set_to("twice"))
    ticket = ticket_of(waiting(lambda: admin.try_(*ask)))
    assert write(approver, ticket).code == 0
    assert admin.try_(*ask).code == 0
    machinery.run("patch", *secret, *set_to("one"))
    assert ticket_of(waiting(lambda: admin.try_(*ask))) != ticket
    assert phase(admin, ticket) == "Used"


def test_where_chaperone_may_not_look_the_approver_is_warned(
    admin: Kubectl, approver: Kubectl, machinery: As, secret: tuple[str, ...]
) -> None:
    binding = admin.get("rolebinding", "chaperone-secret-reader", "-n", NAMESPACE)
    for field in ("resourceVersion", "uid", "creationTimestamp", "managedFields"):
        binding["metadata"].pop(field, None)
    ticket = ticket_of(waiting(lambda: admin.try_("patch", *secret, *set_to(VALUE))))
    machinery.run("delete", "rolebinding", "chaperone-secret-reader", "-n", NAMESPACE)
    account = f"--as=system:serviceaccount:{SYSTEM}:chaperone-admission"
    looks = ("auth", "can-i", "get", "secrets", "-n", NAMESPACE, account)
    try:
        until(lambda: admin.try_(*looks).code != 0, what="the right gone")
        answered = write(approver, ticket)
        assert answered.code == 0, answered.error
        assert f"Chaperone may not read secrets in namespace {NAMESPACE}" in answered.error
    finally:
        machinery.run("create", "-f", "-", stdin=json.dumps(binding).encode())
    until(lambda: admin.try_(*looks).code == 0, what="the right again")
    assert "yes" not in admin.try_("auth", "can-i", "get", "secrets", "-n", "kube-system", account).text
    assert "yes" not in admin.try_("auth", "can-i", "list", "secrets", "-n", NAMESPACE, account).text
