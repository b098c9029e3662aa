"""What is told of the life of approvals: as audit events, notifications, events on objects and metrics."""

import json
import os
import signal
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import pytest
from impersonating import impersonating
from kube import NAMESPACE, SYSTEM, Kubectl, Object, chaperone, until
from life import GROUP, REASON, Life, prepared, ticket_of
from node import container_id, processes
from places import replicas, scraped
from prometheus_client.parser import text_string_to_metric_families
from receiver import Receiver
from sessions import API, Audit, marker

PAN, MASKED = "4111111111111111", "411111******1111"
TIMEOUT_SECONDS = 5
"""More than a request needs on a machine that has other things to do; receivers hang for longer than that."""
BROKEN = {
    "apiVersion": "chaperone.dev/v1alpha1",
    "kind": "GuardPolicy",
    "spec": {"rules": [{"name": "no", "action": "deny", "match": {"cel": "argv.exists("}}]},
}


@pytest.fixture(scope="module")
def life(
    admin: Kubectl,
    agent: Kubectl,
    approver: Kubectl,
    app: str,
    audit: Audit,
    receiver: Receiver,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Life]:
    """Everything that can become of an approval, done once."""
    assert receiver
    erin = impersonating(admin, tmp_path_factory.mktemp("people"), "erin", "agents", GROUP)
    life = Life(admin, agent, approver, erin, app, marker())
    with prepared(life):
        broken = {**BROKEN, "metadata": {"name": f"{life.word}-broken"}}
        assert "what is in force stays" in admin.try_apply(broken).error
        life.live(audit)
        life.expire()
        yield life


def metric(admin: Kubectl, pod: str, name: str, **labels: str) -> float:
    """A sample of a metric that a pod shows."""
    families = text_string_to_metric_families(scraped(admin, pod))
    samples = [sample for family in families for sample in family.samples if sample.name == name]
    [found] = [sample.value for sample in samples if labels.items() <= sample.labels.items()]
    return found


def expected(life: Life) -> list[Object]:
    """What must be on record of a life; ``details`` hold more than what is said here."""

    def of(ticket: str, kind: str, actor: str, **more: Any) -> Object:
        requester = "erin" if ticket == "glass" else "agent"
        rule = "objects" if ticket in {"secret", "deployment"} else "ask"
        decision = {"action": "approve", "policy": life.policy, "rule": rule}
        about = {"approval": life.tickets[ticket], "requester": requester, "decision": decision}
        return {"type": kind, "actor": actor, **about, **more}

    def exec(kind: str, actor: str, ticket: str = "approved", **more: Any) -> Object:  # noqa: A001
        pod = {"resource": "pods", "name": life.app, "container": "app"}
        return of(ticket, kind, actor, about=pod, door="exec", **more)

    def decided(actor: str, outcome: str, action: str, rule: str, **more: Any) -> Object:
        pod = {"resource": "pods/exec", "name": life.app, "container": "app"}
        found = {"action": action, "policy": life.policy, "rule": rule}
        said = {"type": "decision", "actor": actor, "outcome": outcome, "about": pod, "decision": found}
        return {**said, "operation": "CONNECT", **more}

    name = life.word
    sessions, tickets = life.sessions, life.tickets
    system = f"system:serviceaccount:{SYSTEM}:chaperone-admission"
    secret = {"resource": "secrets", "name": name}
    deployment = {"resource": "deployments.apps", "name": name}
    policies = {"resource": "guardpolicies.chaperone.dev", "name": life.policy}
    broken = {**policies, "name": f"{name}-broken"}
    glass = {"action": "audit", "policy": life.policy, "rule": "glass"}
    would = {"would": f"deny by {name}-audit/would", "action": "audit"}
    return [
        exec("approval-asked", "agent", command=["echo", name, "ask", "approved"]),
        decided("agent", "failure", "approve", "ask", approval=tickets["approved"]),
        exec("approval-decided", "approver", details={"verdict": "approve"}, reason=REASON),
        decided(
            "agent", "success", "approve", "ask", session=sessions["approved"], approval=tickets["approved"]
        ),
        exec("approval-used", "agent", session=sessions["approved"]),
        exec(
            "approval-refused",
            "approver",
            outcome="failure",
            details={"refusal": "TooLate", "verdict": "deny"},
        ),
        exec("approval-decided", "approver", "denied", details={"verdict": "deny"}, reason="not today"),
        exec("approval-asked", "agent", "expired"),
        exec("approval-expired", system, "expired"),
        exec("break-glass", "erin", "glass", reason="the shop is down", details={"review": "pending"}),
        {**decided("erin", "success", "audit", "glass", session=sessions["glass"]), "decision": glass},
        exec("approval-used", "erin", "glass", session=sessions["glass"]),
        exec("approval-decided", "approver", "glass", details={"verdict": "review", "review": "done"}),
        of("secret", "approval-asked", "agent", about=secret, operation="UPDATE"),
        of("secret", "approval-decided", "approver", about=secret, details={"verdict": "approve"}),
        of("secret", "approval-used", "agent", about=secret, outcome="success"),
        of("deployment", "approval-used", "agent", about=deployment, outcome="success"),
        decided("agent", "failure", "deny", "no", command=["echo", name, "no"]),
        decided("agent", "success", "", "", session=sessions["audit mode"], decision=would),
        {**decided("agent", "success", "", "", session=sessions["allowed"]), "decision": {"action": "audit"}},
        {
            "type": "decision",
            "actor": "admin",
            "operation": "CREATE",
            "about": policies,
            "outcome": "success",
        },
        {"type": "policy-changed", "about": policies, "outcome": "success"},
        {"type": "policy-refused", "actor": "admin", "about": broken, "outcome": "failure"},
    ]


