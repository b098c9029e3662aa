"""Sessions at a terminal: the outer one raw, the inner one like it, sizes, job control."""

import contextlib
import subprocess
import sys
import termios
import time
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from shim_peer import PATIENCE_S, Recorder, Session
from shim_process import Shim
from shim_terminal import Client

from sidecar.contract import handshake
from sidecar.contract.handshake import ExecFailed, Executed, Exited, Hello, Resized, ShimMessage, WindowSize

SHELL = ("env", "PS1=ready> ", "sh", "-i")
REPORT_SIZES = """
import os, signal, sys
def report(*_):
    print("size", *os.get_terminal_size(), flush=True)
signal.signal(signal.SIGWINCH, report)
report()
while True:
    signal.pause()
"""
JOB = """
import signal
signal.signal(signal.SIGCONT, lambda *_: print("going on", flush=True))
print("started", flush=True)
while True:
    signal.pause()
"""
CONTROLS_TERMINAL = """
import os
terminal = os.open("/dev/tty", os.O_RDWR)
os.write(terminal, b"%r" % (os.ttyname(0) == os.ttyname(1) == os.ttyname(2)))
print(os.tcgetpgrp(terminal) == os.getpid() == os.getsid(0))
"""


@dataclass(frozen=True)
class Running:
    """A session at a terminal while it runs."""

    process: subprocess.Popen[bytes]
    client: Client
    session: Session
    hello: Hello
    served: Future[Exited]

    def end(self) -> int:
        """The exit code, once program and recorder are done."""
        self.served.result(PATIENCE_S)
        return self.process.wait(PATIENCE_S)


@contextlib.contextmanager
def running(shim: Shim, *argv: str, client: Client | None = None) -> Generator[Running]:
    with Recorder(shim.socket_path) as recorder, client or Client() as at, ThreadPoolExecutor(1) as recording:
        process = at.start(shim, *argv)
        with recorder.accept() as session:
            hello = session.hello()
            served = recording.submit(session.serve)
            try:
                yield Running(process, at, session, hello, served)
            finally:
                process.kill()
                process.wait(PATIENCE_S)
                served.exception(PATIENCE_S)


@pytest.mark.parametrize("code", [0, 7])
def test_exits_with_the_code_of_the_program(shim: Shim, code: int) -> None:
    with running(shim, "sh", "-c", f"echo done; exit {code}") as at:
        assert at.end() == code
        assert at.client.wait_for(b"done\r\n") == b"done\r\n"


def test_hands_over_two_descriptors_and_the_size(shim: Shim) -> None:
    with running(shim, "true", client=Client(rows=50, cols=132)) as at:
        assert at.hello.header.tty
        assert at.hello.header.descriptors == 2
        assert at.hello.header.size == WindowSize(50, 132, 1056, 800)
        at.end()


def test_the_inner_terminal_controls_the_program(shim: Shim) -> None:
    with running(shim, sys.executable, "-c", CONTROLS_TERMINAL) as at:
        assert at.end() == 0
        assert at.client.rest() == b"TrueTrue\r\n"


def test_the_inner_terminal_starts_with_the_settings_and_size_of_the_outer(shim: Shim) -> None:
    client = Client(rows=33, cols=99)
    settings = termios.tcgetattr(client.slave)
    settings[6][termios.VERASE] = b"\x15"
    settings[6][termios.VKILL] = b"\x0b"
    settings[3] &= ~termios.ECHOE
    termios.tcsetattr(client.slave, termios.TCSANOW, settings)
    with running(shim, "sh", "-c", "stty size; stty -a", client=client) as at:
        at.end()
        screen = at.client.rest()
    assert screen.startswith(b"33 99\r\n")
    assert b"erase = ^U" in screen
    assert b"kill = ^K" in screen
    assert b"-echoe" in screen


def test_the_outer_terminal_is_raw_and_exclusive_while_the_session_lasts(shim: Shim) -> None:
    with running(shim, "cat") as at:
        assert at.client.is_raw()
        assert at.client.is_exclusive()
        at.client.type(b"once\n")
        at.client.wait_for(b"once\r\nonce\r\n")
        at.client.type(b"\x04")
        assert at.end() == 0
        assert not at.client.is_raw()
        assert not at.client.is_exclusive()


def test_what_is_typed_before_the_verdict_is_echoed_once(shim: Shim) -> None:
    with Recorder(shim.socket_path) as recorder, Client() as client, ThreadPoolExecutor(1) as recording:
        process = client.start(shim, "cat")
        with recorder.accept() as session:
            session.hello()
            client.type(b"early\n\x04")
            served = recording.submit(session.serve)
            assert process.wait(PATIENCE_S) == 0
            served.result(PATIENCE_S)
        assert client.rest() == b"early\r\nearly\r\n"


def test_sizes_reach_recorder_and_program(shim: Shim) -> None:
    with running(shim, sys.executable, "-c", REPORT_SIZES) as at:
        at.client.wait_for(b"size 80 24\r\n")
        at.client.resize(40, 120)
        at.client.wait_for(b"size 120 40\r\n")
        at.client.resize(10, 20)
        at.client.wait_for(b"size 20 10\r\n")
        at.client.type(b"\x03")
        at.end()
    *sizes, end = at.session.messages
    assert sizes == [Resized(WindowSize(40, 120, 960, 640)), Resized(WindowSize(10, 20, 160, 160))]
    assert isinstance(end, Exited)


