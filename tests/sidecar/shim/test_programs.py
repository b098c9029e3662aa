"""Programs inside a session: each is told before it runs, however it was started."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from shim_peer import PATIENCE_S, TICK_S, GoneError, Recorder, Session
from shim_process import UNPRIVILEGED, Shim, next_program, unanswered, without_calls

from sidecar.contract import handshake
from sidecar.contract.handshake import EXECUTED_ARGV_BYTES, Executed, Exited, Untraced

PTRACE, PRCTL, SET_SECCOMP = "101", "157", "22"
"""Numbers of system calls on x86-64, and a first argument of prctl(2)."""


def programs(session: Session) -> list[Executed]:
    """What was told; the session must have been traced."""
    told = [program for program in session.programs if isinstance(program, Executed)]
    assert told == session.programs
    return told


def command_lines(session: Session) -> list[tuple[bytes, ...]]:
    return [program.argv for program in programs(session)]


def python(script: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-S", "-c", script, *arguments)


def held(name: str) -> int:
    """How many processes of a name stand in a stop of their tracer (proc_pid_stat(5), state t)."""
    states = [stat.rpartition(") ")[2][0] for stat in stats() if f"({name}) " in stat]
    return states.count("t")


def stats() -> Iterator[str]:
    for process in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            yield process.read_text()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(TICK_S)


class TestWhatIsTold:
    """Arguments, file, directory, user and parent as they are."""

    def test_every_program_of_a_script(self, shim: Shim) -> None:
        script = "env -C /tmp sort /dev/null; /bin/true & wait; exit 3"
        outcome = shim.run("sh", "-c", script)
        assert outcome.code == 3
        shell, env, sort, true = programs(outcome.session)
        assert [env.argv, sort.argv, true.argv] == [
            (b"env", b"-C", b"/tmp", b"sort", b"/dev/null"),
            (b"sort", b"/dev/null"),
            (b"/bin/true",),
        ]
        assert shell.argv == (b"sh", b"-c", script.encode())
        assert sort.executable == os.fsencode(os.path.realpath(shutil.which("sort") or ""))
        assert (sort.cwd, sort.uid, sort.pid, sort.parent) == (b"/tmp", os.geteuid(), env.pid, shell.pid)
        assert env.cwd == os.fsencode(Path.cwd())

    def test_any_bytes(self, shim: Shim) -> None:
        odd: list[bytes] = [b"", b"\xff\xfe", b"two\nlines", "é€😀".encode(), b"\x1b[31m", b""]
        outcome = shim.run("/bin/true", *odd)
        assert command_lines(outcome.session) == [(b"/bin/true", *odd)]

    @pytest.mark.parametrize("beyond", [0, 1, 90_000])
    def test_very_long_command_lines_are_cut_and_said_to_be(self, shim: Shim, beyond: int) -> None:
        argument = b"x" * (EXECUTED_ARGV_BYTES - len(b"/bin/true\0\0") + beyond)
        (program,) = programs(shim.run("/bin/true", argument).session)
        assert program.truncated == bool(beyond)
        line = b"/bin/true\0" + argument
        assert b"\0".join(program.argv) == line[: EXECUTED_ARGV_BYTES - (0 if beyond else 1)]

    def test_a_script_shows_its_interpreter(self, released: Shim, tmp_path: Path) -> None:
        script = tmp_path / "script"
        script.write_text("#!/bin/sh -e\nexit 4\n")
        script.chmod(0o755)
        outcome = released.run(str(script), "argument")
        (program,) = programs(outcome.session)
        assert outcome.code == 4
        assert program.executable == os.fsencode(os.path.realpath("/bin/sh"))
        assert program.argv == (b"/bin/sh", b"-e", os.fsencode(script), b"argument")

    def test_the_loader_shows_as_itself(self, released: Shim) -> None:
        loader = next(Path("/").glob("lib64/ld-linux-*.so.*"), None) or next(Path("/lib").glob("ld-*.so.*"))
        outcome = released.run(str(loader), "/bin/echo", "hidden")
        assert outcome.stdout == b"hidden\n"
        (program,) = programs(outcome.session)
        assert program.executable == os.fsencode(os.path.realpath(loader))
        assert program.argv == (os.fsencode(loader), b"/bin/echo", b"hidden")

    def test_another_user_than_the_shims(self, released: Shim) -> None:
        """Root in a container has no CAP_SYS_PTRACE, so files of other users' processes need another way."""
        if os.geteuid():
            pytest.skip("becoming another user takes root")
        before = ("setpriv", "--bounding-set=-sys_ptrace")
        outcome = released.run(*UNPRIVILEGED, "stat", "-c", "%u", "/proc/1", before=before)
        stat = programs(outcome.session)[-1]
        assert outcome.stdout == b"0\n"
        assert stat.uid == 64231
        assert stat.executable == os.fsencode(os.path.realpath(shutil.which("stat") or ""))
        assert stat.cwd == os.fsencode(Path.cwd())

    def test_another_user_in_a_user_namespace_of_its_own(self, released: Shim) -> None:
        """Its links are readable to who owns that, and not to all who have its user for file access."""
        if os.geteuid():
            pytest.skip("becoming another user takes root")
        before = ("setpriv", "--bounding-set=-sys_ptrace")
        outcome = released.run(*UNPRIVILEGED, "unshare", "--user", "env", "-C", "/", "true", before=before)
        true = programs(outcome.session)[-1]
        assert (outcome.code, true.uid, true.cwd) == (0, 64231, b"/")
        assert true.executable == os.fsencode(os.path.realpath(shutil.which("true") or ""))

    @pytest.mark.parametrize("owner", [0, 64231])
    def test_a_directory_that_either_root_or_the_user_may_not_enter(
        self, released: Shim, scratch: Path, owner: int
    ) -> None:
        """It is none of other mounts."""
        if os.geteuid():
            pytest.skip("becoming another user takes root")
        before = ("setpriv", "--bounding-set=-sys_ptrace,-dac_override,-dac_read_search")
        closed = scratch / f"closed-{owner}"
        (closed / "within").mkdir(parents=True)
        closed.chmod(0o700)
        os.chown(closed, owner, owner)
        enter = ("env", "-C", str(closed / "within"))
        line = (*UNPRIVILEGED, *enter) if owner else (*enter, *UNPRIVILEGED)
        outcome = released.run(*line, "true", before=before)
        assert (outcome.code, outcome.stderr) == (0, b"")
        assert programs(outcome.session)[-1].cwd == os.fsencode(closed / "within")

    def test_a_file_nobody_may_read_hides_itself_and_not_its_arguments(
        self, released: Shim, scratch: Path
    ) -> None:
        unreadable = scratch / "unreadable"
        shutil.copy("/bin/true", unreadable)
        unreadable.chmod(0o111)
        (program,) = programs(released.run(str(unreadable), "argument", before=UNPRIVILEGED).session)
        assert (program.executable, program.cwd) == (b"", b"")
        assert program.argv == (os.fsencode(unreadable), b"argument")


