"""How sessions end: signals, the recorder's orders, a lost recorder; and nothing that outlives them."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import pytest
from shim_peer import GO, PATIENCE_S, TICK_S, GoneError, Recorder, Session
from shim_process import UNPRIVILEGED, WITHOUT_NEW_CALLS, Shim

from sidecar.contract import handshake
from sidecar.contract.handshake import Executed, Exited

LOST = (
    b"chaperone: the recorder is gone, so this session was ended: nothing runs here unrecorded. Try again\n"
)
FORWARDED = [
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
]
# A daemon as daemon(7) makes one: two forks, a session of its own, streams let go.
DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in range(3):
            os.dup2(os.open("/dev/null", os.O_RDWR), number)
        open(sys.argv[1], "w").write(str(os.getpid()))
        time.sleep(1000)
    os._exit(0)
while not os.path.exists(sys.argv[1]) or not open(sys.argv[1]).read():
    time.sleep(0.01)
print("started", flush=True)
"""
STUBBORN_DAEMON = f"""
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
{DAEMON}
while True:
    signal.pause()
"""
# Each in a session of its own, so that no process group holds them together: a chain that stays, one process
# that becomes another all the time, and a fork bomb. All end by themselves should the shim fail.
SCATTERING = {
    "chain": "for (int n = 0; n < 40; n++) { if (fork()) sleep(10); setsid(); }",
    "hopping": "while (time(NULL) < end) { if (fork()) _exit(0); setsid(); }",
    "bomb": "while (time(NULL) < end) { if (fork() == 0) setsid(); }",
}


class Started:
    """A shim after go, with the program's output at hand."""

    def __init__(self, process: subprocess.Popen[bytes], session: Session) -> None:
        self.process = process
        self.session = session

    def wait_for_output(self, text: bytes) -> None:
        seen = b""
        while text not in seen:
            more = os.read(self.session.descriptors[-2], 65536)
            assert more, f"the program's output ended with {seen!r}"
            seen += more

    def lose_recorder(self) -> None:
        self.session.close()

    def finish(self) -> tuple[int, bytes]:
        """Exit code and error output of the shim itself, with K when the program has ended."""
        with contextlib.suppress(OSError):
            self.session.hear_end()
            self.session.say(handshake.finished())
        return self.outcome()

    def outcome(self) -> tuple[int, bytes]:
        self.process.wait(PATIENCE_S)
        self.session.close()
        _, stderr = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, stderr


@contextlib.contextmanager
def started(
    shim: Shim, *argv: str, before: tuple[str, ...] = (), answers: bool = True, go: bytes = GO
) -> Generator[Started]:
    with Recorder(shim.socket_path) as recorder:
        process = shim.start(*argv, stdin=subprocess.DEVNULL, before=before)
        try:
            with recorder.accept() as session:
                session.hello()
                session.answers = answers
                session.say(go)
                yield Started(process, session)
        finally:
            process.kill()
            process.communicate(timeout=PATIENCE_S)


