"""Attach and debug containers on the real path: decided by policies, closed where all must be recorded."""

import json
import uuid
from collections.abc import Iterator

import pexpect
import pytest
from debugging import debug as debugging
from kube import NAMESPACE, Kubectl, Object, Result, prompted, until
from pods import APP_IMAGE, container, pod
from sessions import Audit, marker
from tickets import phase, policy, say, ticket_of, told
from workshop import Workshop

TICKING = ["sh", "-c", "while true; do echo tick; sleep 0.2; done"]
PAN, MASKED = "6011000990139424", "601100******9424"
UNRECORDED: Object = {"session": {"recording": "none"}}


@pytest.fixture(scope="module")
def ticking(_lasting: Workshop) -> str:
    """A pod that says something all the time."""
    name = f"ticking-{uuid.uuid4().hex[:6]}"
    return _lasting.pod(pod(name, container(command=TICKING), container("db", command=TICKING)))


@pytest.fixture(scope="module")
def asking(admin: Kubectl, ticking: str) -> Iterator[str]:
    """A policy that has both asked about for that pod, where they may go unrecorded."""
    match: Object = {"doors": ["attach", "ephemeral-container"], "names": [ticking]}
    ask = {"name": "ask", "action": "approve", "match": match, **UNRECORDED}
    no = {"name": "no", "action": "deny", "match": {**match, "containers": ["db"]}}
    with policy(admin, ask, no) as name:
        yield name


def attach(user: Kubectl, name: str, *options: str) -> Result:
    return user.try_("attach", "-n", NAMESPACE, name, *options)


def debug(user: Kubectl, name: str, *options: str) -> Result:
    common = ("--image", APP_IMAGE, "--image-pull-policy=IfNotPresent", "--attach=false")
    return user.try_("debug", "-n", NAMESPACE, name, *common, *options, "--", "sleep", "1000")


def settled(user: Kubectl, name: str, said: str) -> Result:
    """Attach until every replica says the same."""
    last: list[Result] = []

    def is_settled() -> bool:
        last[:] = [attach(user, name, "-c", "app") for _ in range(4)]
        return all(said in result.error for result in last)

    until(is_settled, what=f"attach answered with {said!r}")
    return last[0]


def ticks(user: Kubectl, name: str) -> bool:
    """Whether attaching shows what the main process says."""
    with user.start("attach", "-n", NAMESPACE, name, "-c", "app") as attached:
        assert attached.stdout is not None
        seen = attached.stdout.readline()
        attached.kill()
    return seen == b"tick\n"


def decisions(auditor: Kubectl, name: str, door: str) -> list[Object]:
    return [item for item in Audit(auditor).decisions(name) if item["door"] == door]


def test_both_are_closed_where_no_rule_says_that_they_may_go_unrecorded(
    admin: Kubectl, agent_both: Kubectl, app: str
) -> None:
    run = ("run", f"run-{uuid.uuid4().hex[:6]}", "-n", NAMESPACE, "--image", APP_IMAGE)
    started = admin.try_(
        *run, "--image-pull-policy=IfNotPresent", "--restart=Never", "-i", "--", "sleep", "4"
    )
    admin.delete_now("-n", NAMESPACE, f"pod/{run[1]}")
    assert "falling back to streaming logs" in started.error, "kubectl run shows the output all the same"
    for refused in (attach(agent_both, app), debug(admin, app, "--profile=general"), started):
        assert "does not record" in refused.error
        assert "kubectl exec -it" in refused.error
        assert "session: {recording: none}" in refused.error


def test_an_approved_attach_passes_once(
    admin: Kubectl, agent_both: Kubectl, approver: Kubectl, auditor: Kubectl, ticking: str, asking: str
) -> None:
    refused = settled(agent_both, ticking, "needs a human's approval")
    name = ticket_of(refused)
    approver.run(*told(refused, "kubectl patch"))
    agent_both.run(*told(refused, "kubectl wait"))
    assert ticks(agent_both, ticking)
    assert phase(admin, name) == "Used"
    assert ticket_of(attach(agent_both, ticking, "-c", "app")) != name

    def success() -> Object | None:
        found = [one for one in decisions(auditor, ticking, "attach") if one.get("approval") == name]
        return next((one for one in found if one["outcome"] == "success"), None)

    passed = until(success, what="the decision on record")
    assert passed["details"]["unrecorded"] == "true"
    assert passed["command"] == TICKING
    assert passed["decision"] == {"action": "approve", "policy": asking, "rule": "ask"}