class TestNothingHides:
    """Odd ways to start a program."""

    def test_a_file_that_is_only_in_memory(self, released: Shim) -> None:
        script = """
import os
memory = os.memfd_create("secret")
os.write(memory, open("/bin/true", "rb").read())
os.execve(memory, ["kworker/0:1"], {})
"""
        _, hidden = programs(released.run(*python(script)).session)
        assert (hidden.executable, hidden.argv) == (b"/memfd:secret (deleted)", (b"kworker/0:1",))

    def test_a_file_that_is_deleted(self, released: Shim, tmp_path: Path) -> None:
        file = tmp_path / "gone"
        shutil.copy("/bin/true", file)
        script = """
import os, sys
file = os.open(sys.argv[1], os.O_RDONLY)
os.unlink(sys.argv[1])
os.execve(file, ["true"], {})
"""
        _, gone = programs(released.run(*python(script, str(file))).session)
        assert (gone.executable, gone.argv) == (os.fsencode(f"{file} (deleted)"), (b"true",))

    def test_a_file_under_another_name(self, released: Shim, tmp_path: Path) -> None:
        disguised = tmp_path / "ls"
        shutil.copy("/bin/true", disguised)
        script = 'import os, sys; os.execv(sys.argv[1], ["innocent", "--help"])'
        _, program = programs(released.run(*python(script, str(disguised))).session)
        assert (program.executable, program.argv) == (os.fsencode(disguised), (b"innocent", b"--help"))

    def test_vfork(self, shim: Shim, odd: str) -> None:
        outcome = shim.run(odd, "vforks")
        assert outcome.code == 0
        assert command_lines(outcome.session)[1:] == [(odd.encode(), b"nothing")]

    def test_threads_that_exec_at_once(self, shim: Shim, odd: str) -> None:
        for _ in range(5):
            outcome = shim.run(odd, "threads")
            assert outcome.code == 0
            first, second = programs(outcome.session)
            assert (first.pid, second.argv) == (second.pid, (odd.encode(), b"nothing"))

    def test_a_daemon(self, shim: Shim) -> None:
        script = "setsid sh -c 'setsid sh -c \"exec sleep 0.01\" &' & wait; sleep 0.3"
        outcome = shim.run("sh", "-c", script)
        assert (b"sleep", b"0.01") in command_lines(outcome.session)

    def test_ways_out_are_closed(self, shim: Shim, odd: str) -> None:
        """None starts another untraced or shares its directory, nor traces: what a debugger sees."""
        outcome = shim.run(odd, "escapes", before=UNPRIVILEGED)
        assert outcome.stdout.decode().splitlines() == [
            "clone EPERM",
            "clone3 ENOSYS",
            "clone32 EPERM",
            "clone shared EPERM",
            "clone32 shared EPERM",
            "traceme EPERM",
            "attach EPERM",
            "seize shim EPERM",
        ]

    def test_ten_thousand_forks(self, released: Shim, odd: str) -> None:
        outcome = released.run(odd, "forks", "10000")
        assert outcome.code == 0
        assert len(programs(outcome.session)) == 1


