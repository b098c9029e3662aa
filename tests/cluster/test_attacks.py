"""Attacks from inside a session: each fails, or is on record and named in docs/threat-model.md."""

import contextlib
import json
import shlex
import subprocess
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest
from installation import without
from kube import NAMESPACE, Kubectl, Object, chaperone, until
from node import limit_processes
from pods import container, pod, restricted
from sessions import API, Audit, marker
from workshop import Workshop

ATTACKS = Path(__file__).parent / "attacks"
PAN, MASKED = "4111111111111111", "411111******1111"
BYE = "the recorder is gone"
HOSTILE = (
    "before \x1b]52;c;ZXZpbA==\x07\x1b]0;owned\x07\x1b[21t\x1b[6n\x1b[c\x1bZ\x05"
    '\x1bP$q"p\x1b\\\x1b[?1000h\x1b[>1uafter'
)
"""Writes a clipboard and a title, asks the terminal this and that, and changes mouse and keys."""
FILL = f"""
import os, signal, sys
print("ready", flush=True)
sys.stdin.readline()
born = []
try:
    while True:
        if (child := os.fork()) == 0:
            signal.pause()
        born.append(child)
except OSError:
    print("full", flush=True)
sys.stdin.readline()
for child in born:
    os.kill(child, signal.SIGKILL)
print({PAN}, flush=True)
"""
"""Takes all processes that there are, until it is told to give them back."""


CONTEXTS: dict[str, Object] = {"root": {}, "user": {"runAsUser": 1000}, "restricted": restricted()}
"""As root, as a user with a container's default rights, and without any."""


SILENT = """
import socket
from pathlib import Path
Path("/etc/resolv.conf").write_text("nameserver 127.0.0.1\\noptions use-vc timeout:30 attempts:5\\n")
server, asked = socket.create_server(("127.0.0.1", 53)), []
while True:
    asked.append(server.accept())
    print("asked", flush=True)
"""
"""Has all of its pod ask it for names, and never answers."""


@pytest.fixture(scope="module", params=CONTEXTS)
def place(request: pytest.FixtureRequest, admin: Kubectl, agent: Kubectl) -> Iterator[str]:
    """A pod to attack in. Nothing waits for its recorder, so the first sessions may come before it."""
    workshop = Workshop(admin)
    context = CONTEXTS[request.param]
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


def test_a_pod_that_says_who_the_collector_is_keeps_no_record(
    admin: Kubectl, agent: Kubectl, workshop: Workshop, audit: Audit
) -> None:
    """Its root writes what its containers resolve names by, and waits until nobody talks to the collector."""
    collector = "chaperone-collector.chaperone-system.svc"
    lie = f"echo 127.0.0.1 {collector} >> /etc/hosts; echo nameserver 127.0.0.1 > /etc/resolv.conf"
    wait = "while grep -q ':20FB 01 ' /proc/net/tcp; do sleep 0.2; done; echo alone"
    lying = container(command=["bash", "-c", f"{lie}; {wait}; sleep infinity"])
    names = workshop.pods(
        pod("lying", lying),
        pod("lying-on-host", lying, hostNetwork=True),
        pod("lying-dns", lying, dnsPolicy="None", dnsConfig={"nameservers": ["127.0.0.1"]}),
    )
    for name in (names[0], names[2]):
        until(
            lambda name=name: "alone" in admin.run("logs", "-n", NAMESPACE, name, "-c", "app"), what="silence"
        )
    for name in names:
        mark = marker()
        look = f"getent hosts {collector}; echo {mark}"
        assert "127.0.0.1" in agent.run("exec", "-n", NAMESPACE, name, "--", "sh", "-c", look)
        assert audit.recorded(mark).data("stdout")


def test_a_pod_that_answers_no_questions_for_names_does_not_keep_its_record(
    admin: Kubectl, agent: Kubectl, workshop: Workshop, audit: Audit
) -> None:
    """The recorder asks where the collector's address fails, and not for long."""
    mark = marker()
    name = workshop.pod(pod("silent", container(command=["python3", "-c", SILENT])))
    with without(admin, "chaperone-collector"):
        assert agent.run("exec", "-n", NAMESPACE, name, "--", "echo", mark) == f"{mark}\n"
        log = ("logs", "-n", NAMESPACE, name, "-c", "app")
        until(lambda: "asked" in admin.run(*log), what="a question for the collector's address")
    until(lambda: audit.kubectl.try_("get", "sessions", "-n", NAMESPACE).code == 0, what="the audit API")
    assert audit.recorded(mark, seconds=90).data("stdout") == f"{mark}\n".encode()


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
    assert ran.pop("mounts") in {echo, f"/tmp/{mark}.innocent (in other mounts)"}
    assert ran.pop("sent") in {echo, f"/tmp/{mark}.sent (in other mounts)"}
    assert ran == {
        "memory": "/memfd:innocent (deleted)",
        "deleted": f"/tmp/{mark}.deleted (deleted)",
        "renamed": f"/tmp/{mark}.ls",
        **dict.fromkeys(("name", "thread", "background", "namespaces", "untraced", "shared"), echo),
        **dict.fromkeys(("spawned", "shell"), echo),
    }


