"""Debug containers on a real node: recorded and masked as an exec is, or refused."""

import json
from collections.abc import Iterator

import pexpect
import pytest
from debugging import debug, ended
from kube import NAMESPACE, Kubectl, Object, until
from pods import APP_IMAGE, container, pod, restricted
from sessions import Audit, marker
from tickets import policy
from workshop import Workshop

PAN = "6011000990139424"
MASKED = "601100******9424"


@pytest.fixture(scope="module")
def target(_lasting: Workshop) -> str:
    """A pod whose application runs a program that can be told by its name."""
    return _lasting.pod(pod(marker(), container(command=["sh", "-c", "sleep 98765 & wait"])))


@pytest.fixture(scope="module")
def plain_only(admin: Kubectl, target: str) -> Iterator[str]:
    """A policy about what runs in the container that is debugged."""
    match: Object = {"doors": ["ephemeral-container"], "names": [target], "containers": ["app"]}
    no = {"name": "no", "action": "audit", "match": match, "commands": {"deny": [{"prefix": ["id"]}]}}
    with policy(admin, no) as name:
        yield name


def test_what_is_typed_in_one_is_recorded_and_masked(
    admin: Kubectl, target: str, plain_only: str, audit: Audit
) -> None:
    mark = marker()
    command = ("--", "env", f"MARK={mark}", "PS1=ready> ", "sh", "-i")
    shell = admin.terminal(*debug(target, "-it", "--profile=baseline", "--target=app", *command))
    shell.expect_exact("ready> ")
    shell.sendline(f"echo {PAN}")
    shell.expect_exact(MASKED)
    shell.expect_exact("ready> ")
    shell.setwinsize(30, 100)
    shell.sendline("cat /proc/[0-9]*/cmdline | tr '\\0' ' '; stty size; id")
    shell.expect_exact("sleep 98765")
    shell.expect_exact("30 100")
    shell.expect_exact("'id' was not run: by rule")
    shell.expect_exact("ready> ")
    shell.sendline("exit 7")
    shell.expect(pexpect.EOF)
    shell.close()
    recorded = audit.recorded(mark)
    assert (recorded.status["exitCode"], recorded.status["programs"]) == (7, 6)
    assert PAN.encode() not in recorded.data("stdin") + recorded.data("stdout")
    assert f"echo {MASKED}".encode() in recorded.data("stdin")
    assert [event["argv"][0] for event in recorded.of("program")][:2] == ["env", "sh"]
    [denied] = [event for event in recorded.of("program") if event.get("denied")]
    assert denied["denied"] == f"{plain_only}/no"
    name = until(lambda: ended(admin, target, 7), what="the end of the debug container")
    assert recorded.object["spec"]["container"] == name
    said = {one["door"]: one for one in audit.decisions(target) if one.get("session") == recorded.name}
    assert set(said) == {"ephemeral-container", "attach"}, "who attached is joined to the session"
    assert said["ephemeral-container"]["details"]["reaches"] == "app"
    assert "unrecorded" not in said["attach"]["details"]


def test_one_without_input_is_masked_in_its_log_also_in_a_restricted_pod(
    admin: Kubectl, workshop: Workshop, audit: Audit
) -> None:
    mark = marker()
    app = container(securityContext=restricted())
    target = workshop.pod(pod(marker(), app, securityContext={"runAsUser": 1000}))
    script = f"echo {PAN} {mark}; exit 3"
    admin.run(*debug(target, "--attach=false", "--profile=restricted", "--", "sh", "-c", script))
    recorded = audit.recorded(mark)
    assert recorded.data("stdout") == f"{MASKED} {mark}\n".encode()
    name = until(lambda: ended(admin, target, 3), what="the end of the debug container")
    assert admin.run("logs", "-n", NAMESPACE, target, "-c", name) == f"{MASKED} {mark}\n"


def test_exec_into_one_is_recorded_and_its_volume_holds_no_other_sockets(
    admin: Kubectl, agent: Kubectl, target: str, audit: Audit
) -> None:
    admin.run(*debug(target, "--attach=false", "--profile=baseline", "-c", "look", "--", "sleep", "1000"))
    until(lambda: "running" in state(admin, target, "look"), what="the debug container")
    mark = marker()
    script = f"ls /.chaperone; touch /.chaperone/x 2>&1 | grep -o Read-only; echo {mark}"
    shown = agent.run("exec", "-n", NAMESPACE, target, "-c", "look", "--", "sh", "-c", script)
    assert shown.split() == ["shim", "sock", "Read-only", mark]
    assert audit.recorded(mark).object["spec"]["container"] == "look"


