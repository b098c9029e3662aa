"""Approvals on the real path: an unchanged kubectl asks, somebody else approves, and it happens once."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from kube import NAMESPACE, REPOSITORY, Kubectl, Object, Result, until
from pods import container, pod
from sessions import marker
from tickets import (
    APPROVE,
    at_once,
    echo,
    for_word,
    get,
    phase,
    policy,
    recorded,
    say,
    ticket_of,
    told,
    waiting,
    write,
)
from workshop import Workshop


@pytest.fixture(scope="module")
def mark(admin: Kubectl) -> Iterator[str]:
    """A word that has command lines wait for an approval; two people's when ``both`` is beside it."""
    word = marker()
    ask, both = for_word(word), for_word(word, name="both", approval={"count": 2})
    ask["match"]["cel"] += " && !argv.exists(a, a == 'both')"
    both["match"]["cel"] += " && argv.exists(a, a == 'both')"
    pods = {"doors": ["pod"], "names": [word], "privileged": True}
    with policy(admin, ask, both, {"name": "pod", "action": "approve", "match": pods}):
        yield word


ONCE = ["approval-asked", "approval-decided", "approval-used"]


def test_from_the_refusal_alone_to_the_second_try(
    admin: Kubectl, agent_both: Kubectl, approver: Kubectl, auditor: Kubectl, app: str, mark: str
) -> None:
    word = marker()
    refused = waiting(lambda: echo(agent_both, app, mark, word))
    name = ticket_of(refused)
    approver.run(*told(refused, "kubectl patch"))
    agent_both.run(*told(refused, "kubectl wait"))
    assert echo(agent_both, app, mark, word).text == f"{mark} {word}\n"
    until(lambda: phase(admin, name) == "Used", what="the approval used up")
    assert ticket_of(echo(agent_both, app, mark, word)) != name
    assert recorded(auditor, name, 3) == ONCE


def test_an_agent_with_the_text_alone_learns_of_a_denial(
    agent: Kubectl, approver: Kubectl, app: str, mark: str
) -> None:
    """It waits as it is told, does the same again as it is told, and reads."""
    word = marker()
    refused = waiting(lambda: echo(agent, app, mark, word))
    assert say(approver, ticket_of(refused), "deny", "use a migration").code == 0
    agent.run(*told(refused, "kubectl wait"))
    denied = echo(agent, app, mark, word)
    assert "was denied by approver: use a migration" in denied.error
    assert "Do it another way" in denied.error
    assert "kubectl wait" not in denied.error


def test_nobody_decides_for_themselves_or_without_the_right(
    admin: Kubectl, agent: Kubectl, auditor: Kubectl, approver: Kubectl, app: str, mark: str
) -> None:
    name = ticket_of(waiting(lambda: echo(agent, app, mark)))
    assert "cannot" in write(agent, name).error
    assert "cannot" in write(auditor, name).error
    own = ticket_of(echo(admin, app, mark))
    assert own != name
    assert "nobody decides on their own request" in write(admin, own).error
    assert "while they are open" in admin.try_("delete", "approvalrequest", name, "-n", NAMESPACE).error
    assert phase(admin, name) == "Pending"
    hostile: list[Object] = [
        {"status": {"phase": "Approved"}},
        {"spec": {"digest": "0" * 64}},
        {"metadata": {"labels": {"chaperone.dev/ask": "other"}}},
        {**APPROVE, "status": {"decisions": [{"verdict": "approve", "by": {"username": "approver2"}}]}},
        {**APPROVE, "spec": {"requester": {"username": "somebody"}}},
        {"decision": {"verdict": "break-glass", "reason": "mine"}},
        {"decision": {"verdict": "review", "reason": "mine"}},
        {"decision": {"verdict": "perhaps"}},
        {"decision": {"verdict": "approve", "by": {"username": "approver2"}}},
    ]
    for body in hostile[:-1]:
        assert write(approver, name, body).code != 0, body
    assert phase(admin, name) == "Pending"
    assert write(approver, name, hostile[-1]).code in {0, 1}
    decided = get(admin, name)["status"].get("decisions", [])
    assert [one["by"]["username"] for one in decided] in ([], ["approver"])


def test_two_must_agree_and_are_different_and_late_is_told(
    agent: Kubectl, approver: Kubectl, approver2: Kubectl, app: str, mark: str
) -> None:
    refused = waiting(lambda: echo(agent, app, mark, "both"))
    assert "waiting for 2 other people" in refused.error
    name = ticket_of(refused)
    assert write(approver, name).code == 0
    assert "approved it already" in write(approver, name).error
    assert echo(agent, app, mark, "both").code != 0
    assert write(approver2, name).code == 0
    assert "approved already (approved by approver and approver2)" in write(approver, name).error
    assert echo(agent, app, mark, "both").text == f"{mark} both\n"


