import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from devcluster import processes
from devcluster.errors import NotReadyError
from devcluster.node import end_process
from devcluster.processes import Process, environment_of, look, parse_stat, signal_process, start_time


def stat_line(name: str) -> str:
    return f"42 ({name}) S 7 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1000 2000\n"


@pytest.mark.parametrize("name", ["etcd", "a) R 1 (b", "with space", ")"])
def test_a_stat_line_whatever_the_name(name: str) -> None:
    assert parse_stat(stat_line(name)) == ("S", 7, 98765)


def test_a_process_as_it_is() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env={"A": "b=c"}
    ) as child:
        found = look(child.pid)
        assert found is not None
        assert found.parent == os.getpid()
        assert found.argv == (sys.executable, "-c", "input()")
        assert environment_of(child.pid)["A"] == "b=c"
        assert abs((datetime.now(UTC) - start_time(found)).total_seconds()) < 60
        assert found in processes.everything()
        child.kill()
        child.wait()
        assert look(child.pid) is None
        assert environment_of(child.pid) == {}


def test_a_zombie_is_gone() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    while look(child.pid) is not None:
        time.sleep(0.01)
    assert Path(f"/proc/{child.pid}").exists()
    child.wait()


def sleeper(script: str) -> tuple[subprocess.Popen[bytes], Process]:
    child = subprocess.Popen(
        [sys.executable, "-c", script + "; print(flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    child.stdout.readline()
    found = look(child.pid)
    assert found is not None
    return child, found


def test_another_process_with_the_same_pid_is_left_alone() -> None:
    child, found = sleeper("pass")
    with child:
        impostor = Process(found.pid, found.parent, found.started - 1, found.argv, found.namespace)
        signal_process(impostor, signal.SIGKILL)
        end_process(impostor, 0.2)
        assert child.poll() is None
        signal_process(found, signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL


def test_a_process_that_ignores_the_first_signal_is_killed() -> None:
    child, found = sleeper("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)")
    with child:
        end_process(found, 0.3)
        assert child.wait() == -signal.SIGKILL


def test_a_process_that_is_gone_needs_no_signal() -> None:
    child, found = sleeper("pass")
    with child:
        child.kill()
        child.wait()
        signal_process(found, signal.SIGTERM)
        end_process(found, 0.1)


def test_a_process_that_stays_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    child, found = sleeper("pass")

    def nothing(process: Process, number: int) -> None:
        assert (process, number) == (found, signal.SIGKILL)

    monkeypatch.setattr("devcluster.node.signal_process", nothing)
    with child:
        with pytest.raises(NotReadyError, match="does not end"):
            end_process(found, 0.1, gently=False)
        child.kill()
