"""Audit events on the real path, from a refusal or a read to ``kubectl get auditevents``."""

import json
import re
from collections.abc import Callable, Iterator

import pytest
from installation import without
from kube import NAMESPACE, SYSTEM, Kubectl, Object, Result, chaperone, until
from node import kill_container
from sessions import API, Audit, marker

PAN = "4111111111111111"


@pytest.fixture
def mark(admin: Kubectl) -> Iterator[str]:
    """A word that has command lines wait for an approval."""
    word = marker()
    match = {"doors": ["exec"], "namespaces": [NAMESPACE], "cel": f"argv.exists(a, a == '{word}')"}
    rules = [{"name": "ask", "action": "approve", "match": match}]
    document = {"apiVersion": "chaperone.dev/v1alpha1", "kind": "GuardPolicy", "metadata": {"name": word}}
    admin.apply({**document, "spec": {"rules": rules}})

    def is_active() -> bool:
        conditions = admin.get("guardpolicy", word).get("status", {}).get("conditions", [])
        return any(c["type"] == "Active" and c["status"] == "True" for c in conditions)

    until(is_active, what="the policy active")
    yield word
    admin.run("delete", "guardpolicy", word)


def echo(user: Kubectl, app: str, *words: str) -> Result:
    return user.try_("exec", "-n", NAMESPACE, app, "--", "echo", *words)


def ticket_of(refused: Result) -> str:
    found = re.search(r"pproval request payments/(\S+)", refused.error)
    assert found, refused.error
    return found[1]


def events_with(user: Kubectl, word: str, *, namespace: str = NAMESPACE) -> list[Object]:
    """Give the events among the newest that hold a word."""
    items = user.raw(f"{API}/namespaces/{namespace}/auditevents?limit=200")["items"]
    return [item for item in items if word in json.dumps(item)]


def soon(probe: Callable[[], list[Object]], what: str) -> list[Object]:
    return until(probe, what=what, seconds=60)


def decisions_with(auditor: Kubectl, word: str) -> list[Object]:
    """Decisions alone: what was found in the session is told of, too."""
    return [event for event in events_with(auditor, word) if event["type"] == "decision"]


def test_a_session_and_its_decision_are_joined(
    agent: Kubectl, auditor: Kubectl, app: str, audit: Audit
) -> None:
    word = marker()
    agent.run("exec", "-n", NAMESPACE, app, "--", "echo", word, PAN)
    session = audit.recorded(word)
    [event] = soon(lambda: decisions_with(auditor, word), "the decision is stored")
    assert (event["outcome"], event["session"]) == ("success", session.name)
    assert event["actor"]["username"] == "agent"
    assert event["requestUID"] == session.object["spec"]["decision"]["requestUID"]
    assert event["about"]["uid"] == session.object["spec"]["podUID"]
    assert PAN not in json.dumps(event)
    assert event["command"] == ["echo", word, "411111******1111"]
    shown = auditor.run("get", "auditevents", "-n", NAMESPACE)
    assert shown.splitlines()[0].split() == ["AGE", "KIND", "ACTOR", "ACTION", "RULE", "WHAT", "OUTCOME"]
    assert any(word in line and "success" in line for line in shown.splitlines())
    assert word in chaperone(auditor, "events", "list", "-n", NAMESPACE, "-o", "csv", "--agent", "agent")


def test_a_refusal_is_an_event_and_an_agent_cannot_read_it(
    agent: Kubectl, auditor: Kubectl, app: str
) -> None:
    word = marker()
    assert agent.try_("exec", "-n", NAMESPACE, app, "-c", word, "--", "id").code != 0
    found = soon(lambda: events_with(auditor, word), "the refusal is stored")
    assert {event["outcome"] for event in found} == {"failure"}
    assert agent.try_("get", "auditevents", "-n", NAMESPACE).code == 1


def test_a_read_of_the_record_is_an_event(auditor: Kubectl, agent: Kubectl, app: str, audit: Audit) -> None:
    word = marker()
    agent.run("exec", "-n", NAMESPACE, app, "--", "echo", word)
    name = audit.recorded(word).name
    auditor.run("get", "--raw", f"{API}/namespaces/{NAMESPACE}/sessions/{name}/cast")
    reads = [event for event in events_with(auditor, name) if event["type"] == "record-read"]
    assert "sessions/cast.audit.chaperone.dev" in {event["about"]["resource"] for event in reads}
    assert {event["actor"]["username"] for event in reads} == {"auditor"}


def test_what_happens_while_the_collector_is_away_arrives_later(
    admin: Kubectl, auditor: Kubectl, agent: Kubectl, app: str
) -> None:
    word = marker()
    with without(admin, "chaperone-collector"):
        agent.run("exec", "-n", NAMESPACE, app, "--", "echo", word)
        pods = admin.get("-n", SYSTEM, "pods", "-l", "app.kubernetes.io/component=admission")["items"]
        for item in pods:
            kill_container(admin, SYSTEM, item["metadata"]["name"], "admission")
    [event] = until(lambda: _listed(auditor, word), what="the decision is stored", seconds=120)
    assert event["outcome"] == "success"
    assert len(_listed(auditor, word)) == 1
    selector = "-l=app.kubernetes.io/component=admission"
    admin.run("wait", "-n", SYSTEM, "--for=condition=Ready", "pod", selector, "--timeout=120s")


def _listed(auditor: Kubectl, word: str) -> list[Object]:
    result = auditor.try_("get", "--raw", f"{API}/namespaces/{NAMESPACE}/auditevents?limit=200")
    items: list[Object] = json.loads(result.text)["items"] if result.code == 0 else []
    return [item for item in items if word in json.dumps(item)]


def test_a_change_of_policies_and_the_start_of_each_part_are_events(
    admin: Kubectl,
    auditor: Kubectl,
    mark: str,
) -> None:
    def kinds() -> dict[str, Object]:
        items = auditor.raw(f"{API}/auditevents?limit=500")["items"]
        return {item["type"]: item for item in items}

    found = until(
        lambda: kinds() if {"policy-changed", "control-started"} <= set(kinds()) else None,
        what="policy changes are stored",
    )
    assert found["policy-changed"]["about"]["resource"] == "guardpolicies.chaperone.dev"
    items = auditor.raw(f"{API}/auditevents?limit=500")["items"]
    written = [item["about"]["resource"] for item in items if item["operation"] == "CREATE"]
    assert "guardpolicies.chaperone.dev" in written
    assert mark


def test_a_session_tells_which_approval_let_it_start(
    agent: Kubectl,
    approver: Kubectl,
    auditor: Kubectl,
    app: str,
    audit: Audit,
    mark: str,
) -> None:
    name = ticket_of(echo(agent, app, mark))
    waits = soon(lambda: events_with(auditor, name), "the refusal for want of an approval is stored")
    assert {event["decision"]["action"] for event in waits if event["type"] == "decision"} == {"approve"}
    decide = '{"decision":{"verdict":"approve","reason":"agreed"}}'
    approver.run("patch", "-n", NAMESPACE, "approvalrequests", name, "--type=merge", "-p", decide)
    assert echo(agent, app, mark).code == 0
    session = audit.recorded(mark)

    def started() -> list[Object]:
        found = [event for event in events_with(auditor, name) if event["session"] == session.name]
        return [event for event in found if event["type"] == "decision"]

    [event] = soon(started, "the decision that let the session start is stored")
    assert (event["approval"], event["outcome"]) == (name, "success")
    assert f"Approval      {name}" in chaperone(auditor, "sessions", "show", session.name, "-n", NAMESPACE)