def test_nothing_confuses_who_traces(agent: Kubectl, place: str, audit: Audit) -> None:
    """Stop storms, seccomp filters, 32-bit calls, files that nobody may read, no processes left."""
    mark = marker()
    attack(agent, place, "on_tracing.py", mark)
    programs = audit.recorded(mark).of("program")
    ran = {program["argv"][-1].removeprefix(f"{mark}-"): program["executable"] for program in programs[1:]}
    assert ran.pop("unreadable") in {"", f"/tmp/{mark}.unreadable"}
    ran.pop("calls32", None)  # where the kernel runs 32-bit programs
    words = ("sibling", "undumpable", "notified", "storm", "crowded")
    assert ran == dict.fromkeys(words, "/usr/bin/echo")


def test_a_grant_that_another_process_uses_first_is_an_incident(
    agent: Kubectl, place: str, audit: Audit
) -> None:
    """Command lines are everybody's to read: whoever is faster is served, and nobody after them."""
    mark = marker()
    source = (ATTACKS / "taking_grants.py").read_bytes()
    with running(agent, "exec", "-i", "-n", NAMESPACE, place, "--", "python3", "-", mark) as thief:
        assert thief.stdin
        assert thief.stdout
        thief.stdin.write(source)
        thief.stdin.close()
        thief.stdin = None
        assert thief.stdout.readline() == b"ready\n"
        told = agent.try_("exec", "-n", NAMESPACE, place, "--", "echo", f"{mark}-victim")
        said = thief.stdout.read().decode().strip()
    refused = "the grant was used before; run the command again"
    assert (said, told.code) == (f"R{refused}", 0) or (said, refused in told.error) == ("G", True)
    [session] = until(lambda: audit.find(f"{mark}-victim"), what="the session that both wanted")
    path = f"{API}/namespaces/{NAMESPACE}/notices"

    def noticed() -> bool:
        kinds = [item["reason"] for item in audit.kubectl.raw(path)["items"] if _is_about(item, session)]
        return "grant-replayed" in kinds

    until(noticed, what="the incident on record")


def _is_about(notice: Object, session: Object) -> bool:
    return session["metadata"]["name"] in json.dumps(notice)


def test_interpreters_and_builtins_show_their_text(agent: Kubectl, place: str, audit: Audit) -> None:
    """No program starts for them: what they were told to do is on record."""
    mark = marker()
    code = f"print('{mark}', open('/etc/hostname').name)"
    script = f"python3 -c {shlex.quote(code)}; perl -e 'print qq({mark}\\n)'; echo < /etc/hostname"
    agent.run("exec", "-n", NAMESPACE, place, "--", "sh", "-c", script)
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


def test_a_termination_message_is_shown_as_it_was_written(
    admin: Kubectl, agent: Kubectl, workshop: Workshop, audit: Audit
) -> None:
    """The kubelet puts it into the pod's status, past whoever masks; who wrote it is on record."""
    mark = marker()
    script = "trap 'exit 0' TERM; sleep infinity & wait"
    app = container(command=["sh", "-c", script], securityContext=restricted())
    name = workshop.pod(pod(mark, app, restartPolicy="Never"))
    write = f"echo {PAN} > /dev/termination-log; kill 1; : {mark}"
    agent.try_("exec", "-n", NAMESPACE, name, "--", "sh", "-c", write)

    def message() -> str:
        [status] = admin.get("pod", name, "-n", NAMESPACE)["status"]["containerStatuses"]
        return status["state"].get("terminated", {}).get("message", "")

    assert until(message, what="the end of the container").strip() == PAN
    assert audit.recorded(mark).of("program")[0]["argv"] == ["sh", "-c", write.replace(PAN, MASKED)]


