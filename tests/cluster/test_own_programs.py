"""Own programs on a real node: watched, attacked by themselves, left by their recorder, and ended."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from kube import NAMESPACE, Kubectl, Object, chaperone, until
from node import kill_container
from pods import container, pod
from sessions import API, Audit, Recorded, marker
from workshop import Workshop

if TYPE_CHECKING:
    import pexpect

PAN = "6011000990139424"
MASKED = "601100******9424"
UNMASKED = re.compile(r"6011000|\d9424")
ATTACK = (Path(__file__).parent / "attacks/on_own_recorder.py").read_text()
UNTIL_TOLD = "trap 'exit 0' TERM; "
STUBBORN = "trap '' TERM; "
COUNTING = f"while :; do i=$((i+1)); echo line $i of {PAN}, and more; sleep 0.2; done"


def app(script: str, name: str = "app") -> Object:
    return container(name, command=["sh", "-c", script])


def asking(value: str) -> Object:
    return {"chaperone.dev/main-process": value}


@pytest.fixture(scope="module")
def made(_lasting: Workshop) -> dict[str, str]:
    """Pods whose own programs run under the shim, and one without; all made at once."""
    shell = container("shell", command=["env", "PS1=ready> ", "sh", "-i"], stdin=True, tty=True)
    attacker = container("attacker", command=["python3", "-c", ATTACK])
    watched = (app(UNTIL_TOLD + COUNTING, "told"), app(UNTIL_TOLD + COUNTING, "counted"))
    asked = asking("told=recorded,counted,shell,attacker")
    prompt: Object = {"terminationGracePeriodSeconds": 100}
    slow: Object = {"terminationGracePeriodSeconds": 5}
    pods = {
        "watched": pod(marker(), *watched, shell, attacker, annotations=asked, **slow),
        "prompt": pod(marker(), app(UNTIL_TOLD + COUNTING), annotations=asking("true"), **prompt),
        "prompt plain": pod(marker(), app(UNTIL_TOLD + COUNTING), **prompt),
        "stubborn": pod(marker(), app(STUBBORN + COUNTING), annotations=asking("true"), **slow),
        "orphaned": pod(marker(), app(UNTIL_TOLD + COUNTING), annotations=asking("true"), **prompt),
    }  # fmt: skip
    return dict(zip(pods, _lasting.pods(*pods.values()), strict=True))


def logs(admin: Kubectl, name: str, inside: str) -> str:
    return admin.run("logs", "-n", NAMESPACE, name, "-c", inside)


def numbers(shown: str) -> list[int]:
    return [int(number) for number in re.findall(rf"line (\d+) of {re.escape(MASKED)}, and more\r?\n", shown)]


@pytest.mark.parametrize("inside", ["told", "counted"])
def test_who_only_watches_sees_it_masked_and_is_on_record(
    agent: Kubectl, audit: Audit, auditor: Kubectl, made: dict[str, str], inside: str
) -> None:
    name = made["watched"]
    attached = agent.start("attach", "-n", NAMESPACE, name, "-c", inside)
    assert attached.stdout is not None
    seen = "".join(attached.stdout.readline().decode() for _ in range(4))
    attached.kill()
    attached.communicate()
    assert len(numbers(seen)) >= 3, seen
    is_told = inside == "told"
    last = numbers(seen)[-1]
    session = until(lambda: audit.of_own_program(name, inside), what="its session")[0]
    assert session.object["spec"].get("withoutContent", False) is not is_told
    if is_told:
        shown = until(lambda: _up_to(audit, session, last), what="what was seen in the record")
        assert not UNMASKED.search(shown)
        assert numbers(shown) == list(range(1, len(numbers(shown)) + 1))
    else:
        assert not session.of("data")
    events = until(lambda: _attaches(auditor, name, inside), what="the event of the attach")
    assert [(one["actor"]["username"], one["outcome"]) for one in events] == [("agent", "success")]
    assert events[0]["details"] == ({"recorded": "true"} if is_told else {"unrecorded": "true"})
    told = until(lambda: _shown(auditor, session), what="who attached")
    assert re.search(r"Attached +agent, .*, without input", told), told
    assert ("recorded with content" in told) is is_told


def _up_to(audit: Audit, session: Recorded, number: int) -> str:
    """What is recorded of a program's output, once a line is in it."""
    shown = Recorded(session.object, audit.events(session.name)).data("stdout").decode()
    return shown if number in numbers(shown) else ""


def _shown(auditor: Kubectl, session: Recorded) -> str:
    """What is told of a session, once it tells of an attach."""
    shown = chaperone(auditor, "sessions", "show", "-n", NAMESPACE, session.name)
    return shown if "Attached" in shown else ""


def _attaches(auditor: Kubectl, name: str, inside: str) -> list[Object]:
    path = f"{API}/namespaces/{NAMESPACE}/auditevents?fieldSelector=type%3Ddecision&limit=200"
    found = [one for one in auditor.raw(path)["items"] if one["door"] == "attach"]
    return [one for one in found if (one["about"]["name"], one["about"]["container"]) == (name, inside)]


