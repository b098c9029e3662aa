"""Programs inside sessions of real pods: as root of a container, and under the restricted standard."""

import pytest
from kube import NAMESPACE, Kubectl
from pods import container, pod, restricted
from sessions import Audit, Recorded, marker
from workshop import Workshop


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


def test_ten_thousand_programs(agent: Kubectl, app: str, audit: Audit) -> None:
    mark = marker()
    script = f"seq 10000 | xargs -n 1 -P 4 true; echo {mark}"
    assert agent.run("exec", "-n", NAMESPACE, app, "--", "sh", "-c", script) == f"{mark}\n"
    recorded = audit.recorded(mark, seconds=120)
    assert recorded.status["programs"] == 10_003
    numbers = {line[1] for line in command_lines(recorded) if line[0] == "true"}
    assert numbers == {str(number) for number in range(1, 10_001)}