def test_a_session_sees_the_files_of_containers_that_share_its_processes(
    agent: Kubectl, workshop: Workshop, audit: Audit
) -> None:
    """What it reads there is masked and on record, as from its own container."""
    mark = marker()
    keeping = container("db", command=["sh", "-c", f"echo {PAN} > /tmp/card; sleep 98763 & wait"])
    name = workshop.pod(pod(mark, container("app"), keeping, shareProcessNamespace=True))
    look = f"cat /proc/$(pgrep -xf 'sleep 98763')/root/tmp/card; : {mark}"
    told = agent.run("exec", "-n", NAMESPACE, name, "-c", "app", "--", "sh", "-c", look)
    assert told == f"{MASKED}\n"
    assert audit.recorded(mark).data("stdout").decode() == told


def test_without_memory_the_session_ends_and_the_pod_stays_guarded(
    agent: Kubectl, workshop: Workshop, audit: Audit
) -> None:
    limits: Object = {"limits": {"memory": "48Mi"}}
    containers = {kind: container(resources=limits, securityContext=its) for kind, its in CONTEXTS.items()}
    for name in workshop.pods(*(pod(f"small-{kind}", one) for kind, one in containers.items())):
        mark = marker()
        eat = f"import os; keep = [bytearray(1 << 20) for _ in range(500)] # {mark}"
        told = agent.try_("exec", "-n", NAMESPACE, name, "--", "python3", "-c", eat)
        assert told.code == 137
        assert audit.recorded(mark).of("program")[0]["argv"] == ["python3", "-c", eat]
        again = ("exec", "-n", NAMESPACE, name, "--", "echo", PAN)
        text = until(lambda again=again: agent.try_(*again).text, what="a session in the pod after it")
        assert text == f"{MASKED}\n"


def test_a_session_at_its_limit_of_files_is_recorded(agent: Kubectl, place: str, audit: Audit) -> None:
    mark = marker()
    fill = 'ulimit -n 16; for i in 3 4 5 6 7 8 9; do eval "exec $i</dev/null"; done'
    script = f"{fill}; env true {mark}-full; echo {PAN}"
    assert agent.run("exec", "-n", NAMESPACE, place, "--", "bash", "-c", script) == f"{MASKED}\n"
    assert ["true", f"{mark}-full"] in [program["argv"] for program in audit.recorded(mark).of("program")]


def test_a_flood_of_output_is_masked_and_whole(agent: Kubectl, place: str, audit: Audit) -> None:
    mark = marker()
    script = f"yes 'card {PAN}' | head -n 20000; : {mark}"
    shown = agent.run("exec", "-n", NAMESPACE, place, "--", "sh", "-c", script)
    assert shown == f"card {MASKED}\n" * 20_000
    assert audit.recorded(mark).data("stdout").decode() == shown


def test_escapes_do_nothing_to_who_replays_them(
    agent: Kubectl, auditor: Kubectl, place: str, audit: Audit
) -> None:
    mark = marker()
    code = f"print({HOSTILE!r})  # {mark}"
    agent.run("exec", "-n", NAMESPACE, place, "--", "python3", "-c", code)
    recorded = audit.recorded(mark)
    assert recorded.data("stdout").decode() == f"{HOSTILE}\n"
    which = (recorded.name, "-n", NAMESPACE)
    assert chaperone(auditor, "sessions", "play", *which, "--speed", "1000").split() == ["before", "after"]
    shown = chaperone(auditor, "sessions", "show", *which)
    assert mark in shown
    assert not {"\x1b", "\x07", "\x05"} & set(shown)


def test_applets_of_busybox_show_the_text_of_their_shell(agent: Kubectl, place: str, audit: Audit) -> None:
    """What it starts as a program of its own is on record as busybox, the rest by its shell's text."""
    mark = marker()
    script = f"echo {PAN} | cat; ls -d /etc; cd /tmp; pwd; : {mark}"
    shown = agent.run("exec", "-n", NAMESPACE, place, "--", "busybox", "sh", "-c", script)
    assert shown == f"{MASKED}\n/etc\n/tmp\n"
    first, *others = audit.recorded(mark).of("program")
    assert first["argv"] == ["busybox", "sh", "-c", script.replace(PAN, MASKED)]
    assert first["executable"].endswith("/busybox")
    assert {program["executable"] for program in others} <= {first["executable"]}


