"""Attacks from inside a session: each fails, or is on record and named in docs/threat-model.md."""

import contextlib
import json
import shlex
import subprocess
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from kube import NAMESPACE, Kubectl, Object, until
from pods import container, pod, restricted
from sessions import Audit, marker
from workshop import Workshop

ATTACKS = Path(__file__).parent / "attacks"
PAN, MASKED = "4111111111111111", "411111******1111"
BYE = "the recorder is gone"


@pytest.fixture(scope="module", params=["root", "user", "restricted"])
def place(request: pytest.FixtureRequest, admin: Kubectl, agent: Kubectl) -> Iterator[str]:
    """A pod to attack in: as root, as a user with a container's default rights, and without any.

    Nothing waits for its recorder, so the first sessions may come before it.
    """
    contexts: dict[str, Object] = {"root": {}, "user": {"runAsUser": 1000}, "restricted": restricted()}
    workshop = Workshop(admin)
    context = contexts[request.param]
    name = workshop.pod(pod(f"attacked-{request.param}", container(securityContext=context)))
    until(lambda: agent.try_("exec", "-n", NAMESPACE, name, "--", "true").code == 0, what="a first session")
    yield name
    workshop.close()


def pids(agent: Kubectl, place: str, what: str, mark: str) -> list[str]:
    """Processes in a pod by their command lines; nothing that looks for them holds the marker itself."""
    pattern = f"^{what}.*[{mark[0]}]{mark[1:]}"
    return agent.try_("exec", "-n", NAMESPACE, place, "--", "pgrep", "-f", pattern).text.split()


@contextlib.contextmanager
def running(agent: Kubectl, *command: str) -> Generator[subprocess.Popen[bytes]]:
    """A session beside the test; its client is gone at the end, whatever came of it."""
    process = agent.start(*command)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def attack(agent: Kubectl, place: str, name: str, *arguments: str) -> str:
    """Run an attack in a session and give what it prints."""
    source = (ATTACKS / name).read_bytes()
    command = ("exec", "-i", "-n", NAMESPACE, place, "--", "python3", "-", *arguments)
    return agent.run(*command, stdin=source)


def test_the_shim_cannot_be_read_traced_or_led(agent: Kubectl, place: str) -> None:
    outcomes = json.loads(attack(agent, place, "on_shim.py"))
    names_only = {"list descriptors"}  # root may list what it cannot open
    assert {name: told for name, told in outcomes.items() if told == "done"}.keys() <= names_only
    assert len(outcomes) == 16


def test_what_is_put_into_the_container_cannot_be_changed(agent: Kubectl, place: str) -> None:
    outcomes = json.loads(attack(agent, place, "on_files.py"))
    harmless = {"read the shim", "leave into namespaces of one's own"}  # others keep theirs
    assert {name: told for name, told in outcomes.items() if told == "done"}.keys() <= harmless
    assert agent.run("exec", "-n", NAMESPACE, place, "--", "echo", PAN) == f"{MASKED}\n"


def test_a_mount_in_a_namespace_of_ones_own_is_nobody_elses(agent: Kubectl, app: str, audit: Audit) -> None:
    mark = marker()
    script = f"unshare -Ur -m sh -c 'mount --bind /tmp /.chaperone && ls /.chaperone/shim'; echo {PAN} {mark}"
    told = agent.try_("exec", "-n", NAMESPACE, app, "--", "sh", "-c", script)
    assert told.text == f"{MASKED} {mark}\n"
    assert [line["argv"][0] for line in audit.recorded(mark).of("program")][:2] == ["sh", "unshare"]
    assert agent.run("exec", "-n", NAMESPACE, app, "--", "echo", PAN) == f"{MASKED}\n"


def test_the_recorder_believes_no_grant_but_a_new_one_of_its_own(agent: Kubectl, place: str) -> None:
    answers = json.loads(attack(agent, place, "on_socket.py"))
    assert answers.pop("heard") + answers.pop("refused") == 200
    assert answers == {
        "noise": "Rthe hello does not come from this version of the shim",
        "no descriptors": "Rthe hello needs 4 descriptors, not 0",
        "no grant": "Rthe grant cannot be read",
        "forged grant": "Rthe grant cannot be read",
        "stolen grant": "Rthe grant is for another command line",
        "replayed grant": "Rthe grant was used before; run the command again",
    }
    assert agent.run("exec", "-n", NAMESPACE, place, "--", "echo", PAN) == f"{MASKED}\n"


def test_no_program_hides(agent: Kubectl, place: str, audit: Audit) -> None:
    mark = marker()
    attack(agent, place, "hiding.py", mark)
    programs = audit.recorded(mark).of("program")
    ran = {
        argument.removeprefix(f"{mark}-"): program["executable"]
        for program in programs
        for argument in program["argv"]
        if argument.startswith(f"{mark}-")
    }
    echo = "/usr/bin/echo"
    assert ran.pop("script").endswith("/dash")
    assert "/ld-linux" in ran.pop("loader")
    assert ran == {
        "memory": "/memfd:innocent (deleted)",
        "deleted": f"/tmp/{mark}.deleted (deleted)",
        "renamed": f"/tmp/{mark}.ls",
        **dict.fromkeys(("name", "thread", "background", "namespaces", "untraced", "spawned", "shell"), echo),
    }