def state(admin: Kubectl, name: str, which: str) -> Object:
    statuses = admin.get("pod", name, "-n", NAMESPACE)["status"].get("ephemeralContainerStatuses", [])
    states: list[Object] = [one["state"] for one in statuses if one["name"] == which]
    return states[0] if states else {}


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--profile=general", "--", "sh"), "--profile=baseline"),
        (("--profile=sysadmin", "--", "sh"), "--profile=baseline"),
        (("--profile=baseline",), "--image=IMAGE -- sh"),
    ],
)
def test_what_could_not_be_recorded_is_refused(
    admin: Kubectl, target: str, options: tuple[str, ...], why: str
) -> None:
    refused = admin.try_(*debug(target, "--attach=false", *options))
    assert refused.code != 0
    assert "does not record this debug container" in refused.error
    assert why in refused.error


@pytest.mark.parametrize("shared", [False, True], ids=["apart", "shared"])
def test_without_a_target_one_is_access_to_all_whose_processes_it_sees(
    admin: Kubectl, workshop: Workshop, audit: Audit, shared: bool
) -> None:
    mark = marker()
    both = (container("app"), container("db", command=["sh", "-c", "sleep 98764 & wait"]))
    name = workshop.pod(pod(mark, *both, shareProcessNamespace=shared))
    look = f"cat /proc/[0-9]*/cmdline | tr '\\0' ' '; : {mark}"
    options = ("--attach=false", "--profile=baseline")
    plain, at_db = (*options, "--", "sh", "-c", look), (*options, "--target=db", "--", "true")
    match: Object = {"doors": ["ephemeral-container"], "names": [name], "containers": ["db"]}
    with policy(admin, {"name": "not-the-db", "action": "deny", "match": match}):
        until(
            lambda: all(admin.try_(*debug(name, *at_db)).code for _ in range(6)),
            what="all replicas follow the policy",
        )
        told = admin.try_(*debug(name, *plain))
        assert ("denied by rule not-the-db" in told.error, told.code != 0) == (shared, shared)
    if shared:
        until(lambda: admin.try_(*debug(name, *plain)).code == 0, what="the policy gone")
    recorded = audit.recorded(mark)
    assert ("sleep 98764" in recorded.data("stdout").decode()) == shared
    [passed] = until(
        lambda: [one for one in audit.decisions(name) if one.get("session") == recorded.name],
        what="the decision on record",
    )
    assert passed["details"].get("reaches", "") == ("app,db" if shared else "")


@pytest.mark.parametrize("shared", [False, True], ids=["apart", "shared"])
def test_one_that_may_trace_comes_in_unrecorded_by_a_rule_and_never_where_it_sees_the_recorder(
    admin: Kubectl, workshop: Workshop, shared: bool
) -> None:
    name = workshop.pod(pod(marker(), shareProcessNamespace=shared))
    tracing = debug(name, "--attach=false", "--profile=general", "--", "true")
    match: Object = {"doors": ["ephemeral-container"], "names": [name]}
    rule: Object = {"name": "by-hand", "action": "audit", "match": match, "session": {"recording": "none"}}
    with policy(admin, rule):
        told = until(
            lambda: result if "does not record" not in (result := admin.try_(*tracing)).error else None,
            what="the policy followed",
        )
    said = "may trace processes" in told.error
    assert (told.code != 0, said) == (shared, shared), told.error


def test_network_tools_are_recorded_too(admin: Kubectl, target: str, audit: Audit) -> None:
    mark = marker()
    admin.run(*debug(target, "--attach=false", "--profile=netadmin", "--", "sh", "-c", f"echo {mark}"))
    assert audit.recorded(mark).data("stdout") == f"{mark}\n".encode()


def test_a_copy_is_a_pod_of_its_own(admin: Kubectl, workshop: Workshop, target: str, audit: Audit) -> None:
    copy, mark = marker(), marker()
    workshop.expect(f"pod/{copy}")
    options = ("--copy-to", copy, "--profile=baseline", "-c", "debugger", "--attach=false")
    admin.run(*debug(target, *options, "--", "sleep", "1000"))
    admin.run("wait", "-n", NAMESPACE, "--for=condition=Ready", f"pod/{copy}", "--timeout=180s")
    spec = admin.get("pod", copy, "-n", NAMESPACE)["spec"]
    assert [one["name"] for one in spec["initContainers"]] == ["chaperone-recorder"]
    until(
        lambda: admin.try_("exec", "-n", NAMESPACE, copy, "-c", "debugger", "--", "echo", mark).code == 0,
        what="an exec into the copy",
    )
    assert audit.recorded(mark).object["spec"]["pod"] == copy


def test_debugging_a_node_makes_a_pod_that_is_judged_as_one(admin: Kubectl) -> None:
    [node] = admin.get("nodes")["items"]
    options = ("--image", APP_IMAGE, "--profile=sysadmin", "--attach=false", "-n", NAMESPACE)
    refused = admin.try_("debug", f"node/{node['metadata']['name']}", *options, "--", "sh")
    assert refused.code != 0
    assert "RecorderCouldBeTraced" in refused.error or "hostPID" in refused.error, json.dumps(refused.error)
