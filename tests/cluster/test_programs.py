"""Programs inside sessions of real pods: as root of a container, and under the restricted standard."""

import statistics
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager

import pytest
from kube import NAMESPACE, Kubectl, Object, chaperone, until
from pods import container, pod, restricted
from sessions import Audit, Recorded, marker
from shim_process import TRACING
from tickets import policy
from workshop import Workshop

FORKS = """
import os, resource, select, time
for _ in range(4):
    if os.fork() == 0:
        while os.fork() == 0:  # a child that is the parent of the next, and nobody's for long
            time.sleep(0.01)
        os._exit(0)
print("begun", flush=True)
count, before = 0, resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw
while not select.select([0], [], [], 0)[0]:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    count += 1
print((resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw - before) / count, flush=True)
"""
"""Starts processes, and no programs, until its input ends; says how often it had to wait for each."""


@pytest.fixture(params=["default", "restricted"])
def traced(request: pytest.FixtureRequest, app: str, workshop: Workshop) -> str:
    """A pod in which programs can be seen."""
    if request.param == "default":
        return app
    return workshop.pod(pod("strict", container(securityContext=restricted())))


def command_lines(recorded: Recorded) -> list[list[str]]:
    return [event["argv"] for event in recorded.of("program")]


def test_every_program_is_on_record(agent: Kubectl, traced: str, audit: Audit, auditor: Kubectl) -> None:
    mark = marker()
    script = 'env -C /tmp true; python3 -c \'import os; os.execv("/bin/echo", ["ls", "4111111111111111"])\''
    agent.run("exec", "-n", NAMESPACE, traced, "--", "sh", "-c", script, mark)
    recorded = audit.recorded(mark)
    assert [line[0] for line in command_lines(recorded)] == ["sh", "env", "true", "python3", "ls"]
    assert command_lines(recorded)[-1] == ["ls", "411111******1111"]
    env, true, python, echo = recorded.of("program")[1:]
    assert (true["cwd"], true["pid"], python["uid"]) == ("/tmp", env["pid"], env["uid"])
    assert echo["executable"].endswith("/echo")
    assert recorded.status["programs"] == 5
    assert "untraced" not in recorded.status


def test_job_control_works(agent: Kubectl, traced: str) -> None:
    script = "set -m; sleep 1000 & kill -STOP %1; sleep 0.2; jobs; kill %1; kill -CONT %1; wait %1; echo $?"
    shown = agent.run("exec", "-n", NAMESPACE, traced, "--", "bash", "-c", script)
    assert "Stopped" in shown
    assert shown.endswith("143\n")


def test_another_user_is_followed(agent: Kubectl, app: str, audit: Audit) -> None:
    """Root in a container has no CAP_SYS_PTRACE."""
    mark = marker()
    command = f"setpriv --reuid=1000 --clear-groups --regid=1000 id -u; : {mark}"
    assert agent.run("exec", "-n", NAMESPACE, app, "--", "sh", "-c", command) == "1000\n"
    last = audit.recorded(mark).of("program")[-1]
    assert (last["argv"], last["uid"]) == (["id", "-u"], 1000)
    assert last["executable"].endswith("/id")


@pytest.fixture
def untraced(admin: Kubectl, agent: Kubectl, app: str) -> Iterator[tuple[str, str]]:
    """A policy without tracing, and a word in the command lines that it is about."""
    mark = marker()
    match: Object = {"doors": ["exec"], "namespaces": [NAMESPACE], "cel": f"argv.exists(a, a == '{mark}')"}
    with policy(
        admin, {"name": "debugging", "action": "audit", "match": match, "session": {"tracing": "none"}}
    ) as name:
        yield name, mark


def test_setuid_programs_and_debuggers_work_where_a_policy_wants_no_tracing(
    agent: Kubectl, auditor: Kubectl, app: str, audit: Audit, untraced: tuple[str, str]
) -> None:
    name, mark = untraced
    script = """
id=/tmp/id-$0
cp "$(command -v id)" "$id" && chmod 4755 "$id"
[ "$(setpriv --reuid=1000 --regid=1000 --clear-groups "$id" -u)" = 0 ] || exit 9
exec python3 -S -c "$1" sh -c 'echo 4111111111111111; exit 7'
"""
    command = ("exec", "-n", NAMESPACE, app, "--", "sh", "-c", script, mark, TRACING)
    until(lambda: agent.try_(*command).code == 7, what="a session without tracing")
    done = agent.try_(*command)
    assert (done.code, done.text) == (7, "411111******1111\n")
    recorded = audit.recorded(mark)
    why = f"no program inside this session is recorded: so says rule {name}/debugging"
    assert (recorded.status["untraced"], recorded.of("program")) == (why, [])
    assert recorded.data("stdout") == b"411111******1111\n"
    shown = chaperone(auditor, "sessions", "show", recorded.name, "-n", NAMESPACE)
    assert f"off: {why}" in " ".join(shown.split())


