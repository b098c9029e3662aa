"""The shim in front of a container's own program: it keeps the descriptors, and hands them over again."""

import os
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from live_recorder import children, wait_until
from shim_peer import PATIENCE_S, Recorder
from shim_process import Shim

from sidecar.contract import handshake


class Start:
    """Starts programs under the shim; what a test leaves running would dial into the next one's recorder."""

    def __init__(self, shim: Shim) -> None:
        self._shim = shim
        self._running = list[subprocess.Popen[bytes]]()

    def __call__(
        self, *argv: str, stdin: int = subprocess.DEVNULL, before: tuple[str, ...] = ()
    ) -> subprocess.Popen[bytes]:
        command = [*before, *self._shim.command(*argv, flag="--main")]
        process = subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self._running.append(process)
        return process

    def end(self) -> None:
        for process in self._running:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()


@pytest.fixture
def start(shim: Shim) -> Iterator[Start]:
    starting = Start(shim)
    yield starting
    starting.end()


def test_it_says_what_it_is_and_is_not_traced(start: Start, recorder: Recorder) -> None:
    process = start("sh", "-c", "true; sleep 0; exit 5")
    with recorder.accept() as session:
        header = session.hello().header
        assert (header.application, header.resumed, header.stdin) == (True, False, False)
        assert session.serve().code == 5
        assert session.programs == []
    assert process.wait(PATIENCE_S) == 5
    process.communicate()


def test_it_dials_again_and_goes_on(start: Start, recorder: Recorder) -> None:
    process = start("sh", "-c", "read a; echo got $a; exit 6", stdin=subprocess.PIPE)
    with recorder.accept() as first:
        assert first.hello().header.descriptors == 6
        first.say(handshake.go())
    assert process.stdin is not None
    process.stdin.write(b"word\n")
    process.stdin.flush()
    with recorder.accept() as second:
        header = second.hello().header
        assert (header.application, header.resumed, header.descriptors) == (True, True, 6)
        assert second.serve().code == 6
    assert process.wait(PATIENCE_S) == 6
    assert process.communicate()[0] == b"got word\n"


def test_a_recorder_that_refuses_is_asked_again(start: Start, recorder: Recorder) -> None:
    process = start("sh", "-c", "sleep 1; exit 7")
    with recorder.accept() as first:
        first.hello()
        first.say(handshake.go())
    with recorder.accept() as second:
        second.hello()
        second.say(handshake.refuse("not now"))
    with recorder.accept() as third:
        third.hello()
        assert third.serve().code == 7
    assert process.wait(PATIENCE_S) == 7
    assert process.communicate() == (b"", b"")


def test_input_that_ended_is_not_handed_over_again(start: Start, recorder: Recorder) -> None:
    process = start("sh", "-c", "cat; echo end; sleep 1", stdin=subprocess.PIPE)
    with recorder.accept() as first:
        first.hello()
        first.say(handshake.go())
        first.close_descriptors()
        first.say(handshake.input_ended())
    with recorder.accept() as second:
        assert second.hello().header.descriptors == 4
        assert second.serve().code == 0
    assert process.wait(PATIENCE_S) == 0
    assert process.communicate()[0] == b"end\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGWINCH, 40])
def test_signals_reach_the_program_while_nobody_records(
    start: Start, recorder: Recorder, number: int
) -> None:
    name = {signal.SIGWINCH: "WINCH", 40: "40"}.get(number, signal.Signals(min(number, 31)).name[3:])
    script = f"trap 'exit 9' {name}; echo up; while :; do sleep 0.1; done"
    process = start("bash", "-c", script)
    with recorder.accept() as first:
        first.hello()
        with ThreadPoolExecutor(1) as reader, first.copying():
            first.say(handshake.go())
            assert process.stdout is not None
            assert reader.submit(process.stdout.readline).result(PATIENCE_S) == b"up\n"
    process.send_signal(number)
    with recorder.accept() as second:
        second.hello()
        assert second.serve().code == 9
    assert process.wait(PATIENCE_S) == 9
    process.communicate()


def test_refused_at_the_start_it_starts_nothing(start: Start, recorder: Recorder) -> None:
    process = start("echo", "never")
    with recorder.accept() as session:
        session.hello()
        session.say(handshake.refuse("no"))
    assert process.wait(PATIENCE_S) == 126
    assert process.communicate() == (b"", b"chaperone: no\n")


ORPHANS = """
import os, signal, sys, time
def leave(*_):
    for number in range(50):
        if os.fork() == 0:
            parent = os.getpid()
            if os.fork() == 0:
                while os.getppid() == parent:
                    time.sleep(0.001)
            os._exit(0)
        os.wait()
    open(sys.argv[1], "w").close()
signal.signal(signal.SIGUSR1, leave)
os.write(1, b"up\\n")
while True:
    signal.pause()
"""


@pytest.mark.parametrize("is_recorded", [True, False])
def test_orphans_are_reaped_while_the_program_runs_on(
    start: Start, recorder: Recorder, tmp_path: Path, *, is_recorded: bool
) -> None:
    process = start("python3", "-c", ORPHANS, str(tmp_path / "left"))
    with recorder.accept() as session:
        session.hello()
        session.say(handshake.go())
        assert os.read(session.descriptors[-2], 100) == b"up\n"
        if is_recorded:
            leave_orphans(process, tmp_path / "left")
    if not is_recorded:
        leave_orphans(process, tmp_path / "left")
    process.send_signal(signal.SIGTERM)
    with recorder.accept() as last:
        last.hello()
        assert last.serve().signal == signal.SIGTERM
    assert process.wait(PATIENCE_S) == 143


def leave_orphans(process: subprocess.Popen[bytes], left: Path) -> None:
    """Have the program leave fifty behind, which end at once, and wait until they are gone."""
    process.send_signal(signal.SIGUSR1)
    wait_until(left.exists, "fifty orphans")
    wait_until(lambda: len(children(process.pid)) <= 2, "the program, and who dials, alone")
    assert process.poll() is None


def test_dialling_again_leaves_nothing_open(start: Start, recorder: Recorder) -> None:
    script = "while ! read -t 0.1 line; do :; done; exit 8"
    process = start("bash", "-c", script, stdin=subprocess.PIPE, before=("prlimit", "--nofile=18"))
    for _ in range(12):
        with recorder.accept() as session:
            session.hello()
            session.say(handshake.go())
    assert process.stdin is not None
    process.stdin.write(b"enough\n")
    process.stdin.flush()
    with recorder.accept() as last:
        last.hello()
        assert last.serve().code == 8
    assert process.wait(PATIENCE_S) == 8
    assert process.communicate() == (b"", b"")
