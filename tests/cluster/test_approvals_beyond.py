"""Breaking the glass, standing approvals and holding back, on the real path."""

import json
import subprocess
from collections.abc import Iterator

import pytest
from installation import without_webhooks
from kube import NAMESPACE, REPOSITORY, Kubectl, Object, Result, chaperone, until
from sessions import marker
from tickets import (
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

GROUP = "test-firefighters"


@pytest.fixture(scope="module")
def mark(admin: Kubectl) -> Iterator[str]:
    """A word that has command lines wait; firefighters may break the glass, and standing approvals count."""
    word = marker()
    ask = for_word(word, approval={"standing": {"maxSeconds": 60}})
    glass = {"name": "glass", "action": "audit", "breakGlass": True, "match": {"groups": [GROUP]}}
    with policy(admin, ask, glass):
        yield word


@pytest.fixture(scope="module")
def erin(admin: Kubectl) -> Iterator["Impersonated"]:
    """Somebody who works as the agent does, and belongs to those who may break the glass."""
    subject = {"kind": "Group", "name": GROUP, "apiGroup": "rbac.authorization.k8s.io"}
    binding = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "subjects": [subject]}
    roles = [("Role", "agent"), ("ClusterRole", "chaperone-break-glass")]
    bindings = [
        {
            **binding,
            "metadata": {"name": f"test-{name}", "namespace": NAMESPACE},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name},
        }
        for kind, name in roles
    ]
    admin.apply(*bindings)
    yield Impersonated(admin.kubeconfig)
    admin.run("delete", "rolebinding", "-n", NAMESPACE, *(f"test-{name}" for _, name in roles))


class Impersonated(Kubectl):
    """kubectl as Erin, by the administrator's right to impersonate."""

    def command(self, *arguments: str) -> list[str]:
        verb, *rest = arguments
        return super().command(verb, "--as=erin", f"--as-group={GROUP}", *rest)


def test_the_glass_is_broken_with_a_reason_and_reviewed_by_somebody_else(
    admin: Kubectl, approver: Kubectl, auditor: Kubectl, erin: Kubectl, app: str, mark: str
) -> None:
    refused = waiting(lambda: echo(erin, app, mark))
    name = ticket_of(refused)
    command = [
        word.replace("WHY", "the shop is down") for word in told(refused, "kubectl patch", holds="glass")
    ]
    erin.run(*command)
    assert echo(erin, app, mark).text == f"{mark}\n"
    until(lambda: phase(admin, name) == "Used", what="the approval used up")
    assert get(admin, name)["status"]["review"] == {"state": "Pending"}
    assert echo(erin, app, mark).code != 0
    assert "somebody else reviews it" in say(erin, name, "review", "fine").error
    assert "nobody has reviewed" in admin.try_("delete", "approvalrequest", name, "-n", NAMESPACE).error
    assert name in chaperone(approver, "approvals", "list", "-n", NAMESPACE, "--unreviewed")
    chaperone(approver, "approvals", "review", name, "-n", NAMESPACE, "-r", "it was needed")
    assert get(admin, name)["status"]["review"]["by"]["username"] == "approver"
    kinds = recorded(auditor, name, 5)
    assert [kind for kind in kinds if kind != "approval-refused"] == [
        "approval-asked",
        "break-glass",
        "approval-used",
        "approval-decided",
    ]


def test_who_no_policy_lets_break_the_glass_cannot(
    admin: Kubectl, agent: Kubectl, erin: Kubectl, app: str, mark: str
) -> None:
    """Erin may write into requests, but this one is not hers; and the refusal of the agent offers nothing."""
    refused = waiting(lambda: echo(agent, app, mark, "agents"))
    assert "break-glass" not in refused.error
    name = ticket_of(refused)
    for verdict in ("break-glass", "approve", "review"):
        assert say(erin, name, verdict, "mine").code != 0
    assert phase(admin, name) == "Pending"


