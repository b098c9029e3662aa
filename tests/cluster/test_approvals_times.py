"""What ends by time, and what is held back for a while, on the real path."""

import json
import subprocess
import time
from collections.abc import Iterator

import pytest
from installation import changed, setting
from kube import NAMESPACE, Kubectl, Object, until
from sessions import marker
from tickets import echo, for_word, phase, policy, recorded, ticket_of, told, waiting, write

PENDING, USABLE, HOLD, STANDING = 30, 10, 5, 20
"""Long enough for what has to happen before on a machine that has other things to do."""


@pytest.fixture(scope="module")
def mark(admin: Kubectl, agent: Kubectl, app: str) -> Iterator[str]:
    """A word that has command lines wait, while everything ends within seconds."""
    word = marker()
    terms = json.loads(setting(admin, "admission", "CHAPERONE_APPROVALS"))
    terms |= {"pending_seconds": PENDING, "usable_seconds": USABLE, "hold_seconds": HOLD}
    ask = for_word(word, approval={"standing": {"maxSeconds": 60}})
    with changed(admin, "admission", "CHAPERONE_APPROVALS", json.dumps(terms)), policy(admin, ask):
        waiting(lambda: echo(agent, app, word))
        yield word


def test_a_quick_approver_spares_the_retry(
    admin: Kubectl, agent: Kubectl, approver: Kubectl, app: str, mark: str
) -> None:
    def is_spared() -> bool:
        """Whoever approves has a few seconds, on a machine that has other things to do."""
        word = marker()
        asking = agent.start("exec", "-n", NAMESPACE, app, "--", "echo", word, mark, stdin=subprocess.DEVNULL)
        name = until(lambda: asked(admin, word), what="the request")
        assert write(approver, name).code == 0
        out, error = asking.communicate(timeout=90)
        assert out.decode() == f"{word} {mark}\n" or (not out and name in error.decode()), error.decode()
        return bool(out)

    until(is_spared, what="an approval while the request is held back")


def asked(admin: Kubectl, word: str) -> str:
    items = admin.get("approvalrequests", "-n", NAMESPACE)["items"]
    return next((item["metadata"]["name"] for item in items if word in item["spec"].get("argv", ())), "")


def test_what_nobody_decides_or_uses_in_time_expires_and_says_so(
    admin: Kubectl, agent: Kubectl, approver: Kubectl, auditor: Kubectl, app: str, mark: str
) -> None:
    refused = echo(agent, app, mark, "undecided")
    undecided = ticket_of(refused)
    unused = ticket_of(echo(agent, app, mark, "unused"))
    assert write(approver, unused).code == 0
    agent.run(*told(refused, "kubectl wait"))
    until(lambda: {phase(admin, name) for name in (undecided, unused)} == {"Expired"}, what="both expired")
    for name in (undecided, unused):
        assert f"{name} is expired already (its time has passed)" in write(approver, name).error
    again = echo(agent, app, mark, "unused")
    assert ticket_of(again) == f"{unused.removesuffix('-1')}-2", "it has to be asked for anew"
    assert recorded(auditor, undecided, 3)[:2] == ["approval-asked", "approval-expired"]
    expected = ["approval-asked", "approval-decided", "approval-expired"]
    assert recorded(auditor, unused, 4)[:3] == expected


def test_a_standing_approval_ends_by_itself(
    admin: Kubectl, agent: Kubectl, approver: Kubectl, app: str, mark: str
) -> None:
    found = next(item for item in admin.get("guardpolicies")["items"] if mark in json.dumps(item["spec"]))
    document: Object = {
        "apiVersion": "chaperone.dev/v1alpha1",
        "kind": "StandingApproval",
        "metadata": {"name": f"short-{mark}", "namespace": NAMESPACE},
        "spec": {
            "user": "agent",
            "policy": found["metadata"]["name"],
            "rule": "ask",
            "argvPrefix": ["echo", mark],
            "seconds": STANDING,
        },
    }
    approver.run("create", "-f", "-", stdin=json.dumps(document).encode())
    began = time.monotonic()
    assert echo(agent, app, mark, "stands").text == f"{mark} stands\n"
    assert time.monotonic() - began < STANDING
    until(lambda: echo(agent, app, mark, "stands").code != 0, what="its end")
    assert "is waiting for somebody else" in echo(agent, app, mark, "stands").error
