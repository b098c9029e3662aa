"""Containers' own programs are recorded, on a real node: with content where they can be typed to."""

from collections.abc import Iterator

import pexpect
import pytest
from kube import NAMESPACE, Kubectl, Object, chaperone, rest_of, until
from pods import APP_IMAGE, container, pod
from sessions import API, Audit, marker
from workshop import Workshop

PAN = "6011000990139424"
MASKED = "601100******9424"
ASKED = {"chaperone.dev/main-process": "true"}
_STOPPING = "trap 'test -e /tmp/stopping && echo stopping; exit 0' TERM; "
_AFTER_HOOK = "until test -e /tmp/started; do sleep 0.1; done; echo started; "


@pytest.fixture(scope="module")
def many(_lasting: Workshop) -> str:
    """A pod with a shell at a terminal, a program that reads once, and one with hooks and a card."""
    shell = container(command=["env", "PS1=ready> ", "sh", "-i"], stdin=True, tty=True)
    once = container("once", command=["cat"], stdin=True, stdinOnce=True)
    hooks = container(
        "hooks",
        command=["sh", "-c", f"{_STOPPING}{_AFTER_HOOK}echo {PAN}; sleep infinity & wait"],
        lifecycle={
            "postStart": {"exec": {"command": ["touch", "/tmp/started"]}},
            "preStop": {"exec": {"command": ["touch", "/tmp/stopping"]}},
        },
    )
    manifest = pod(
        marker(),
        *(shell, once, hooks),
        annotations=ASKED,
        shareProcessNamespace=True,
        terminationGracePeriodSeconds=20,
    )
    return _lasting.pod(manifest)


@pytest.fixture
def terminal(agent: Kubectl, many: str) -> Iterator["pexpect.spawn[bytes]"]:
    attach = ("attach", "-it", "-n", NAMESPACE, many, "-c", "app")
    client = agent.terminal(*attach, rows=33, cols=101)
    yield client
    client.close(force=True)


def test_who_attaches_to_a_terminal_types_masked_and_recorded(
    terminal: "pexpect.spawn[bytes]", audit: Audit, auditor: Kubectl, many: str
) -> None:
    until(lambda: _has_size(audit, many, 33, 101), what="the client's size in the record")
    terminal.sendline("stty size")
    terminal.expect_exact("33 101", timeout=60)
    terminal.sendline(f"echo card {PAN}")
    terminal.expect_exact(f"\ncard {MASKED}", timeout=60)
    terminal.setwinsize(40, 120)
    until(lambda: _has_size(audit, many, 40, 120), what="the new size in the record")
    terminal.sendline("stty size")
    terminal.expect_exact("40 120", timeout=60)
    [item] = audit.own_sessions(many, "app")
    for channel in ("stdin", "stdout"):
        until(
            lambda channel=channel: f"card {MASKED}".encode() in audit.record_of(item).data(channel),
            what=f"the card in {channel}",
        )
        assert PAN.encode() not in audit.record_of(item).data(channel)
    assert (item["status"]["phase"], item["spec"].get("withoutContent", False)) == ("Active", False)
    name = item["metadata"]["name"]
    shown = until(lambda: _shown(auditor, name), what="who attached")
    assert "the container's own program, recorded with content" in shown
    assert "agent" in next(line for line in shown.splitlines() if line.startswith("Attached"))
    assert "with input" in shown


def _has_size(audit: Audit, name: str, rows: int, cols: int) -> bool:
    sizes = [one for item in audit.own_sessions(name, "app") for one in audit.record_of(item).of("resize")]
    return any((one["rows"], one["cols"]) == (rows, cols) for one in sizes)


def _shown(auditor: Kubectl, name: str) -> str:
    """What is told of a session, once it tells of an attach."""
    shown = chaperone(auditor, "sessions", "show", "-n", NAMESPACE, name)
    return shown if "Attached" in shown else ""


def test_the_event_of_an_attach_says_that_it_is_recorded(
    terminal: "pexpect.spawn[bytes]", auditor: Kubectl, many: str
) -> None:
    terminal.sendline("")
    terminal.expect_exact("ready> ", timeout=60)

    def found() -> list[Object]:
        path = f"{API}/namespaces/{NAMESPACE}/auditevents?fieldSelector=type%3Ddecision&limit=200"
        events = auditor.raw(path)["items"]
        return [one for one in events if one["door"] == "attach" and one["about"]["name"] == many]

    event = until(found, what="the event")[0]
    assert event["about"]["container"] == "app"
    assert event["details"] == {"tty": "true", "stdin": "true", "recorded": "true"}