class TestWaiting:
    """No instruction of a program before the recorder's word."""

    def test_a_program_does_nothing_before_it(self, shim: Shim) -> None:
        with unanswered(shim, "sh", "-c", "echo started") as session:
            next_program(session)
            os.set_blocking(session.descriptors[-2], False)
            time.sleep(4 * TICK_S)
            with pytest.raises(BlockingIOError):
                os.read(session.descriptors[-2], 100)
            session.say(handshake.proceed())
            assert session.receive() == Exited(0, 0)
            assert os.read(session.descriptors[-2], 100) == b"started\n"

    def test_more_wait_than_the_shim_can_remember(self, shim: Shim, odd: str) -> None:
        """So the rest waits in the kernel, and nobody is forgotten."""
        with unanswered(shim, odd, "crowd", "1100") as session:
            for _ in range(1101):
                next_program(session)
                session.say(handshake.proceed())
            assert session.receive() == Exited(0, 0)

    def test_a_crowd_that_waits_ends_with_its_session(self, shim: Shim, odd: str) -> None:
        with Recorder(shim.socket_path) as recorder:
            process = shim.start(odd, "crowd", "1100", stdin=subprocess.DEVNULL)
            with recorder.accept() as session:
                session.hello()
                session.answers = False
                session.say(handshake.go())
                next_program(session)
                session.say(handshake.proceed())
                next_program(session)
                wait_until(lambda: held("odd") > 1024)
            _, said = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 126
        assert said.startswith(b"chaperone: the recorder is gone, so this session was ended")
        assert said.count(b"\n") == 1

    def test_one_that_is_killed_while_it_waits(self, shim: Shim) -> None:
        with unanswered(shim, "sh", "-c", "sleep 1000; sleep 0; exit 5") as session:
            next_program(session)
            session.say(handshake.proceed())
            waiting = next_program(session)
            os.kill(waiting.pid, signal.SIGKILL)
            time.sleep(2 * TICK_S)
            session.say(handshake.proceed())
            assert next_program(session).argv == (b"sleep", b"0")
            session.say(handshake.proceed())
            assert session.receive() == Exited(5, 0)

    def test_an_order_to_end_reaches_what_waits(self, shim: Shim) -> None:
        with unanswered(shim, "sleep", "1000") as session:
            next_program(session)
            session.say(handshake.terminate(signal.SIGTERM, "over"))
            assert session.receive() == Exited(137, 9)

    def test_a_word_nobody_asked_for_ends_the_session(self, shim: Shim) -> None:
        with unanswered(shim, "sleep", "1000") as session:
            next_program(session)
            session.say(handshake.proceed())
            session.say(handshake.proceed())
            assert session.receive() is None


DENIAL = "'nothing' was not run: by rule p/r\x1b[2J"


class TestDenying:
    """What may not run says so on its own error output and exits as if it could not be executed."""

    def test_a_program_that_is_denied(self, shim: Shim) -> None:
        with unanswered(shim, "sh", "-c", "/bin/echo never 2>&1; echo $?; exec /bin/echo never") as session:
            next_program(session)
            session.say(handshake.proceed())
            for _ in range(2):
                assert next_program(session).argv == (b"/bin/echo", b"never")
                session.say(handshake.deny(DENIAL))
            assert session.receive() == Exited(126, 0)
            said = f"chaperone: {DENIAL}\n".replace("\x1b", " ").encode()
            assert os.read(session.descriptors[-2], 4096) == said + b"126\n"
            assert os.read(session.descriptors[-1], 4096) == said

    def test_static_programs_vfork_and_threads(self, shim: Shim, odd: str) -> None:
        for how in ("vforks", "threads"):
            with unanswered(shim, odd, how) as session:
                next_program(session)
                session.say(handshake.proceed())
                next_program(session)
                session.say(handshake.deny(DENIAL))
                assert session.receive() == Exited(126, 0)
                assert os.read(session.descriptors[-1], 4096).startswith(b"chaperone: 'nothing'")

    def test_the_main_program(self, shim: Shim) -> None:
        with unanswered(shim, "/bin/echo", "never") as session:
            next_program(session)
            session.say(handshake.deny("x" * 5000))
            assert session.receive() == Exited(126, 0)
            assert os.read(session.descriptors[-1], 4096) == b"chaperone: " + b"x" * 1024 + b"\n"

    def test_one_whose_memory_nobody_may_touch_is_killed(self, released: Shim, scratch: Path) -> None:
        unreadable = scratch / "untouchable"
        shutil.copy("/bin/true", unreadable)
        unreadable.chmod(0o111)
        with unanswered(released, str(unreadable), before=UNPRIVILEGED) as session:
            next_program(session)
            session.say(handshake.deny(DENIAL))
            assert session.receive() == Exited(137, 9)


