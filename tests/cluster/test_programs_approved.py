"""Programs inside sessions that wait for people, with an unchanged kubectl on a real cluster."""

import subprocess
from collections.abc import Iterator

import pytest
from kube import NAMESPACE, Kubectl, Object, until
from sessions import Audit, marker
from tickets import audit_events, get, phase, policy, recorded, say, write

PATIENCE_S = 90
Process = subprocess.Popen[bytes]


def asking(word: str, *, seconds: int) -> Object:
    """Give a rule that has ``touch`` wait in sessions whose command line holds a word."""
    match = {"doors": ["exec"], "namespaces": [NAMESPACE], "cel": f"argv.exists(a, a == '{word}')"}
    commands = {"approve": [{"prefix": ["touch"]}], "waitSeconds": seconds}
    return {"name": word, "action": "audit", "reason": "it makes files", "match": match, "commands": commands}


@pytest.fixture(scope="module")
def words(admin: Kubectl) -> Iterator[tuple[str, str]]:
    """Words that have ``touch`` wait: for long, and for ten seconds."""
    long, short = marker(), marker()
    with policy(admin, asking(long, seconds=600), asking(short, seconds=10)):
        yield long, short


def requests_of(admin: Kubectl, path: str) -> list[str]:
    items = admin.get("approvalrequests", "-n", NAMESPACE)["items"]
    return [item["metadata"]["name"] for item in items if path in item["spec"].get("argv", ())]


def request_of(admin: Kubectl, path: str) -> str:
    """Give the name of the request for making a file, once there is one."""
    [name] = until(lambda: requests_of(admin, path), seconds=PATIENCE_S, what=f"a request for {path}")
    return name


def begin(agent: Kubectl, app: str, word: str, path: str) -> Process:
    """Begin a session that makes a file."""
    script = f"touch {path} 4111111111111111 && echo made || echo $?"
    return agent.start("exec", "-n", NAMESPACE, app, "--", "sh", "-c", f"cd /tmp; {script}", word)


def end(process: Process) -> tuple[str, str]:
    out, err = process.communicate(timeout=PATIENCE_S)
    return out.decode(), err.decode()


def begun(admin: Kubectl, agent: Kubectl, app: str, word: str) -> tuple[Process, str, str]:
    """Give a session that waits, its request, and the file that it wants to make.

    Until every replica follows the policy a session may go through at once; then it is begun again.
    """
    started: list[tuple[Process, str, str]] = []

    def waits() -> bool:
        path = f"/tmp/{marker()}"
        process = begin(agent, app, word, path)
        while process.poll() is None:
            if found := requests_of(admin, path):
                started.append((process, found[0], path))
                return True
        process.communicate()
        return False

    until(waits, seconds=PATIENCE_S, what="a program waits")
    return started[0]


def test_it_runs_once_somebody_else_has_approved_it(
    admin: Kubectl,
    agent: Kubectl,
    approver: Kubectl,
    auditor: Kubectl,
    audit: Audit,
    app: str,
    words: tuple[str, str],
) -> None:
    process, name, path = begun(admin, agent, app, words[0])
    spec = get(admin, name)["spec"]
    assert spec["argv"] == ["touch", path, "411111******1111"]
    assert spec["program"] == {"executable": "/usr/bin/touch", "cwd": "/tmp", "uid": 0}
    assert spec["requester"]["username"] == "agent"
    assert write(agent, name).code
    assert process.poll() is None
    assert say(approver, name, "approve").code == 0
    out, err = end(process)
    assert out == "made\n"
    assert f"chaperone approvals approve {name} -n {NAMESPACE}" in err
    until(lambda: phase(admin, name) == "Used", what="the approval used up")
    assert recorded(auditor, name, 3) == ["approval-asked", "approval-decided", "approval-used"]
    session = get(admin, name)["status"]["use"]["session"]
    assert name == f"program-{session}-2-1"
    until(lambda: audit.events(session)[-1]["type"] == "end", what="the whole record")
    events = audit.events(session)
    assert [event["approval"] for event in events if event["type"] == "held"] == [name]
    approved = [event for event in events if event["type"] == "program" and event.get("approvals")]
    assert [(event["argv"][0], event["approvals"]) for event in approved] == [("touch", [name])]
    assert {event["session"] for event in audit_events(auditor, name) if event.get("session")} == {session}


def test_each_process_needs_an_approval_of_its_own_at_a_terminal(
    admin: Kubectl, agent: Kubectl, approver: Kubectl, app: str, words: tuple[str, str]
) -> None:
    first, second = f"/tmp/{marker()}", f"/tmp/{marker()}"
    script = "PS1='> ' exec sh -i"
    terminal = agent.terminal(
        "exec", "-it", "-n", NAMESPACE, app, "--", "sh", "-c", script, words[0], cols=400
    )
    terminal.timeout = PATIENCE_S
    terminal.expect_exact("> ")
    for path in (first, second):
        terminal.sendline(f"touch {path} && echo ma''de")
        terminal.expect_exact("somebody else has to approve it (it makes files), within 600 seconds")
        assert say(approver, request_of(admin, path), "approve").code == 0
        terminal.expect_exact("made")
    terminal.sendline("exit 3")
    terminal.expect_exact("command terminated with exit code 3")


def test_a_denial_is_told_with_who_and_why(
    admin: Kubectl, agent: Kubectl, approver: Kubectl, app: str, words: tuple[str, str]
) -> None:
    process, name, path = begun(admin, agent, app, words[0])
    assert say(approver, name, "deny", "use a volume").code == 0
    out, err = end(process)
    assert out == "126\n"
    assert "'touch' was not run" in err
    assert "approver denied it: use a volume" in err
    assert agent.try_("exec", "-n", NAMESPACE, app, "--", "ls", path).code


def test_what_nobody_approves_does_not_run(
    admin: Kubectl, agent: Kubectl, app: str, words: tuple[str, str]
) -> None:
    process, name, _ = begun(admin, agent, app, words[1])
    out, err = end(process)
    assert out == "126\n"
    assert "nobody approved it within 10 seconds" in err
    until(lambda: phase(admin, name) == "Expired", seconds=PATIENCE_S, what="the request expired")


def test_it_waits_on_when_the_collector_is_killed(
    admin: Kubectl, agent: Kubectl, approver: Kubectl, app: str, words: tuple[str, str]
) -> None:
    process, name, _ = begun(admin, agent, app, words[0])
    system = "chaperone-system"
    admin.run("delete", "pod", "-n", system, "-l", "app.kubernetes.io/component=collector", "--force")
    assert say(approver, name, "approve").code == 0
    admin.run("rollout", "status", "-n", system, "deployment/chaperone-collector", "--timeout=120s")
    assert end(process)[0] == "made\n"
    assert phase(admin, name) == "Used"