def test_a_program_cannot_get_rid_of_its_shim_or_recorder(
    admin: Kubectl, agent: Kubectl, audit: Audit, made: dict[str, str]
) -> None:
    name = made["watched"]
    until(lambda: "still here" in logs(admin, name, "attacker"), what="what came of the attacks")
    first, *following = logs(admin, name, "attacker").splitlines()
    assert json.loads(first.removeprefix("told ")) == {
        "again": "Rthe container's own program is under the shim already; this grant is for it alone",
        "another program": "Rthe grant is for another command line",
        "a session": "Rthe grant is for a container's own program",
        "kill": "done",
        "stop": "done",
        "/proc/1/fd/1": "EACCES",
        "/proc/1/fd/2": "EACCES",
        "/.chaperone/shim": "EROFS",
    }
    assert set(following) == {f"still here with {MASKED}"}, "a container's first process hears neither"
    assert agent.run("exec", "-n", NAMESPACE, name, "-c", "attacker", "--", "echo", PAN) == f"{MASKED}\n"
    path = f"{API}/namespaces/{NAMESPACE}/auditevents?fieldSelector=type%3Dincident&limit=100"

    def replayed() -> bool:
        events = audit.kubectl.raw(path)["items"]
        return any(one["about"].get("name") == name and "already" in json.dumps(one) for one in events)

    until(replayed, what="the incident")


@pytest.fixture
def terminal(agent: Kubectl, made: dict[str, str]) -> Iterator["pexpect.spawn[bytes]"]:
    client = agent.terminal(
        "attach", "-it", "-n", NAMESPACE, made["watched"], "-c", "shell", rows=33, cols=101
    )
    yield client
    client.close(force=True)


def test_a_recorder_dies_while_somebody_types_and_the_next_goes_on(
    admin: Kubectl, audit: Audit, made: dict[str, str], terminal: "pexpect.spawn[bytes]"
) -> None:
    name = made["watched"]
    terminal.sendline(f"kept=here; echo card {PAN}")
    terminal.expect_exact(f"\ncard {MASKED}", timeout=60)
    [first] = until(lambda: audit.of_own_program(name, "shell"), what="its session")
    for pod_name in (name, made["orphaned"]):
        kill_container(admin, NAMESPACE, pod_name, "chaperone-recorder")
    until(lambda: len(audit.of_own_program(name, "shell")) == 2, seconds=120, what="the next session")
    terminal.sendline("")
    terminal.expect_exact("output is missing here: the recorder was restarted", timeout=60)
    terminal.sendline("")
    terminal.sendline(f"echo again $kept {PAN}")
    terminal.expect_exact(f"\nagain here {MASKED}", timeout=60)
    second = until(lambda: _with(audit, name, f"again here {MASKED}"), what="what was shown in the record")
    assert (second.object["spec"]["resumed"], second.object["spec"]["previous"]) == (True, first.name)
    assert [gap["channel"] for gap in second.of("gap")] == ["stdout"]
    for channel in ("stdin", "stdout"):
        assert f"{MASKED}".encode() in second.data(channel)
        assert PAN.encode() not in second.data(channel)
    before = until(lambda: _ended(audit, name, first.name), what="the end of the session before")
    assert before.status["how"] == "interrupted"
    statuses = admin.get("pod", name, "-n", NAMESPACE)["status"]["containerStatuses"]
    assert {one["name"]: one["restartCount"] for one in statuses} == dict.fromkeys(
        ("told", "counted", "shell", "attacker"), 0
    )
    for inside in ("told", "counted"):
        assert not UNMASKED.search(logs(admin, name, inside))


def _with(audit: Audit, name: str, text: str) -> Recorded | None:
    newest = audit.of_own_program(name, "shell")[0]
    return newest if text.encode() in newest.data("stdout") else None


def _ended(audit: Audit, name: str, session: str) -> Recorded | None:
    found = [one for one in audit.of_own_program(name, "shell") if one.name == session]
    return found[0] if "how" in found[0].status else None


def test_ends_come_as_soon_as_without_the_shim(admin: Kubectl, made: dict[str, str]) -> None:
    """All at once, so that whatever else the machine does slows them alike.

    A recorder that dies a second time is not started again within 10 seconds.
    """
    pods = ("prompt", "prompt plain", "stubborn", "orphaned")
    until(lambda: runs_again(admin, made["orphaned"]), seconds=120, what="its recorder's second start")
    kill_container(admin, NAMESPACE, made["orphaned"], "chaperone-recorder")
    took = deleting(admin, {word: made[word] for word in pods})
    assert took["prompt"] < took["prompt plain"] + 10, took
    assert 5 <= took["stubborn"] < took["prompt plain"] + 5 + 10, took
    assert took["orphaned"] < took["prompt plain"] + 25, f"10 s for a recorder that may come: {took}"


def runs_again(admin: Kubectl, name: str) -> bool:
    """Tell whether a pod's recorder runs that was started again."""
    [recorder] = admin.get("pod", name, "-n", NAMESPACE)["status"]["initContainerStatuses"]
    return recorder["restartCount"] == 1 and "running" in recorder["state"]


def deleting(admin: Kubectl, pods: dict[str, str]) -> dict[str, float]:
    """Delete pods at the same moment; give the seconds that each took."""
    began, took = time.monotonic(), dict[str, float]()
    clients = {
        word: admin.start("delete", "pod", "-n", NAMESPACE, name, "--timeout=150s")
        for word, name in pods.items()
    }

    def all_gone() -> bool:
        for word, client in clients.items():
            if word not in took and client.poll() is not None:
                took[word] = time.monotonic() - began
        return len(took) == len(clients)

    until(all_gone, seconds=150, what="all of them gone")
    assert {client.returncode for client in clients.values()} == {0}
    for client in clients.values():
        client.communicate()
    return took
