"""Who decides, on the real path: stand-ins, one of each group, people only, with reasons; and without any."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from kube import NAMESPACE, Kubectl, Object, Result, chaperone, until
from people import As
from sessions import Audit, marker
from tickets import audit_events, for_word, get, phase, policy, recorded, say, ticket_of, told, waiting

RULES: dict[str, Object] = {
    "stand-ins": {
        "groups": ["dba"],
        "delegates": [
            {"group": "on-call", "for": "dba", "until": "2126-01-01T00:00:00Z"},
            {"group": "left", "for": "dba", "until": "2026-01-01T00:00:00Z"},
        ],
    },
    "each": {"groups": ["dba", "security"], "eachGroup": True, "count": 2},
    "people": {"excludeServiceAccounts": True},
    "reason": {"reasonRequired": True},
}
DECIDERS = "test-deciders"
BOT = "system:serviceaccount:payments:bot"


@pytest.fixture(scope="module")
def mark(admin: Kubectl) -> Iterator[str]:
    """A word; each rule is asked where its name is beside it; with ``at-once`` the glass is broken."""
    word = marker()
    rules = [for_word(word, name=name, approval=terms) for name, terms in RULES.items()]
    rules += [for_word(word, name="at-once"), {**for_word(word, name="glass"), "action": "audit"}]
    rules[-1] |= {"breakGlass": True, "reasonRequired": False}
    rules[-1]["match"]["users"] = ["agent"]
    for rule in rules:
        beside = "at-once" if rule["name"] == "glass" else rule["name"]
        rule["match"]["cel"] += f" && argv.exists(a, a == '{beside}')"
    bindings = [
        _binding(kind, name) for kind, name in (("Role", "agent"), ("ClusterRole", "chaperone-approver"))
    ]
    admin.apply(*bindings)
    with policy(admin, *rules):
        yield word
    names = [binding["metadata"]["name"] for binding in bindings]
    admin.run("delete", "rolebinding", "-n", NAMESPACE, *names)


def _binding(kind: str, name: str) -> Object:
    group = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": f"{DECIDERS}-{name}", "namespace": NAMESPACE},
        "subjects": [{"kind": "Group", "name": DECIDERS, "apiGroup": group}],
        "roleRef": {"apiGroup": group, "kind": kind, "name": name},
    }


def person(admin: Kubectl, name: str, *groups: str) -> As:
    return As(admin, name, DECIDERS, *groups)


def echo(who: As | Kubectl, app: str, *words: str) -> Result:
    return who.try_("exec", "-n", NAMESPACE, app, "--", "echo", *words)


def write(who: As, name: str, reason: str = "", verdict: str = "approve") -> Result:
    body: Any = {"decision": {"verdict": verdict, **({"reason": reason} if reason else {})}}
    return who.try_("patch", "approvalrequest", name, "-n", NAMESPACE, "--type=merge", "-p", json.dumps(body))


def test_a_stand_in_decides_for_the_group_and_one_whose_time_is_over_does_not(
    admin: Kubectl, agent: Kubectl, app: str, mark: str
) -> None:
    name = ticket_of(waiting(lambda: echo(agent, app, mark, "stand-ins")))
    for who in (person(admin, "lena", "left"), person(admin, "nobody")):
        assert "only members of dba may decide on it" in write(who, name).error
    assert write(person(admin, "olga", "on-call"), name).code == 0
    [decided] = get(admin, name)["status"]["decisions"]
    assert (decided["by"]["username"], decided["standsFor"]) == ("olga", ["dba"])
    assert echo(agent, app, mark, "stand-ins").text == f"{mark} stand-ins\n"


def test_one_of_each_group_must_agree(admin: Kubectl, agent: Kubectl, app: str, mark: str) -> None:
    refused = waiting(lambda: echo(agent, app, mark, "each"))
    assert "2 other people, with one of each of dba, security among them" in refused.error
    name = ticket_of(refused)
    for who in ("dana", "dirk"):
        assert write(person(admin, who, "dba"), name).code == 0
    assert phase(admin, name) == "Pending", "two of one group are none of the other"
    assert "with one of each of security among them" in echo(agent, app, mark, "each").error
    assert write(person(admin, "sam", "security"), name).code == 0
    assert phase(admin, name) == "Approved"
    assert echo(agent, app, mark, "each").text == f"{mark} each\n"


def test_no_service_account_decides_for_another(admin: Kubectl, app: str, mark: str) -> None:
    bot, other = (person(admin, BOT), person(admin, "system:serviceaccount:payments:other"))
    name = ticket_of(waiting(lambda: echo(bot, app, mark, "people")))
    assert "no service account decide" in write(other, name).error
    assert "nobody decides on their own request" in write(bot, name).error
    assert write(person(admin, "hana"), name).code == 0
    assert echo(bot, app, mark, "people").text == f"{mark} people\n"


def test_who_may_write_and_not_approve_is_told_what_is_missing(
    admin: Kubectl, agent: Kubectl, auditor: Kubectl, app: str, mark: str
) -> None:
    """RBAC lets this verdict be written; that it counts is asked by a SubjectAccessReview."""
    writer, role = As(admin, "writer"), f"{DECIDERS}-writer"
    binding = _binding("ClusterRole", "chaperone-break-glass")
    binding["metadata"]["name"] = role
    binding["subjects"] = [{"kind": "User", "name": "writer", "apiGroup": "rbac.authorization.k8s.io"}]
    admin.apply(binding)
    try:
        name = ticket_of(waiting(lambda: echo(agent, app, mark, "people", "writer")))
        refused = until(lambda: _taken(write(writer, name)), what="the right to write known")
        assert f"writer has no right to approve in namespace {NAMESPACE}" in refused.error
        assert phase(admin, name) == "Pending"
        [event] = until(lambda: _refusals(auditor, name), what="the refusal on record")
        assert (event["actor"]["username"], event["details"]["refusal"]) == ("writer", "MayNotApprove")
        give = told(refused, "kubectl create rolebinding")
        assert give[-2:] == ["--clusterrole=chaperone-approver", "--user=writer"]
        admin.run(*give)
        until(lambda: write(writer, name).code == 0, what="the right to approve known")
        assert echo(agent, app, mark, "people", "writer").text == f"{mark} people writer\n"
    finally:
        bindings = ("rolebinding", "-n", NAMESPACE, role, "chaperone-approver", "--ignore-not-found")
        admin.run("delete", *bindings)


def _taken(result: Result) -> Result | None:
    """Give a result unless RBAC itself did not let it be tried."""
    return None if "cannot patch" in result.error else result


def _refusals(auditor: Kubectl, name: str) -> list[Object]:
    return [one for one in audit_events(auditor, name) if one["type"] == "approval-refused"]


def test_what_is_approved_is_what_was_looked_at(
    admin: Kubectl, agent: Kubectl, approver: Kubectl, app: str, mark: str
) -> None:
    name = ticket_of(waiting(lambda: echo(agent, app, mark, "people", "looked-at")))
    body = json.dumps({"decision": {"verdict": "approve", "digest": "0" * 64}})
    patch = ("patch", "approvalrequest", name, "-n", NAMESPACE, "--type=merge", "-p", body)
    assert f"{name} is not what was looked at" in person(admin, "hana").try_(*patch).error
    shown = chaperone(approver, "approvals", "show", name, "-n", NAMESPACE)
    [line] = [line for line in shown.splitlines() if "chaperone approvals approve" in line]
    assert "approved; agent can do it once" in chaperone(approver, *line.split("chaperone ", 1)[1].split())
    assert echo(agent, app, mark, "people", "looked-at").text == f"{mark} people looked-at\n"


def test_a_reason_is_asked_for_and_kept(admin: Kubectl, agent: Kubectl, app: str, mark: str) -> None:
    refused = waiting(lambda: echo(agent, app, mark, "reason"))
    name, hana = ticket_of(refused), person(admin, "hana")
    without = write(hana, name)
    assert "its policy asks for a reason" in without.error
    assert '"reason":"WHY"' in without.error
    command = [word.replace("WHY", "agreed with the owner") for word in told(refused, "kubectl patch")]
    hana.run(*command)
    assert get(admin, name)["status"]["decisions"][0]["reason"] == "agreed with the owner"


def test_a_glass_that_needs_no_reason_is_broken_at_once_and_reviewed_by_somebody_else(
    admin: Kubectl, agent: Kubectl, approver: Kubectl, auditor: Kubectl, audit: Audit, app: str, mark: str
) -> None:
    def broken() -> list[Object]:
        items = admin.get("approvalrequests", "-n", NAMESPACE)["items"]
        return [item for item in items if item["spec"].get("argv", [])[-2:] == [mark, "at-once"]]

    until(lambda: echo(agent, app, mark, "at-once").code == 0 and broken(), what="the first try goes on")
    name = broken()[0]["metadata"]["name"]
    until(lambda: phase(admin, name) == "Used", what="the use known")
    assert name in chaperone(approver, "approvals", "list", "-n", NAMESPACE, "--unreviewed")
    assert "somebody else reviews it" in say(agent, name, "review", "fine").error or "cannot" in (
        say(agent, name, "review", "fine").error
    )
    assert "no reason was given" in write(person(admin, "hana"), name, verdict="review").error
    assert write(person(admin, "hana"), name, "it was needed", "review").code == 0
    assert get(admin, name)["status"]["review"]["by"]["username"] == "hana"
    assert "was reviewed already by hana" in write(person(admin, "ida"), name, "me too", "review").error
    kinds = [kind for kind in recorded(auditor, name, 3) if kind != "approval-refused"]
    assert sorted(kinds) == ["approval-decided", "approval-used", "break-glass"]
    assert audit.recorded(mark).status["phase"] == "Completed"


def test_a_verdict_that_comes_too_late_says_what_became_of_it(
    admin: Kubectl, agent: Kubectl, app: str, mark: str
) -> None:
    hana, ida = person(admin, "hana"), person(admin, "ida")
    denied = ticket_of(waiting(lambda: echo(agent, app, mark, "people", "denied")))
    assert write(hana, denied, "use a migration", "deny").code == 0
    assert f"{denied} is denied already (denied by hana)" in write(ida, denied).error
    used = ticket_of(echo(agent, app, mark, "people", "used"))
    assert write(hana, used).code == 0
    assert f"{used} is approved already (approved by hana)" in write(ida, used, "", "deny").error
    assert echo(agent, app, mark, "people", "used").code == 0
    until(lambda: phase(admin, used) == "Used", what="the use known")
    late = write(ida, used)
    assert f"{used} is used already" in late.error
    assert "have the action asked for again" in late.error.lower()