class TestTheShimAsTarget:
    """What a session can do to its shim."""

    def test_whoever_kills_it_ends_everything(self, shim: Shim, tmp_path: Path) -> None:
        pids = tmp_path / "pids"
        script = 'setsid sleep 1000 & echo $! >"$1"; kill -9 $PPID; sleep 1000'
        with Recorder(shim.socket_path) as recorder:
            process = shim.start("sh", "-c", script, "sh", str(pids), stdin=subprocess.DEVNULL)
            with recorder.accept() as session:
                session.hello()
                session.say(handshake.go())
                assert process.wait(PATIENCE_S) == -signal.SIGKILL
            process.communicate(timeout=PATIENCE_S)
        daemon = int(pids.read_text())
        wait_until(lambda: not Path(f"/proc/{daemon}").exists())

    def test_while_it_is_stopped_nothing_begins(self, shim: Shim) -> None:
        with Recorder(shim.socket_path) as recorder:
            process = shim.start("sh", "-c", "kill -STOP $PPID; /bin/echo begun", stdin=subprocess.DEVNULL)
            with recorder.accept() as session:
                session.hello()
                session.say(handshake.go())
                os.set_blocking(session.descriptors[-2], False)
                wait_until(lambda: "State:\tT" in Path(f"/proc/{process.pid}/status").read_text())
                time.sleep(6 * TICK_S)
                with pytest.raises(BlockingIOError):
                    os.read(session.descriptors[-2], 100)
                process.send_signal(signal.SIGCONT)
                assert session.hear_end() == Exited(0, 0)
                assert os.read(session.descriptors[-2], 100) == b"begun\n"
            process.communicate(timeout=PATIENCE_S)


class TestWithoutTracing:
    """Where the kernel or a profile forbids it."""

    def test_the_recorder_is_told_that_it_cannot_see(self, shim: Shim) -> None:
        outcome = shim.run("sh", "-c", "/bin/true; exit 6", before=without_calls(PTRACE))
        assert outcome.code == 6
        assert outcome.session.programs == [Untraced(trace_error=1, filter_error=0)]

    def test_a_way_out_that_cannot_be_closed_is_told(self, shim: Shim) -> None:
        outcome = shim.run("sh", "-c", "exit 6", before=without_calls(f"{PRCTL}:{SET_SECCOMP}"))
        assert outcome.code == 6
        untraced, program = outcome.session.programs
        assert untraced == Untraced(trace_error=0, filter_error=1)
        assert isinstance(program, Executed)

    def test_the_recorder_may_refuse(self, shim: Shim, tmp_path: Path) -> None:
        with unanswered(shim, "touch", str(tmp_path / "ran"), before=without_calls(PTRACE)) as session:
            assert session.receive() == Untraced(trace_error=1, filter_error=0)
            session.say(handshake.refuse("programs must be seen"))
            assert session.receive() is None
        assert not (tmp_path / "ran").exists()


def test_what_cannot_be_looked_at_does_not_run(blind: Shim, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    with Recorder(blind.socket_path) as recorder:
        process = blind.start("touch", str(marker), stdin=subprocess.DEVNULL)
        with recorder.accept() as session:
            session.hello()
            session.say(handshake.go())
            process.wait(PATIENCE_S)
    _, stderr = process.communicate()
    assert (process.returncode, marker.exists()) == (126, False)
    assert stderr.startswith(b"chaperone: it cannot be seen what runs here, so this session was ended")


@pytest.mark.parametrize("limit", range(6))
def test_whoever_takes_its_descriptors_hides_nothing(shim: Shim, limit: int) -> None:
    """The limit of open files of a process is its user's to change (prlimit(2)), the shim's as well."""
    script = f"prlimit --nofile={limit}:{limit} --pid $PPID; env echo hidden; true"
    with Recorder(shim.socket_path) as recorder:
        process = shim.start("sh", "-c", script, stdin=subprocess.DEVNULL)
        with recorder.accept() as session:
            session.hello()
            with contextlib.suppress(GoneError):
                session.serve()
        stdout, _ = process.communicate(timeout=PATIENCE_S)
    if b"hidden" in stdout:
        assert (b"echo", b"hidden") in command_lines(session)
    else:
        assert process.returncode == 126