def fits(event: Object, wanted: Object) -> bool:
    """Tell whether an event says all that is wanted, and maybe more."""
    return all(
        fits(event.get(key, {}), cast("Object", value))
        if isinstance(value, dict)
        else event.get(key) == value
        for key, value in wanted.items()
    )


def on_record(auditor: Kubectl) -> list[Object]:
    """All audit events of the guarded namespace and of none, with plain actors."""
    found: list[Object] = []
    for place in (f"namespaces/{NAMESPACE}/auditevents", "auditevents"):
        found += auditor.raw(f"{API}/{place}?limit=500")["items"]
    return [{**event, "actor": event["actor"]["username"]} for event in found]


def test_everything_that_happens_is_an_audit_event_joined_to_what_it_led_to(
    life: Life, auditor: Kubectl
) -> None:
    wanted, missing = expected(life), list[Object]()

    def complete() -> bool:
        events = on_record(auditor)
        missing[:] = [one for one in wanted if not any(fits(event, one) for event in events)]
        return not missing

    try:
        until(complete, what="all audit events")
    except AssertionError:
        assert missing == []
        raise


@pytest.mark.parametrize(
    ("session", "people"), [("approved", ["agent", "approver"]), ("glass", ["erin", "approver"])]
)
def test_a_session_names_its_approval_and_everybody_who_said_something(
    life: Life, auditor: Kubectl, session: str, people: list[str]
) -> None:
    name = life.sessions[session]
    recorded = auditor.get("session", name, "-n", NAMESPACE)
    assert recorded["spec"]["decision"]["approval"] == life.tickets[session]
    shown = chaperone(auditor, "sessions", "show", name, "-n", NAMESPACE)
    history = shown[shown.index("Approval") :]
    assert life.tickets[session] in history
    for person in people:
        assert person in history