def test_interpreters_and_builtins_show_their_text(agent: Kubectl, app: str, audit: Audit) -> None:
    """No program starts for them: what they were told to do is on record."""
    mark = marker()
    code = f"print('{mark}', open('/etc/hostname').name)"
    script = f"python3 -c {shlex.quote(code)}; perl -e 'print qq({mark}\\n)'; echo < /etc/hostname"
    agent.run("exec", "-n", NAMESPACE, app, "--", "sh", "-c", script)
    programs = audit.recorded(mark).of("program")
    assert [program["argv"] for program in programs] == [
        ["sh", "-c", script],
        ["python3", "-c", code],
        ["perl", "-e", f"print qq({mark}\\n)"],
    ]


def test_whoever_kills_the_shim_ends_their_session(agent: Kubectl, place: str, audit: Audit) -> None:
    mark = marker()
    daemon = f"setsid sh -c 'trap \"\" HUP TERM; sleep 1000; : {mark}'"
    script = f"{daemon} & sleep 0.3; kill -9 $PPID; sleep 1; echo {mark}"
    told = agent.try_("exec", "-n", NAMESPACE, place, "--", "bash", "-c", script)
    assert (told.code, told.text) == (137, "")
    assert audit.recorded(mark).status["how"] == "client-gone"
    assert mark not in agent.run("exec", "-n", NAMESPACE, place, "--", "ps", "-eo", "args")


def test_while_the_shim_is_stopped_nothing_starts(agent: Kubectl, place: str, audit: Audit) -> None:
    mark = marker()
    inside = ("exec", "-n", NAMESPACE, place, "--")
    script = f"kill -STOP $PPID; echo {PAN}; env true {mark}-late; echo late"
    with running(agent, *inside, "sh", "-c", script) as process:
        [shim] = until(lambda: pids(agent, place, "/.chaperone/shim", mark), what="the shim")
        time.sleep(2)
        assert pids(agent, place, "true", mark) == []
        agent.run(*inside, "kill", "-CONT", shim)
        shown, _ = process.communicate(timeout=60)
    assert shown == f"{MASKED}\nlate\n".encode()
    assert ["true", f"{mark}-late"] in [program["argv"] for program in audit.recorded(mark).of("program")]


def test_a_terminal_has_no_other_side_to_write_to(agent: Kubectl, place: str) -> None:
    """All of a program's descriptors are the inner terminal, and the outer one cannot be opened by name."""
    script = (
        f"exec 2>&1; tty; for t in /dev/pts/[0-9]*; do [ $t = $(tty) ] || echo {PAN} > $t; done;"
        f" echo {PAN} > /dev/tty; ls -l /proc/self/fd | grep -c pts"
    )
    terminal = agent.terminal("exec", "-it", "-n", NAMESPACE, place, "--", "sh", "-c", script)
    shown = terminal.read()
    assert PAN.encode() not in shown
    assert b"cannot create /dev/pts/0: Device or resource busy" in shown or b"Permission denied" in shown
    assert MASKED.encode() in shown


def test_what_one_session_writes_into_another_is_masked_and_on_record(
    agent: Kubectl, place: str, audit: Audit
) -> None:
    """Processes of one user may open each other's descriptors; they find the inner ones."""
    mark = marker()
    other = f"trap 'kill %1' TERM; sleep 1000 & wait; : {mark}"
    with running(agent, "exec", "-n", NAMESPACE, place, "--", "sh", "-c", other) as victim:
        [pid] = until(lambda: pids(agent, place, "sh", mark), what="a program of the other session")
        write = f"echo {PAN} > /proc/{pid}/fd/1; kill {pid}"
        agent.run("exec", "-n", NAMESPACE, place, "--", "sh", "-c", write)
        shown, _ = victim.communicate(timeout=60)
    assert shown == f"{MASKED}\n".encode()
    assert audit.recorded(mark).data("stdout") == shown


def test_without_memory_the_session_ends_and_the_pod_stays_guarded(
    agent: Kubectl, workshop: Workshop, audit: Audit
) -> None:
    limits: Object = {"limits": {"memory": "48Mi"}}
    small = workshop.pod(pod("small", container(resources=limits)))
    mark = marker()
    eat = f"import os; keep = [bytearray(1 << 20) for _ in range(500)] # {mark}"
    told = agent.try_("exec", "-n", NAMESPACE, small, "--", "python3", "-c", eat)
    assert told.code == 137
    assert audit.recorded(mark).of("program")[0]["argv"] == ["python3", "-c", eat]
    again = ("exec", "-n", NAMESPACE, small, "--", "echo", PAN)
    assert until(lambda: agent.try_(*again).text, what="a session in the pod after it") == f"{MASKED}\n"


def test_a_session_at_its_limit_of_files_and_processes_is_recorded(
    agent: Kubectl, place: str, audit: Audit
) -> None:
    mark = marker()
    fill = 'ulimit -n 16; for i in 3 4 5 6 7 8 9; do eval "exec $i</dev/null"; done'
    script = f"{fill}; env true {mark}-full; echo {PAN}"
    assert agent.run("exec", "-n", NAMESPACE, place, "--", "bash", "-c", script) == f"{MASKED}\n"
    assert ["true", f"{mark}-full"] in [program["argv"] for program in audit.recorded(mark).of("program")]
