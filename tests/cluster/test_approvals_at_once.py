"""Fifty identical requests at once before two replicas: all are answered; one request, and one use."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from direct import Direct
from kube import NAMESPACE, SYSTEM, Kubectl
from people import As
from pods import container, pod
from sessions import Audit, marker
from tickets import (
    at_once,
    echo,
    for_word,
    needs_approval,
    phase,
    policy,
    recorded,
    ticket_of,
    waiting,
    write,
)

from webhook.kube.api import MERGE_PATCH, KubeApi, Reply

MANY = 50
ONCE = ["approval-asked", "approval-decided", "approval-used"]


@pytest.fixture(scope="module")
def mark(admin: Kubectl) -> Iterator[str]:
    """A word: command lines with it, pods and Secrets of that name wait for an approval."""
    word = marker()
    names = {"namespaces": [NAMESPACE], "names": [word]}
    rules = [
        for_word(word),
        {"name": "pod", "action": "approve", "match": {"doors": ["pod"], "privileged": True, **names}},
        {"name": "secret", "action": "approve", "match": {"doors": ["secret"], "changed": True, **names}},
    ]
    with policy(admin, *rules):
        yield word


@pytest.fixture(scope="module")
def api(admin: Kubectl) -> Iterator[KubeApi]:
    """The API server as its administrator, without the time that fifty kubectls take to start."""
    api = KubeApi(kubeconfig=admin.kubeconfig, connections=MANY)
    yield api
    api.close()


class Replicas:
    """How often each replica has answered about something, by its log."""

    def __init__(self, admin: Kubectl) -> None:
        self._admin = admin

    def answers(self, name: str) -> Counter[str]:
        selector = ("-n", SYSTEM, "-l", "app.kubernetes.io/component=admission")
        pods = [item["metadata"]["name"] for item in self._admin.get("pods", *selector)["items"]]
        counted = Counter(dict.fromkeys(pods, 0))
        for one in pods:
            for line in self._admin.run("logs", "-n", SYSTEM, one, "--since=120s").splitlines():
                logged: Any = json.loads(line)
                counted[one] += logged.get("message") == "review" and logged.get("name") == name
        return counted


@pytest.fixture(scope="module")
def replicas(admin: Kubectl) -> Replicas:
    return Replicas(admin)


def check_both(before: Counter[str], after: Counter[str], least: int) -> None:
    answered = {name: count - before[name] for name, count in after.items()}
    assert len(answered) == 2, answered
    assert min(answered.values()) > 0, f"both replicas were asked: {answered}"
    assert sum(answered.values()) >= least, answered


def test_sessions(
    admin: Kubectl,
    agent: Kubectl,
    approver: Kubectl,
    auditor: Kubectl,
    audit: Audit,
    app: str,
    mark: str,
    replicas: Replicas,
) -> None:
    word, before = marker(), replicas.answers(app)
    waiting(lambda: echo(agent, app, mark, "settle"))
    direct = Direct(agent.kubeconfig)
    asked = at_once(lambda: direct.exec(app, "echo", mark, word), MANY, threads=MANY)
    [name] = {ticket_of(result) for result in asked}
    assert write(approver, name).code == 0
    tried = at_once(lambda: direct.exec(app, "echo", mark, word), MANY, threads=MANY)
    assert [result.text for result in tried if result.code == 0] == [f"{mark} {word}\n"]
    assert all(needs_approval(result) or "a moment ago" in result.error for result in tried if result.code)
    check_both(before, replicas.answers(app), 2 * MANY)
    audit.recorded(word)
    assert len(audit.find(word)) == 1
    assert recorded(auditor, name, 3) == ONCE
    others = [item for item in admin.get("approvalrequests", "-n", NAMESPACE)["items"] if word in _argv(item)]
    about = {item["metadata"]["name"] for item in others} - {name}
    assert about <= {f"{name.removesuffix('-1')}-2"}, "what came after the use is asked for anew, once"


def _argv(item: dict[str, Any]) -> list[str]:
    return item["spec"].get("argv", [])


def test_pods(
    admin: Kubectl, approver: Kubectl, auditor: Kubectl, mark: str, api: KubeApi, replicas: Replicas
) -> None:
    body = pod(mark, container(), hostNetwork=True)
    path, before = f"/api/v1/namespaces/{NAMESPACE}/pods", replicas.answers(mark)
    name = _one(lambda: api.request("POST", path, body=body, seconds=60))
    assert write(approver, name).code == 0
    tried = at_once(lambda: api.request("POST", path, body=body, seconds=60), MANY, threads=MANY)
    assert Counter(reply.status for reply in tried)[201] == 1
    assert {reply.status for reply in tried} <= {201, 403, 409}
    check_both(before, replicas.answers(mark), MANY)
    assert phase(admin, name) == "Used"
    assert recorded(auditor, name, 3) == ONCE
    admin.delete_now("pod", mark, "-n", NAMESPACE)


def test_secrets(
    admin: Kubectl, approver: Kubectl, auditor: Kubectl, mark: str, api: KubeApi, replicas: Replicas
) -> None:
    machinery = As(admin, "system:apiserver", "system:masters")
    machinery.run("create", "secret", "generic", mark, "-n", NAMESPACE, "--from-literal=password=one")
    body, path = {"stringData": {"password": "two"}}, f"/api/v1/namespaces/{NAMESPACE}/secrets/{mark}"
    before = replicas.answers(mark)

    def change() -> Reply:
        return api.request("PATCH", path, body=body, content_type=MERGE_PATCH, seconds=60)

    name = _one(change)
    assert write(approver, name).code == 0
    tried = at_once(change, MANY, threads=MANY)
    done = [json.loads(reply.body) for reply in tried if reply.status == 200]
    assert {reply.status for reply in tried} <= {200, 403}
    versions = {found["metadata"]["resourceVersion"] for found in done}
    assert len(versions) == 1, "it was written once; who came later changed nothing"
    check_both(before, replicas.answers(mark), MANY)
    assert phase(admin, name) == "Used"
    assert recorded(auditor, name, 3) == ONCE
    machinery.run("delete", "secret", mark, "-n", NAMESPACE)


def _one(ask: Callable[[], Reply]) -> str:
    """Ask many times at once, and give the name of the one request that comes of it."""
    replies = at_once(ask, MANY, threads=MANY)
    assert {reply.status for reply in replies} == {403}, Counter(reply.status for reply in replies)
    [name] = {
        cause["message"].rpartition("/")[2]
        for reply in replies
        for cause in json.loads(reply.body)["details"]["causes"]
        if cause["reason"] == "ApprovalRequest"
    }
    return name