def test_people_are_told(life: Life, receiver: Receiver) -> None:
    tickets = life.tickets
    for what in ("approved", "denied", "expired", "glass", "secret"):
        asked = receiver.hears("Approval needed", tickets[what])
        assert (asked["type"], "chaperone approvals approve" in asked["message"]) == ("warning", True)
    assert receiver.hears("Approved", tickets["approved"], "approver", REASON)["type"] == "success"
    assert receiver.hears("Denied", tickets["denied"], "not today")
    assert receiver.hears("Reviewed", tickets["glass"], "it was needed")
    assert receiver.hears("Approval expired", tickets["expired"])
    loud = receiver.hears("BREAK GLASS", tickets["glass"], "erin")
    assert (loud["type"], "chaperone approvals review" in loud["message"]) == ("failure", True)
    others = [told for told in receiver.told() if not told["title"].startswith("BREAK GLASS")]
    assert not any(told["type"] == "failure" and tickets["glass"] in told["message"] for told in others)


def test_receivers_that_fail_hold_nothing_up_and_are_on_record(life: Life, auditor: Kubectl) -> None:
    """One does not answer, one refuses, one is not there; a session needs no more than its own time."""
    assert max(life.took.values()) < 2 * TIMEOUT_SECONDS, life.took
    path = f"{API}/namespaces/{NAMESPACE}/auditevents?fieldSelector=type%3Dnotification-failed&limit=500"

    def failed() -> list[Object]:
        items = auditor.raw(path)["items"]
        return [one for one in items if one["details"]["receiver"] == "refuses"]

    found = until(failed, what="the failure of a receiver on record")
    assert {one["reason"] for one in found} == {"it answered 403"}
    assert {one["outcome"] for one in found} == {"failure"}
    assert life.tickets["approved"] in {one["approval"] for one in found}


def test_a_control_that_fails_is_told(
    life: Life, admin: Kubectl, agent: Kubectl, receiver: Receiver, auditor: Kubectl
) -> None:
    """An audit event that somebody damages on its way is missed."""
    with stopped(admin, "collector"):
        for _ in range(4):
            life.echo(agent, "no")
        assert damaged(admin)
    told = receiver.hears("A control of Chaperone failed", "audit events that cannot be read", seconds=120)
    assert told["type"] == "failure"
    chosen = quote("type=control-failed", safe="")
    items = auditor.raw(f"{API}/auditevents?fieldSelector={chosen}&limit=50")["items"]
    assert any("cannot be read" in item["reason"] for item in items)


def test_a_finding_is_told_while_its_session_goes_on(
    agent: Kubectl, auditor: Kubectl, audit: Audit, app: str, receiver: Receiver
) -> None:
    mark = marker()
    process = agent.start("exec", "-i", "-n", NAMESPACE, app, "--", "sh", "-c", f"echo {PAN}; cat", mark)
    try:
        told = receiver.hears("Card data found", mark)
        [session] = audit.find(mark)
        assert (session["status"]["phase"], process.poll()) == ("Active", None)
    finally:
        shown, error = process.communicate(b"go on\n", timeout=60)
    assert (process.returncode, shown) == (0, f"{MASKED}\ngo on\n".encode()), error
    name = session["metadata"]["name"]
    assert told["type"] == "warning"
    for words in (f"chaperone sessions kill {name} -n {NAMESPACE}", "agent", "pan/visa 1"):
        assert words in told["message"]
    assert PAN not in receiver.log()
    selector = ("--field-selector", f"type=session-finding,session={name}")
    [event] = auditor.get("auditevents", "-n", NAMESPACE, *selector)["items"]
    assert (event["actor"]["username"], event["details"]["findings"]) == ("agent", "1")