def test_without_the_webhook_nothing_is_gained_by_writing_it_by_hand(
    admin: Kubectl, agent: Kubectl, erin: Kubectl, app: str, mark: str
) -> None:
    name = ticket_of(waiting(lambda: echo(agent, app, mark, "by hand")))
    verdict: Object = {"by": {"username": "erin"}, "at": "2026-03-02T12:00:00Z"}
    approved = {"status": {"phase": "Approved", "decisions": [{"verdict": "approve", **verdict}]}}
    broken = {
        "status": {
            "phase": "Approved",
            "decisions": [{"verdict": "break-glass", **verdict}],
            "review": {"state": "Pending"},
        }
    }
    with without_webhooks(admin):
        for body in (approved, broken, {"decision": {"verdict": "approve"}}):
            refused = write(erin, name, body)
            assert refused.code != 0
            assert "Forbidden" in refused.error or "forbidden" in refused.error
    assert phase(admin, name) == "Pending"


def try_chaperone(user: Kubectl, *arguments: str) -> Result:
    environment = user.env() | {"KUBECONFIG": str(user.kubeconfig)}
    command = [str(REPOSITORY / ".venv/bin/chaperone"), "approvals", *arguments, "-n", NAMESPACE]
    done = subprocess.run(command, env=environment, capture_output=True, check=False, timeout=60)
    return Result(done.returncode, done.stdout, done.stderr)


def test_a_standing_approval_spares_asking_until_it_is_revoked(
    admin: Kubectl, agent: Kubectl, approver: Kubectl, auditor: Kubectl, app: str, mark: str
) -> None:
    name = ticket_of(waiting(lambda: echo(agent, app, mark, "one")))
    too_long = try_chaperone(approver, "stand", name, "--for", "2h", "--words", "2")
    assert "60 s at most" in too_long.error
    made = try_chaperone(approver, "stand", name, "--for", "1m", "--words", "2", "-r", "a migration")
    assert made.code == 0, made.error
    standing = made.text.partition(":")[0]
    passed = at_once(lambda: echo(agent, app, mark, "two"), 4)
    assert [result.text for result in passed] == [f"{mark} two\n"] * 4
    assert echo(agent, app, "first", mark).code != 0
    assert echo(admin, app, mark, "two").code != 0
    assert agent.try_("exec", "-n", NAMESPACE, "-i", app, "--", "echo", mark, "two").code != 0
    assert standing in chaperone(agent, "approvals", "standing", "-n", NAMESPACE)
    longer = write(approver, standing, {"spec": {"seconds": 3600}}, "standingapproval")
    assert longer.code != 0
    assert "has to ask again" in try_chaperone(approver, "revoke", standing).text
    assert echo(agent, app, mark, "three").code != 0
    assert "revoked already" in try_chaperone(approver, "revoke", standing).error
    on_record = recorded(auditor, f"standing/{standing}", 6)
    assert on_record == ["approval-decided", *["approval-used"] * 4, "approval-removed"]


def test_nobody_gives_one_to_themselves_or_stamps_it(admin: Kubectl, approver: Kubectl, mark: str) -> None:
    found = next(item for item in admin.get("guardpolicies")["items"] if mark in json.dumps(item["spec"]))
    spec = {"policy": found["metadata"]["name"], "rule": "ask", "argvPrefix": ["echo"], "seconds": 30}
    document: Object = {"apiVersion": "chaperone.dev/v1alpha1", "kind": "StandingApproval"}
    stamp = {"by": {"username": "approver2"}, "at": "2026-03-02T12:00:00Z", "until": "2126-03-02T12:00:00Z"}
    hostile = [
        ({"spec": {**spec, "user": "approver"}}, "nobody gives it to themselves"),
        ({"spec": {**spec, "user": "agent"}, "status": stamp}, "stamped by hand"),
        ({"spec": {**spec, "user": "agent", "rule": "glass"}}, "asks for no approval"),
        ({"spec": {**spec, "user": "agent", "argvPrefix": []}}, "does not say how the command lines begin"),
    ]
    for fields, said in hostile:
        made = {**document, "metadata": {"name": "mine", "namespace": NAMESPACE}, **fields}
        refused = approver.try_("create", "-f", "-", stdin=json.dumps(made).encode())
        assert said in refused.error, fields