def test_a_privileged_pod_is_created_once_and_exactly_as_approved(
    admin: Kubectl, agent: Kubectl, approver: Kubectl, auditor: Kubectl, mark: str
) -> None:
    def create(*options: str, **spec: Any) -> Result:
        body = json.dumps(pod(mark, container(), hostNetwork=True, **spec)).encode()
        return agent.try_("create", "-f", "-", *options, stdin=body)

    assert "dry run" in waiting(lambda: create("--dry-run=server")).error
    [name] = {ticket_of(result) for result in at_once(create, 20)}
    assert write(approver, name).code == 0
    told = f"{name} was approved, but an approval is for exactly what was asked then"

    def is_told() -> bool:
        """Each replica hears of the approval by its watch."""
        changed = create(terminationGracePeriodSeconds=7)
        assert ticket_of(changed) != name
        return told in changed.error

    until(is_told, what="the approval known")
    assert create("--dry-run=server").code == 0
    passed = [result for result in at_once(create, 20) if result.code == 0]
    assert len(passed) == 1
    assert phase(admin, name) == "Used"
    admin.delete_now("pod", mark, "-n", NAMESPACE)
    assert ticket_of(create()) != name
    assert recorded(auditor, name, 3) == ONCE


def test_approving_what_is_gone_says_so(
    workshop: Workshop, admin: Kubectl, agent: Kubectl, approver: Kubectl, mark: str
) -> None:
    app = workshop.pod(pod("soon-gone", container()))
    name = ticket_of(waiting(lambda: echo(agent, app, mark)))
    admin.delete_now("pod", app, "-n", NAMESPACE)
    refused = until(lambda: _gone(write(approver, name)), what="the pod known as gone")
    assert "for which it was asked, is gone" in refused
    assert say(approver, name, "deny", "too late").code == 0


def _gone(result: Result) -> str:
    assert result.code, "an approval of what is gone was taken"
    return result.error


WAYS = [
    ("--type=merge", json.dumps(APPROVE)),
    ("--type=json", json.dumps([{"op": "add", "path": "/decision", "value": APPROVE["decision"]}])),
    ("--server-side", ""),
]


@pytest.mark.parametrize(("way", "body"), WAYS)
def test_every_way_to_write_a_verdict_works(
    admin: Kubectl, agent: Kubectl, approver: Kubectl, app: str, mark: str, way: str, body: str
) -> None:
    name = ticket_of(waiting(lambda: echo(agent, app, mark, way)))
    if body:
        done = approver.try_("patch", "approvalrequest", name, "-n", NAMESPACE, way, "-p", body)
    else:
        document = {
            "apiVersion": "chaperone.dev/v1alpha1",
            "kind": "ApprovalRequest",
            "metadata": {"name": name, "namespace": NAMESPACE},
            **APPROVE,
        }
        done = approver.try_("apply", way, "-f", "-", stdin=json.dumps(document).encode())
    assert done.code == 0, done.error
    assert phase(admin, name) == "Approved"
    assert get(admin, name)["status"]["decisions"][0]["by"]["username"] == "approver"


def test_other_ways_to_write_are_refused_with_the_reason(
    agent: Kubectl, approver: Kubectl, admin: Kubectl, app: str, mark: str
) -> None:
    name = ticket_of(waiting(lambda: echo(agent, app, mark, "ways")))
    target = ("approvalrequest", name, "-n", NAMESPACE)
    strategic = approver.try_("patch", *target, "-p", json.dumps(APPROVE))
    assert "strategic" in strategic.error
    for words in (("label", *target, "a=b"), ("annotate", *target, "a=b")):
        assert "made, changed and removed by Chaperone alone" in approver.try_(*words).error
    document = {**get(admin, name), "metadata": {"name": "mine", "namespace": NAMESPACE}}
    made = admin.try_("create", "-f", "-", stdin=json.dumps(document).encode())
    assert "do what you want approved" in made.error.lower()
    assert phase(admin, name) == "Pending"


def test_a_watch_tells_what_comes_and_what_becomes_of_it(
    agent: Kubectl, approver: Kubectl, app: str, mark: str
) -> None:
    command = [str(REPOSITORY / ".venv/bin/chaperone"), "approvals", "watch", "-n", NAMESPACE]
    environment = approver.env() | {"KUBECONFIG": str(approver.kubeconfig)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as watching:
        assert watching.stdout is not None
        lines = iter(watching.stdout.readline, b"")
        name = ticket_of(waiting(lambda: echo(agent, app, mark, marker())))
        asked = next(line for line in lines if name.encode() in line)
        assert write(approver, name).code == 0
        decided = next(line for line in lines if name.encode() in line)
        watching.terminate()
    assert b" Pending " in asked
    assert b" Approved " in decided