def test_an_approved_debug_container_comes_in_once_whatever_kubectl_calls_it(
    admin: Kubectl, approver: Kubectl, auditor: Kubectl, ticking: str, asking: str
) -> None:
    settled(admin, ticking, "needs a human's approval")
    assert "denied by rule no" in debug(admin, ticking, "--target=db").error
    refused = debug(admin, ticking, "--target=app")
    name = ticket_of(refused)
    shown = json.loads(admin.get("approvalrequest", name, "-n", NAMESPACE)["spec"]["shown"])
    [added] = shown["ephemeralContainers"]
    assert (added["targetContainerName"], added["command"]) == ("app", ["sleep", "1000"])
    assert ticket_of(debug(admin, ticking, "--target=app", "--env=A=b")) != name
    approver.run(*told(refused, "kubectl patch"))
    assert debug(admin, ticking, "--target=app").code == 0
    assert phase(admin, name) == "Used"
    [inside] = admin.get("pod", ticking, "-n", NAMESPACE)["spec"]["ephemeralContainers"]
    assert ticket_of(debug(admin, ticking, "--target=app")) != name
    asked = attach(admin, ticking, "-c", inside["name"])
    assert f"kubectl attach -it {ticking} -n {NAMESPACE} -c {inside['name']}" in asked.error
    say(approver, ticket_of(asked), "deny", "use exec")
    assert "was denied by approver: use exec" in attach(admin, ticking, "-c", inside["name"]).error
    [passed] = until(
        lambda: [
            one
            for one in decisions(auditor, ticking, "ephemeral-container")
            if one["outcome"] == "success" and one.get("approval") == name
        ],
        what="the decision on record",
    )
    assert passed["details"]["reaches"] == "app"
    assert "possible-root-with-escalation" in passed["details"]["privileges"]
    assert "unrecorded" not in passed["details"], "what can be recorded is, whatever rules say"
    assert passed["session"]


def test_one_is_approved_and_attached_to_with_another_approval_and_its_lines_are_judged(
    admin: Kubectl, approver: Kubectl, auditor: Kubectl, workshop: Workshop, audit: Audit
) -> None:
    mark = marker()
    target = workshop.pod(pod(mark))
    match: Object = {"doors": ["attach", "ephemeral-container"], "names": [target]}
    lines: Object = {"deny": [{"prefix": ["cd", "/etc"]}], "shellLines": True}
    inside = ("-it", "-c", "look")
    shell = ("--", "env", f"MARK={mark}", "PS1=ready> ", "bash", "--norc", "-i")
    ask: Object = {"name": "ask", "action": "approve", "match": match, "commands": lines, **UNRECORDED}
    with policy(admin, ask) as name:
        settled(admin, target, "needs a human's approval")
        adding = debugging(target, *inside, "--attach=false", "--profile=baseline", *shell)
        refused = admin.try_(*adding)
        approver.run(*told(refused, "kubectl patch"))
        admin.run(*adding)
        until(lambda: audit.find(mark), what="the session of the debug container")
        attaching = ("attach", "-n", NAMESPACE, target, *inside)
        asked = Result(1, b"", admin.terminal(*attaching).read())
        assert ticket_of(asked) != ticket_of(refused)
        approver.run(*told(asked, "kubectl patch"))
        typing = admin.terminal(*attaching)
        typing.expect_exact("try pressing enter")
        typing.sendline(f"echo {PAN}")
        typing.expect_exact(MASKED)
        typing.expect_exact("ready> ")
        typing.sendline("cd /etc")
        typing.expect_exact(f"the line was not entered: by rule {name}/ask")
        prompted(typing)
        typing.sendline("exit 5")
        typing.expect(pexpect.EOF)
    recorded = audit.recorded(mark)
    assert recorded.status["exitCode"] == 5
    assert PAN.encode() not in recorded.data("stdin") + recorded.data("stdout")
    [denied] = [event for event in recorded.of("program") if event.get("denied")]
    assert (denied["argv"], denied["typed"]) == (["cd /etc"], True)
    passed = {
        one["door"]: one["approval"]
        for door in ("attach", "ephemeral-container")
        for one in decisions(auditor, target, door)
        if one["outcome"] == "success" and one.get("session") == recorded.name
    }
    assert passed == {"attach": ticket_of(asked), "ephemeral-container": ticket_of(refused)}


def test_a_dry_run_adds_and_asks_nothing(admin: Kubectl, ticking: str, asking: str) -> None:
    settled(admin, ticking, "needs a human's approval")
    before = len(admin.get("approvalrequests", "-n", NAMESPACE)["items"])
    stored = admin.get("pod", ticking, "-n", NAMESPACE)
    body = {"spec": {"ephemeralContainers": [{"name": "dry", "image": APP_IMAGE}]}}
    target = ("patch", "pod", ticking, "-n", NAMESPACE, "--subresource=ephemeralcontainers")
    refused = admin.try_(*target, "--dry-run=server", "-p", json.dumps(body))
    assert "Nobody was asked, because this is a dry run" in refused.error
    assert len(admin.get("approvalrequests", "-n", NAMESPACE)["items"]) == before
    after = admin.get("pod", ticking, "-n", NAMESPACE)["spec"]
    assert after.get("ephemeralContainers") == stored["spec"].get("ephemeralContainers")


def test_nobody_gets_into_the_recorder_by_either(admin: Kubectl, ticking: str, asking: str) -> None:
    settled(admin, ticking, "needs a human's approval")
    spool = {
        "name": "x",
        "image": APP_IMAGE,
        "volumeMounts": [{"name": "chaperone-spool", "mountPath": "/x"}],
    }
    body = json.dumps({"spec": {"ephemeralContainers": [spool]}})
    mounting = ("patch", "pod", ticking, "-n", NAMESPACE, "--subresource=ephemeralcontainers", "-p", body)
    for refused, said in (
        (attach(admin, ticking, "-c", "chaperone-recorder"), "nobody gets into the recorder"),
        (debug(admin, ticking, "--target=chaperone-recorder"), "nobody gets into the recorder"),
        (admin.try_(*mounting), "mounts one of Chaperone's own volumes"),
    ):
        assert said in refused.error