def test_sessions_of_other_users_are_closed(agent: Kubectl, app: str, audit: Audit) -> None:
    mark = marker()
    become = "exec setpriv --reuid={0} --regid={0} --clear-groups sh -c {1}"
    other = shlex.quote(f"trap 'kill %1' TERM; sleep 1000 & wait; : {mark}")
    inside = ("exec", "-n", NAMESPACE, app, "--")
    with running(agent, *inside, "sh", "-c", become.format(1001, other)) as victim:
        [pid] = until(lambda: pids(agent, app, "sh -c trap", mark), what="a program of the other session")
        shim = agent.run(*inside, "ps", "-o", "ppid=", "-p", pid).strip()
        try_one = f"echo {PAN} > /proc/$p/fd/$n; cat /proc/$p/fd/$n"
        tries = f"for p in {pid} {shim}; do for n in 0 1 2; do {try_one}; done; done"
        look = f"{tries}; ls /proc/{pid}/fd; echo tried"
        told = agent.try_(*inside, "sh", "-c", become.format(1002, shlex.quote(look)))
        assert told.text == "tried\n"
        assert told.error.count("Permission denied") == 13
        agent.run(*inside, "kill", pid)
        shown, _ = victim.communicate(timeout=60)
    assert shown == b""
    assert audit.recorded(mark).data("stdout") == b""


def looked(terminal: Any, mark: str) -> Object:
    """What somebody at a terminal can open of others'."""
    terminal.sendline(f"python3 /tmp/{mark}.py")
    terminal.expect(rb"(\{.*\})\r\n")
    found: Object = json.loads(terminal.match[1])
    terminal.expect_exact("ready> ")
    return found


def test_terminals_of_other_users_are_closed_both_ways(agent: Kubectl, app: str, audit: Audit) -> None:
    """By name and by ``/proc``; to another session of the same user the inner one is open, as on any Unix."""
    mark = marker()
    attack = (ATTACKS / "on_terminals.py").read_bytes()
    agent.run("exec", "-i", "-n", NAMESPACE, app, "--", "sh", "-c", f"cat > /tmp/{mark}.py", stdin=attack)
    shell = "chown {0} $(tty); exec setpriv --reuid={0} --regid={0} --clear-groups env PS1='ready> ' sh -i"
    terminals: list[Any] = []
    for which, user in enumerate((1001, 1002)):
        inside = ("--", "sh", "-c", shell.format(user), f"{mark}-{which}")
        terminals.append(agent.terminal("exec", "-it", "-n", NAMESPACE, app, *inside))
        terminals[-1].expect_exact("ready> ")
    for terminal in terminals:
        found = looked(terminal, mark)
        assert found["terminals"] >= 3, "the other's, and the outer one of each"
        assert found["others"] >= 3, "the other's shell, and the shim of each"
        assert found["opened"] == []
    inside = ("--", "sh", "-c", shell.format(1001), f"{mark}-2")
    terminals.append(agent.terminal("exec", "-it", "-n", NAMESPACE, app, *inside))
    terminals[-1].expect_exact("ready> ")
    assert len(looked(terminals[-1], mark)["opened"]) == len(("read", "write"))
    for terminal in terminals:
        terminal.sendline("exit")
        terminal.expect(pexpect.EOF)
    seen = [audit.recorded(f"{mark}-{which}").data("stdout") for which in range(3)]
    assert [b"stranger" in one for one in seen] == [True, False, False]


@pytest.mark.parametrize("kind", CONTEXTS)
def test_a_pod_without_processes_refuses_sessions_and_loses_none(
    admin: Kubectl, agent: Kubectl, workshop: Workshop, audit: Audit, kind: str
) -> None:
    """The kubelet's limit is the whole pod's: its recorder starts no process either, until there is room."""
    name = workshop.pod(pod(f"crowded-{kind}", container(securityContext=CONTEXTS[kind])))
    inside = ("exec", "-n", NAMESPACE, name, "--")
    until(lambda: agent.try_(*inside, "true").code == 0, what="a first session")
    mark = marker()
    with running(agent, *inside[:1], "-i", *inside[1:], "python3", "-c", FILL, mark) as filler:
        assert filler.stdin
        assert filler.stdout
        assert filler.stdout.readline() == b"ready\n"
        limit_processes(admin, NAMESPACE, name, more=20)
        filler.stdin.write(b"\n")
        filler.stdin.flush()
        assert filler.stdout.readline() == b"full\n"
        refused = agent.try_(*inside, "echo", PAN)
        assert (refused.code != 0, refused.text) == (True, "")
        shown, _ = filler.communicate(b"\n", timeout=60)
    assert shown == f"{MASKED}\n".encode()
    assert audit.recorded(mark).data("stdout").endswith(f"full\n{MASKED}\n".encode())
    text = until(lambda: agent.try_(*inside, "echo", PAN).text, what="a session in the pod after it")
    assert text == f"{MASKED}\n"