def parent(pid: int) -> int:
    """The process it is a child of; 0 when it has ended meanwhile."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def ends(pid: int) -> bool:
    """Whether the process ends before patience does."""
    deadline = time.monotonic() + PATIENCE_S
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(TICK_S)
    return not is_running(pid)


def python(script: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-S", "-c", script, *arguments)


@pytest.mark.parametrize("number", FORWARDED)
def test_signals_go_to_the_process_group_of_the_program(shim: Shim, number: signal.Signals) -> None:
    """The shell runs its trap only after its child has ended, so both must have had the signal."""
    child = "sh -c 'echo started; exec sleep 1000'"
    script = f"trap 'echo trapped; exit 9' {number.name[3:]}; {child}; echo not reached"
    with started(shim, "env", "--default-signal", "sh", "-c", script) as at:
        at.wait_for_output(b"started\n")
        at.process.send_signal(number)
        at.wait_for_output(b"trapped\n")
        assert at.finish() == (9, b"")


def test_a_program_ended_by_a_forwarded_signal(shim: Shim) -> None:
    with started(shim, "sh", "-c", "echo started; exec sleep 1000") as at:
        at.wait_for_output(b"started\n")
        at.process.terminate()
        assert at.session.hear() == Exited(143, 15)
        at.session.say(handshake.finished())
        assert at.outcome() == (143, b"")


def test_waits_for_the_recorder_to_deliver_everything(shim: Shim) -> None:
    with started(shim, "true") as at:
        at.session.hear_end()
        with pytest.raises(subprocess.TimeoutExpired):
            at.process.wait(10 * TICK_S)
        at.session.say(handshake.finished())
        assert at.outcome() == (0, b"")


def test_the_recorder_may_leave_right_after_its_last_word(shim: Shim) -> None:
    """With a message of the shim unread, which makes the kernel report ECONNRESET before that word."""
    with started(shim, "sh", "-c", "exit 5", answers=False) as at:
        assert isinstance(at.session.receive(), Executed)
        at.session.say(handshake.proceed())
        assert at.session.connection.recv(1, socket.MSG_PEEK) == b"X"
        at.session.say(handshake.finished())
        at.lose_recorder()
        assert at.outcome() == (5, b"")


def test_an_order_to_end_the_session(shim: Shim) -> None:
    with started(shim, "sh", "-c", "echo started; exec sleep 1000") as at:
        at.wait_for_output(b"started\n")
        at.session.say(handshake.terminate(signal.SIGTERM, "this session was idle for 15 minutes"))
        assert at.finish() == (143, b"chaperone: this session was idle for 15 minutes\n")


def test_what_ignores_the_order_is_killed(shim: Shim, tmp_path: Path) -> None:
    with started(shim, *python(STUBBORN_DAEMON, str(tmp_path / "pid"))) as at:
        at.wait_for_output(b"started\n")
        daemon = int((tmp_path / "pid").read_text())
        at.session.say(handshake.terminate(signal.SIGTERM, "approval withdrawn"))
        at.session.say(handshake.terminate(signal.SIGTERM, "a second order changes nothing"))
        assert at.session.hear() == Exited(137, 9)
        assert not is_running(daemon)
        at.session.say(handshake.finished())
        assert at.outcome() == (137, b"chaperone: approval withdrawn\n")


@pytest.mark.parametrize("number", [0, 200])
def test_an_order_with_an_impossible_signal_kills_all_the_same(shim: Shim, number: int) -> None:
    with started(shim, "sleep", "1000") as at:
        at.session.say(handshake.terminate(number, "over"))
        assert at.finish() == (137, b"chaperone: over\n")


@pytest.mark.parametrize("profile", [(), WITHOUT_NEW_CALLS])
def test_a_lost_recorder_ends_everything(reaper: Shim, tmp_path: Path, profile: tuple[str, ...]) -> None:
    with started(reaper, *python(STUBBORN_DAEMON, str(tmp_path / "pid")), before=profile) as at:
        at.wait_for_output(b"started\n")
        daemon = int((tmp_path / "pid").read_text())
        assert is_running(daemon)
        at.lose_recorder()
        assert at.outcome() == (126, LOST)
        assert not is_running(daemon)


def test_a_recorder_lost_before_all_is_delivered(shim: Shim) -> None:
    with started(shim, "true") as at:
        at.session.hear_end()
        at.lose_recorder()
        assert at.outcome() == (126, LOST)


@pytest.mark.parametrize("packet", [handshake.finished(), handshake.go(), b"?"])
def test_a_recorder_out_of_order_ends_the_session(shim: Shim, packet: bytes) -> None:
    with started(shim, "sleep", "1000") as at:
        at.session.say(packet)
        code, said = at.outcome()
    assert code == 126
    assert said.startswith(b"chaperone: the recorder sent something unknown, so this session was ended. ")


def test_a_client_that_reads_nothing_does_not_hold_the_shim(shim: Shim) -> None:
    with started(shim, "sleep", "1000") as at:
        fill(at.session.descriptors[1])
        at.lose_recorder()
        assert at.process.wait(PATIENCE_S) == 126


def fill(descriptor: int) -> None:
    os.set_blocking(descriptor, False)
    with contextlib.suppress(BlockingIOError):
        while os.write(descriptor, b"x" * 4096):
            pass
    os.set_blocking(descriptor, True)


TRACED_AND_NOT = pytest.mark.parametrize("go", [GO, handshake.go_untraced()], ids=["traced", "untraced"])


@TRACED_AND_NOT
def test_a_daemon_does_not_outlive_its_session(reaper: Shim, tmp_path: Path, go: bytes) -> None:
    with started(reaper, *python(DAEMON, str(tmp_path / "pid")), go=go) as at:
        at.wait_for_output(b"started\n")
        at.session.hear_end()
        daemon = int((tmp_path / "pid").read_text())
        assert is_running(daemon)
        at.session.say(handshake.finished())
        assert at.outcome() == (0, b"")
        assert not is_running(daemon)


def test_orphans_are_reaped_while_the_session_runs(shim: Shim) -> None:
    script = "for n in 1 2 3; do (true &); done; sleep 0.3; echo done; sleep 1000"
    with started(shim, "sh", "-c", script) as at:
        at.wait_for_output(b"done\n")
        processes = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        children = [pid for pid in processes if parent(pid) == at.process.pid]
        at.lose_recorder()
        at.outcome()
    assert len(children) == 1


def test_odd_names_fool_nobody(reaper: Shim, tmp_path: Path) -> None:
    """One process of the session has a name as if it were init's child, one of the application the shim's."""
    disguised = tmp_path / ") S 1 1 1 ("
    disguised.symlink_to("/bin/sleep")
    with started(reaper, "sh", "-c", '"$0" 1000 & echo started; wait', str(disguised)) as at:
        at.wait_for_output(b"started\n")
        innocent = tmp_path / f") S {at.process.pid} ("
        innocent.symlink_to("/bin/sleep")
        with subprocess.Popen([innocent, "1000"]) as application:
            at.lose_recorder()
            assert at.outcome() == (126, LOST)
            assert application.poll() is None
            application.kill()


def compile_scattering(body: str, out: Path) -> Path:
    source = out.with_suffix(".c")
    source.write_text(
        "#include <time.h>\n#include <unistd.h>\nint main(void) { time_t end = time(NULL) + 10;"
        f'if (write(1, "started\\n", 8) != 8) return 1; if (fork()) sleep(10); {body} }}'
    )
    subprocess.run(["musl-gcc", "-static", "-o", str(out), str(source)], check=True)
    return out


@pytest.mark.parametrize("how", SCATTERING)
def test_processes_that_scatter_are_all_ended(reaper: Shim, scratch: Path, how: str) -> None:
    """Bounded by a limit of processes, as in a pod. The pipe ends when the last of them is gone."""
    program = compile_scattering(SCATTERING[how], scratch / how)
    with started(reaper, str(program), before=(*UNPRIVILEGED, "prlimit", "--nproc=100:100")) as at:
        at.wait_for_output(b"started\n")
        time.sleep(4 * TICK_S)
        held = os.dup(at.session.descriptors[-2])
        at.lose_recorder()
        assert at.outcome() == (126, LOST)
        assert os.read(held, 65536) == b""
        os.close(held)


@TRACED_AND_NOT
def test_whoever_kills_the_shim_ends_the_program(shim: Shim, go: bytes) -> None:
    with started(shim, "sh", "-c", "echo $$; exec sleep 1000", go=go) as at:
        program = int(os.read(at.session.descriptors[-2], 100))
        at.process.kill()
        assert ends(program)
        with pytest.raises(GoneError):
            at.session.hear()


def test_the_shim_cannot_be_ended_by_other_signals(shim: Shim) -> None:
    with started(shim, "sh", "-c", "echo started; exec sleep 1000") as at:
        at.wait_for_output(b"started\n")
        for number in (signal.SIGALRM, signal.SIGTSTP, signal.SIGPIPE, signal.SIGTTOU, signal.SIGVTALRM):
            at.process.send_signal(number)
        at.process.terminate()
        assert at.finish() == (143, b"")