@contextmanager
def stopped(admin: Kubectl, role: str) -> Generator[None]:
    """Have the pod of a role stand still for a moment."""
    [pod] = replicas(admin, role)
    first = processes(container_id(admin, SYSTEM, pod, role))[0]
    os.kill(first, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(first, signal.SIGCONT)


def damaged(admin: Kubectl) -> int:
    """Write into the journals of all admission replicas what is no audit event; give into how many files."""
    written = 0
    for pod in replicas(admin, "admission"):
        first = processes(container_id(admin, SYSTEM, pod, "admission"))[0]
        for path in Path(f"/proc/{first}/root/var/lib/chaperone/journal").glob("*.events"):
            with path.open("ab") as file:
                file.write(b"deadbeef {}\n")
                written += 1
    return written


def test_those_who_look_at_the_object_see_it(life: Life, admin: Kubectl) -> None:
    tickets = life.tickets
    wanted = {
        ("Pod", life.app): {
            ("ApprovalRequested", tickets["approved"]),
            ("Approved", tickets["approved"]),
            ("SessionGranted", tickets["approved"]),
            ("Denied", tickets["denied"]),
            ("Expired", tickets["expired"]),
            ("BreakGlass", tickets["glass"]),
            ("Reviewed", tickets["glass"]),
            ("ExecDenied", life.policy),
        },
        ("Secret", life.word): {
            ("ApprovalRequested", tickets["secret"]),
            ("Approved", tickets["secret"]),
            ("ApprovalUsed", tickets["secret"]),
        },
        ("Deployment", life.word): {
            ("ApprovalRequested", tickets["deployment"]),
            ("Approved", tickets["deployment"]),
            ("ApprovalUsed", tickets["deployment"]),
        },
    }
    for (kind, name), told in wanted.items():
        until(
            lambda kind=kind, name=name, told=told: _all_on(admin, kind, name, told), what=f"events on {kind}"
        )
    described = admin.run("describe", "secret", life.word, "-n", NAMESPACE)
    assert "ApprovalUsed" not in described or tickets["secret"] in described
    shown = admin.run("describe", "pod", life.app, "-n", NAMESPACE)
    for words in ("BreakGlass", "ApprovalRequested", f"chaperone approvals show {tickets['approved']}"):
        assert words in shown


def _all_on(admin: Kubectl, kind: str, name: str, told: set[tuple[str, str]]) -> bool:
    selector = f"--field-selector=involvedObject.kind={kind},involvedObject.name={name}"
    found = [
        (item["reason"], item["message"], json.dumps(item.get("related", {})))
        for item in admin.get("events", "-n", NAMESPACE, selector)["items"]
    ]
    return all(
        any(reason == one and word in text + more for one, text, more in found) for reason, word in told
    )


def test_metrics_move_when_a_request_waits_and_is_decided(life: Life, admin: Kubectl, agent: Kubectl) -> None:
    [collector] = replicas(admin, "collector")

    def decided() -> float:
        return metric(admin, collector, "chaperone_approval_decision_seconds_count", verdict="approved")

    before, took = decided(), _seconds(admin, collector)
    assert before >= 3
    assert took >= 2
    name = ticket_of(life.echo(agent, "ask", "metrics"))

    def age() -> float:
        """The least of what the replicas show: each of them sees it."""
        pods = replicas(admin, "admission")
        return min(metric(admin, pod, "chaperone_approvals_oldest_pending_seconds") for pod in pods)

    first = until(age, what="a request that waits in the metrics of every replica")
    assert min(metric(admin, pod, "chaperone_approvals_pending") for pod in replicas(admin, "admission")) >= 1
    assert until(lambda: age() > first, what="it grows older")
    life.approver.run(
        *("patch", "approvalrequest", name, "-n", NAMESPACE, "--type=merge"),
        *("-p", '{"decision":{"verdict":"approve"}}'),
    )
    until(lambda: decided() == before + 1, what="the decision counted")
    assert _seconds(admin, collector) > took
    for pod in replicas(admin, "admission"):
        assert metric(admin, pod, "chaperone_policies", state="active") >= 2
        assert metric(admin, pod, "chaperone_review_seconds_count", door="exec") > 0
    written = sum(
        metric(admin, pod, "chaperone_cluster_events_total", outcome="written")
        for pod in replicas(admin, "admission")
    )
    assert written > 0
    for receiver, outcome in (("hook", "sent"), ("refuses", "failed")):
        counted = {"receiver": receiver, "outcome": outcome}
        assert metric(admin, collector, "chaperone_notifications_total", **counted) > 0


def _seconds(admin: Kubectl, collector: str) -> float:
    return metric(admin, collector, "chaperone_approval_decision_seconds_sum", verdict="approved")