@contextmanager
def echoing(agent: Kubectl, place: str, *words: str) -> Generator[Callable[[], float]]:
    """A session whose program gives back what it is given: give the seconds that takes."""
    with agent.start("exec", "-i", "-n", NAMESPACE, place, "--", "/tool", "cat", *words) as session:
        given, shown = session.stdin, session.stdout
        assert given
        assert shown

        def turn() -> float:
            begun = time.monotonic()
            given.write(b"ping\n")
            given.flush()
            assert shown.readline() == b"ping\n"
            return time.monotonic() - begun

        yield turn
        given.close()
        assert session.wait(60) == 0


def test_a_flood_of_programs_holds_up_its_own_session(
    agent: Kubectl, app: str, bare: str, audit: Audit
) -> None:
    """What runs in other pods of the node goes on."""
    mark = marker()
    script = "echo begun; while ! read -t 0; do seq 50 | xargs -n 1 -P 4 true; done; echo $0"
    with echoing(agent, bare) as turn:
        before = statistics.median(turn() for _ in range(20))
        with agent.start("exec", "-i", "-n", NAMESPACE, app, "--", "bash", "-c", script, mark) as flood:
            assert flood.stdin
            assert flood.stdout
            assert flood.stdout.readline() == b"begun\n"
            during: list[float] = []
            for _ in range(20):
                during.append(turn())
                time.sleep(0.1)
            assert flood.poll() is None
            flood.stdin.close()
            assert flood.stdout.read() == f"{mark}\n".encode()
    assert statistics.median(during) < max(1, 50 * before)
    assert max(during) < 60
    assert audit.recorded(mark).status["programs"] > 50


@contextmanager
def forking(agent: Kubectl, place: str, word: str) -> Generator[Callable[[], float]]:
    """A session that starts processes without pause: end it and give how often it waited for each."""
    inside = ("exec", "-i", "-n", NAMESPACE, place, "--")
    with agent.start(*inside, "python3", "-c", FORKS, word) as flood:
        assert flood.stdin
        assert flood.stdout
        assert flood.stdout.readline() == b"begun\n"
        given, shown = flood.stdin, flood.stdout

        def end() -> float:
            assert flood.poll() is None
            given.close()
            waits = float(shown.read())
            assert flood.wait(60) == 0
            return waits

        yield end


def test_a_flood_of_forks_slows_its_own_session_and_leaves_nothing_behind(
    agent: Kubectl, app: str, bare: str, traced: str, audit: Audit, untraced: tuple[str, str]
) -> None:
    """None of them starts a program; each waits for who traces them."""
    mark, (_, free) = marker(), untraced
    look = ("exec", "-n", NAMESPACE, app, "--", "sh", "-c", "cat /proc/self/status", free)
    until(
        lambda: all("TracerPid:\t0\n" in agent.run(*look) for _ in range(6)),
        what="all replicas follow the policy",
    )
    waits: list[float] = []
    for place, word in ((app, free), (traced, mark)):
        with echoing(agent, bare, f"beside-{mark}-{len(waits)}") as turn, forking(agent, place, word) as end:
            during: list[float] = []
            for _ in range(20):
                during.append(turn())
                time.sleep(0.1)
            waits.append(end())
        assert statistics.median(during) < 1
        assert max(during) < 60
        beside = audit.recorded(f"beside-{mark}-{len(waits) - 1}")
        assert beside.data("stdout") == b"ping\n" * 20
    untraced_waits, traced_waits = waits
    assert untraced_waits < 1.2
    assert traced_waits > 1.8, "for its end, and for who traces it"
    assert audit.recorded(mark).status["programs"] == 1
    left = agent.run("exec", "-n", NAMESPACE, traced, "--", "ps", "-eo", "args")
    assert mark not in left


def test_ten_thousand_programs(agent: Kubectl, app: str, audit: Audit) -> None:
    mark = marker()
    script = f"seq 10000 | xargs -n 1 -P 4 true; echo {mark}"
    assert agent.run("exec", "-n", NAMESPACE, app, "--", "sh", "-c", script) == f"{mark}\n"
    recorded = audit.recorded(mark, seconds=120)
    assert recorded.status["programs"] == 10_003
    numbers = {line[1] for line in command_lines(recorded) if line[0] == "true"}
    assert numbers == {str(number) for number in range(1, 10_001)}
