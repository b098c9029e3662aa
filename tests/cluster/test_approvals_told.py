"""Tried as an agent would: with the refusal and nothing else it waits, and does the same again."""

import base64
import json
import shlex
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from direct import Direct
from kube import NAMESPACE, Kubectl, Result
from pods import container, pod
from sessions import marker
from tickets import echo, for_word, needs_approval, policy, told, waiting

from webhook.kube.api import KubeApi

Try = Callable[[], Result]
KINDS = ("exec", "secret", "pod")


@pytest.fixture(scope="module")
def mark(admin: Kubectl) -> Iterator[str]:
    """A word: command lines with it, Secrets and privileged pods of that name wait for an approval."""
    word = marker()
    names = {"namespaces": [NAMESPACE], "names": [word]}
    rules = [
        for_word(word),
        {"name": "pod", "action": "approve", "match": {"doors": ["pod"], "privileged": True, **names}},
        {
            "name": "secret",
            "action": "approve",
            "match": {"doors": ["secret"], "operations": ["CREATE"], **names},
        },
    ]
    with policy(admin, *rules):
        yield word


@pytest.fixture
def gone(admin: Kubectl, mark: str) -> Iterator[None]:
    """Take away what a test makes."""
    yield
    admin.delete_now(f"secret/{mark}", f"pod/{mark}", "-n", NAMESPACE)


def manifest(kind: str, mark: str) -> dict[str, Any]:
    if kind == "pod":
        return pod(mark, container(), hostNetwork=True)
    data = {"password": base64.b64encode(mark.encode()).decode()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": mark, "namespace": NAMESPACE},
        "data": data,
    }


def by_kubectl(who: Kubectl, kind: str, app: str, mark: str) -> Try:
    if kind == "exec":
        return lambda: echo(who, app, mark, "text")
    return lambda: who.try_("apply", "-f", "-", stdin=json.dumps(manifest(kind, mark)).encode())


def by_api(who: Kubectl, kind: str, app: str, mark: str) -> Try:
    """Give what a program does: its refusals have the whole status in ``stdout``."""
    if kind == "exec":
        direct = Direct(who.kubeconfig)
        return lambda: direct.exec(app, "echo", mark, "causes")

    def create() -> Result:
        api = KubeApi(kubeconfig=who.kubeconfig)
        path = f"/api/v1/namespaces/{NAMESPACE}/{kind}s"
        reply = api.request("POST", path, body=manifest(kind, mark), seconds=30)
        api.close()
        message: str = json.loads(reply.body).get("message", "")
        return Result(0 if reply.status == 201 else 1, reply.body, message.encode())

    return create


def causes(refused: Result) -> dict[str, str]:
    status: Any = json.loads(refused.stdout)
    return {cause["reason"]: cause["message"] for cause in status["details"]["causes"]}


def waits_and_succeeds(
    who: Kubectl, approver: Kubectl, wait: list[str], approve: list[str], again: Try
) -> None:
    """Wait by one command while somebody else approves by the other, and do the same again."""
    waiting_for = who.start(*wait, stdin=subprocess.DEVNULL)
    assert waiting_for.poll() is None
    approver.run(*approve)
    out, error = waiting_for.communicate(timeout=60)
    assert waiting_for.returncode == 0, error.decode()
    assert b"condition met" in out
    result = again()
    assert result.code == 0, result.error


@pytest.mark.usefixtures("gone")
@pytest.mark.parametrize("kind", KINDS)
def test_from_the_text_alone(agent: Kubectl, approver: Kubectl, app: str, mark: str, kind: str) -> None:
    attempt = by_kubectl(agent, kind, app, mark)
    refused = waiting(attempt)
    assert needs_approval(refused)
    wait, approve = told(refused, "kubectl wait"), told(refused, "kubectl patch")
    waits_and_succeeds(agent, approver, wait, approve, attempt)


@pytest.mark.usefixtures("gone")
@pytest.mark.parametrize("kind", KINDS)
def test_from_the_causes_alone(agent: Kubectl, approver: Kubectl, app: str, mark: str, kind: str) -> None:
    attempt = by_api(agent, kind, app, mark)
    found = causes(waiting(attempt))
    wait, approve = (shlex.split(found[reason])[1:] for reason in ("WaitCommand", "ApproveCommand"))
    assert found["ApprovalRequest"].partition("/")[2] in wait[1]
    assert "Then do exactly the same again" in found["Remedy"]
    waits_and_succeeds(agent, approver, wait, approve, attempt)
