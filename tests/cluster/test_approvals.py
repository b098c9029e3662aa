"""Approvals on the real path: an unchanged kubectl asks, somebody else approves, and it happens once."""

import json
import re
import shlex
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from kube import NAMESPACE, Kubectl, Object, Result, until
from pods import container, pod
from sessions import marker

DECIDE = '{"decision":{"verdict":"approve"}}'


@pytest.fixture
def mark(admin: Kubectl) -> Iterator[str]:
    """A word that has command lines wait for an approval; two people's when ``both`` is beside it."""
    word, name = marker(), f"test-{uuid.uuid4().hex[:8]}"
    match = {"doors": ["exec"], "namespaces": [NAMESPACE]}
    rules: list[Object] = [
        {
            "name": "ask",
            "action": "approve",
            "match": {**match, "cel": f"argv.exists(a, a == '{word}') && !argv.exists(a, a == 'both')"},
        },
        {
            "name": "both",
            "action": "approve",
            "approval": {"count": 2},
            "match": {**match, "cel": f"argv.exists(a, a == '{word}') && argv.exists(a, a == 'both')"},
        },
        {
            "name": "pod",
            "action": "approve",
            "match": {"doors": ["pod"], "names": [word], "privileged": True},
        },
    ]
    document = {"apiVersion": "chaperone.dev/v1alpha1", "kind": "GuardPolicy", "metadata": {"name": name}}
    admin.apply({**document, "spec": {"rules": rules}})
    until(lambda: _is_active(admin, name), what="the policy active")
    yield word
    admin.run("delete", "guardpolicy", name)


def _is_active(admin: Kubectl, name: str) -> bool:
    conditions = admin.get("guardpolicy", name).get("status", {}).get("conditions", [])
    return any(c["type"] == "Active" and c["status"] == "True" for c in conditions)


def echo(user: Kubectl, app: str, *words: str) -> Result:
    return user.try_("exec", "-n", NAMESPACE, app, "--", "echo", *words)


def ticket_of(refused: Result) -> str:
    found = re.search(r"Approval request payments/(\S+) is waiting", refused.error)
    assert found, refused.error
    return found[1]


def waiting(ask: Callable[[], Result]) -> Result:
    """Ask until every replica follows the policy."""
    last: list[Result] = []

    def is_settled() -> bool:
        last[:] = [ask() for _ in range(4)]
        return all(result.code for result in last)

    until(is_settled, what="all replicas ask for an approval")
    return last[0]


def told(refused: Result, program: str) -> list[str]:
    """Give the arguments of a command that a refusal tells, without ``kubectl``."""
    [line] = [line for line in refused.error.splitlines() if program in line]
    return shlex.split(line[line.index(program) :])[1:]


def decide(who: Kubectl, name: str, body: str = DECIDE) -> Result:
    return who.try_("patch", "approvalrequest", name, "-n", NAMESPACE, "--type=merge", "-p", body)


def phase(admin: Kubectl, name: str) -> str:
    return admin.get("approvalrequest", name, "-n", NAMESPACE)["status"]["phase"]


def test_from_the_refusal_alone_to_the_second_try(
    admin: Kubectl, agent_both: Kubectl, approver: Kubectl, app: str, mark: str
) -> None:
    refused = waiting(lambda: echo(agent_both, app, mark))
    name = ticket_of(refused)
    approver.run(*told(refused, "kubectl patch"))
    agent_both.run(*told(refused, "kubectl wait"))
    assert echo(agent_both, app, mark).text == f"{mark}\n"
    until(lambda: phase(admin, name) == "Used", what="the approval used up")
    assert ticket_of(echo(agent_both, app, mark)) != name


def test_nobody_decides_for_themselves_or_without_the_right(
    admin: Kubectl, agent: Kubectl, auditor: Kubectl, app: str, mark: str
) -> None:
    name = ticket_of(waiting(lambda: echo(agent, app, mark)))
    assert "cannot" in decide(agent, name).error
    assert "cannot" in decide(auditor, name).error
    own = ticket_of(echo(admin, app, mark))
    assert own != name
    assert "nobody decides on their own request" in decide(admin, own).error
    for forged in ({"status": {"phase": "Approved"}}, {"spec": {"digest": "0" * 64}}):
        assert decide(admin, name, json.dumps(forged)).code != 0
    assert "while they are open" in admin.try_("delete", "approvalrequest", name, "-n", NAMESPACE).error
    assert phase(admin, name) == "Pending"


def test_two_must_agree_and_are_different(
    agent: Kubectl, approver: Kubectl, approver2: Kubectl, app: str, mark: str
) -> None:
    name = ticket_of_many(waiting(lambda: echo(agent, app, mark, "both")))
    assert decide(approver, name).code == 0
    assert "approved it already" in decide(approver, name).error
    assert echo(agent, app, mark, "both").code != 0
    assert decide(approver2, name).code == 0
    assert echo(agent, app, mark, "both").text == f"{mark} both\n"


def ticket_of_many(refused: Result) -> str:
    assert "waiting for 2 other people" in refused.error
    return ticket_of(refused)


def at_once(ask: Callable[[], Result]) -> list[Result]:
    """Ask twenty times, ten at once."""
    with ThreadPoolExecutor(10) as pool:
        futures = [pool.submit(ask) for _ in range(20)]
        return [future.result() for future in futures]


def test_twenty_at_once_are_one_request_and_one_use(
    admin: Kubectl, agent: Kubectl, approver: Kubectl, app: str, mark: str
) -> None:
    waiting(lambda: echo(agent, app, mark))
    refused = at_once(lambda: echo(agent, app, mark))
    [name] = {ticket_of(result) for result in refused}
    assert decide(approver, name).code == 0
    tried = at_once(lambda: echo(agent, app, mark))
    assert [result.text for result in tried if result.code == 0] == [f"{mark}\n"]


def test_a_privileged_pod_is_created_once_and_exactly_as_approved(
    admin: Kubectl, agent: Kubectl, approver: Kubectl, mark: str
) -> None:
    def create(*options: str, **spec: Any) -> Result:
        body = json.dumps(pod(mark, container(), hostNetwork=True, **spec)).encode()
        return agent.try_("create", "-f", "-", *options, stdin=body)

    assert "dry run" in waiting(lambda: create("--dry-run=server")).error
    name = ticket_of(create())
    assert decide(approver, name).code == 0
    assert ticket_of(create(terminationGracePeriodSeconds=7)) != name
    assert create("--dry-run=server").code == 0
    assert create().code == 0
    assert phase(admin, name) == "Used"
    admin.delete_now("pod", mark, "-n", NAMESPACE)
    assert ticket_of(create()) != name