def test_a_program_that_reads_once_ends_with_its_client_and_is_recorded(
    agent: Kubectl, audit: Audit, many: str
) -> None:
    attach = ("attach", "-i", "-n", NAMESPACE, many, "-c", "once")
    shown = agent.try_(*attach, stdin=f"card {PAN}\n".encode(), timeout=120)
    assert f"card {MASKED}" in shown.text
    until(lambda: len(audit.own_sessions(many, "once")) >= 2, seconds=120, what="the container's next start")
    *_, second, first = audit.own_sessions(many, "once")
    assert second["spec"]["previous"] == first["metadata"]["name"]
    assert (first["status"]["phase"], first["status"]["exitCode"]) == ("Completed", 0)
    assert audit.record_of(first).data("stdin") == f"card {MASKED}\n".encode()
    assert audit.record_of(first).data("stdout") == f"card {MASKED}\n".encode()


def test_input_for_a_program_that_takes_none_is_refused(agent: Kubectl, many: str) -> None:
    refused = agent.try_("attach", "-i", "-n", NAMESPACE, many, "-c", "hooks")
    assert refused.code != 0
    assert "the container has stdin: true" in refused.error


def test_nobody_ends_a_program_as_a_session(admin: Kubectl, audit: Audit, many: str) -> None:
    [item] = until(lambda: audit.own_sessions(many, "hooks"), what="its session")
    name = item["metadata"]["name"]
    kill = f"{API}/namespaces/{NAMESPACE}/sessions/{name}/kill"
    body = b'{"apiVersion":"audit.chaperone.dev/v1alpha1","kind":"SessionKill","spec":{"reason":"why"}}'
    refused = admin.try_("create", "--raw", kill, "-f", "-", stdin=body)
    assert "which ends with its pod" in refused.error + refused.text


def test_hooks_run_and_of_the_program_is_recorded_what_was_found(
    admin: Kubectl, audit: Audit, many: str
) -> None:
    following = admin.start("logs", "-f", "-n", NAMESPACE, many, "-c", "hooks")
    assert following.stdout is not None
    log = following.stdout.readline().decode()
    admin.run("delete", "pod", "-n", NAMESPACE, many, "--timeout=120s")
    log += rest_of(following)[0].decode()
    assert log == f"started\n{MASKED}\nstopping\n"
    ended = until(
        lambda: [one for one in audit.own_sessions(many, "hooks") if one["status"]["phase"] == "Completed"],
        what="the end of its session",
    )[0]
    assert ended["spec"]["withoutContent"] is True
    assert (ended["status"]["how"], ended["status"]["exitCode"]) == ("exited", 0)
    assert ended["status"]["findings"] == {"total": 1, "byRule": {"pan/discover": 1}}
    assert ended["status"]["bytes"]["stdout"] == len(log)
    assert {event["type"] for event in audit.events(ended["metadata"]["name"])} == {
        "start",
        "finding",
        "exit",
        "end",
    }


def test_kubectl_run_works_and_is_recorded(admin: Kubectl, audit: Audit) -> None:
    name = marker()
    client = admin.terminal(
        *("run", "-it", "-n", NAMESPACE, name, f"--image={APP_IMAGE}", "--image-pull-policy=IfNotPresent"),
        *("--restart=Never", "--annotations=chaperone.dev/main-process=true"),
        *("--command", "--", "env", "PS1=ready> ", "sh", "-i"),
    )
    try:
        client.expect_exact("prompt", timeout=180)
        client.sendline("")
        client.expect_exact("ready> ", timeout=60)
        client.sendline(f"echo card {PAN}; exit 3")
        client.expect_exact(f"\ncard {MASKED}", timeout=60)
        client.expect(pexpect.EOF, timeout=60)
    finally:
        client.close(force=True)
        admin.delete_now("-n", NAMESPACE, f"pod/{name}")
    [item] = until(
        lambda: [one for one in audit.own_sessions(name, name) if one["status"]["phase"] == "Completed"],
        what="the end of the session",
    )
    assert item["status"]["exitCode"] == 3
    assert f"card {MASKED}".encode() in audit.record_of(item).data("stdout")
    assert PAN.encode() not in audit.record_of(item).data("stdin")