def test_a_size_that_changed_before_the_verdict_is_told_after_it(shim: Shim) -> None:
    with Recorder(shim.socket_path) as recorder, Client() as client:
        process = client.start(shim, "sleep", "60")
        with recorder.accept() as session:
            assert session.hello().header.size == WindowSize(24, 80, 640, 384)
            client.resize(30, 100)
            session.say(handshake.go())
            assert session.hear() == Resized(WindowSize(30, 100, 800, 480))
            process.terminate()
            assert session.hear_end() == Exited(143, 15)
            session.say(handshake.finished())
            assert process.wait(PATIENCE_S) == 143


def test_a_storm_of_sizes_ends_with_the_last(shim: Shim) -> None:
    """More than the socket holds while the recorder does not read, and the end of the program after it."""
    storm = 1000
    with Recorder(shim.socket_path) as recorder, Client() as client:
        process = client.start(shim, "sleep", "60")
        with recorder.accept() as session:
            session.hello()
            session.answers = False  # reads nothing meanwhile
            session.say(handshake.go())
            while not isinstance(session.receive(), Executed):
                pass
            session.say(handshake.proceed())
            for number in range(storm):
                client.resize(10 + number % 50, 100)
                time.sleep(0.002)  # signals that are pending already are not counted (signal(7))
            client.resize(61, 161)
            process.terminate()
            sizes: list[ShimMessage] = []
            while isinstance(message := session.receive(), Resized):
                sizes.append(message)
            assert message == Exited(143, 15)
            session.say(handshake.finished())
            assert process.wait(PATIENCE_S) == 143
    assert len(sizes) < storm
    assert sizes[-1] == Resized(WindowSize(61, 161, 1288, 976))


def test_job_control_in_an_interactive_shell(shim: Shim, tmp_path: Path) -> None:
    job = tmp_path / "job.py"
    job.write_text(JOB)
    with running(shim, *SHELL) as at:
        client = at.client
        client.wait_for(b"ready> ")
        client.type(f"{sys.executable} {job}\n".encode())
        client.wait_for(b"started\r\n")
        client.type(b"\x1a")
        client.wait_for(b"ready> ")
        client.type(b"jobs; fg\n")
        client.wait_for(b"Stopped")
        client.wait_for(b"going on\r\n")
        client.type(b"\x03")
        client.wait_for(b"ready> ")
        client.type(b"echo interrupted: $?\n")
        client.wait_for(b"interrupted: 130\r\n")
        client.type(b"exit 5\n")
        assert at.end() == 5


def test_the_end_of_input_ends_an_interactive_shell(shim: Shim) -> None:
    with running(shim, *SHELL) as at:
        at.client.wait_for(b"ready> ")
        at.client.type(b"\x04")
        assert at.end() == 0


def test_a_program_that_is_not_there_is_said_on_the_inner_terminal(shim: Shim) -> None:
    with running(shim, "no-such-program") as at:
        assert at.end() == 127
        assert at.client.rest() == b"chaperone: 'no-such-program' not found in this container's PATH\r\n"
    assert at.session.messages == [ExecFailed(2), Exited(127, 0)]


def test_a_background_process_does_not_keep_the_session(shim: Shim) -> None:
    with running(shim, "sh", "-c", "trap '' HUP; sleep 1000 & echo started") as at:
        assert at.end() == 0
        assert at.client.rest() == b"started\r\n"


def test_a_refusal_leaves_the_terminal_as_it_was(shim: Shim) -> None:
    with Recorder(shim.socket_path) as recorder, Client() as client:
        process = client.start(shim, "sh")
        with recorder.accept() as session:
            session.hello()
            assert client.is_raw()
            session.say(handshake.refuse("not now"))
        assert process.wait(PATIENCE_S) == 126
        assert not client.is_raw()
        assert not client.is_exclusive()
        assert client.rest() == b"chaperone: not now\r\n"


def test_a_lost_recorder_is_said_on_the_terminal(shim: Shim) -> None:
    with Recorder(shim.socket_path) as recorder, Client() as client:
        process = client.start(shim, "sleep", "1000")
        with recorder.accept() as session:
            session.hello()
            session.say(handshake.go())
        assert process.wait(PATIENCE_S) == 126
        assert client.rest() == (
            b"chaperone: the recorder is gone, so this session was ended: "
            b"nothing runs here unrecorded. Try again\r\n"
        )


def test_a_container_without_terminals(shim: Shim, recorder: Recorder) -> None:
    without = ("unshare", "-rm", "sh", "-c", 'mount --bind /dev/null /dev/ptmx; exec "$@"', "sh")
    with Client() as client:
        process = client.start(shim, "sh", before=without)
        assert process.wait(PATIENCE_S) == 126
        said = client.rest()
    assert said.startswith(b"chaperone: cannot open a terminal for the program (/dev/ptmx): ")
    assert said.endswith(b"; nothing was run. Without -t, as in kubectl exec -i, none is needed\r\n")
