"""Others who meddle with a program before its start: by tracing it, or by changing what it was told of."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from live_recorder import wait_until
from shim_peer import PATIENCE_S, Recorder
from shim_process import TRACED, Shim, next_program, unanswered

from sidecar.contract import handshake
from sidecar.contract.handshake import Executed, Exited

_ARGUMENTS_BEGIN = 48
"""The field of proc_pid_stat(5) with the address of a program's arguments."""


def rewrite(pid: int, old: bytes, new: bytes) -> None:
    """Write over the arguments of a process that stands (proc_pid_mem(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    begin = int(fields[_ARGUMENTS_BEGIN - 3])
    at = Path(f"/proc/{pid}/cmdline").read_bytes().index(old)
    with Path(f"/proc/{pid}/mem").open("r+b", buffering=0) as memory:
        os.pwrite(memory.fileno(), new, begin + at)


def test_arguments_that_were_changed_while_a_program_waited_do_not_run(shim: Shim) -> None:
    with unanswered(shim, "sh", "-c", "echo ran; env true harmless; exit $?") as session:
        next_program(session)
        session.say(handshake.proceed())
        waiting = next_program(session)
        assert waiting.argv == (b"env", b"true", b"harmless")
        rewrite(waiting.pid, b"true\0harmless", b"touch\0/stolen")
        session.say(handshake.proceed())
        assert session.receive() == Exited(126, 0)
        assert b"changed the arguments" in os.read(session.descriptors[-1], 1000)


def test_a_denied_program_that_is_held_up_ends_unrun(shim: Shim) -> None:
    """Stopped before it could say why not, it could be changed so that it runs."""
    with unanswered(shim, "sh", "-c", "env true; exit $?") as session:
        next_program(session)
        session.say(handshake.proceed())
        os.kill(next_program(session).pid, signal.SIGSTOP)
        session.say(handshake.deny("not here"))
        assert session.receive() == Exited(128 + signal.SIGKILL, 0)


def test_arguments_of_any_length_pass_as_they_are(shim: Shim) -> None:
    outcome = shim.run("true", "", "x" * 50_000, "")
    assert outcome.code == 0
    [program] = outcome.session.programs
    assert isinstance(program, Executed)
    assert program.truncated


def test_whoever_traces_the_program_before_the_shim_is_noticed(shim: Shim, tmp_path: Path) -> None:
    """Its programs would not be seen; that a kernel forbids tracing is something else, and told."""
    before = TRACED
    with Recorder(shim.socket_path) as recorder:
        process = shim.start("touch", str(tmp_path / "ran"), stdin=subprocess.DEVNULL, before=before)
        with recorder.accept() as session:
            session.hello()
            session.say(handshake.go())
            assert session.receive() is None
        _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 126
    assert b"another process traces the program" in said
    assert not (tmp_path / "ran").exists()


IN_ITS_OWN_MOUNTS = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
evil, innocent = map(os.fsencode, sys.argv[1:])
if libc.unshare(0x10000000 | 0x20000) or libc.mount(evil, innocent, None, 4096, None):
    raise OSError(ctypes.get_errno(), "unshare or mount")
os.execv(innocent, ["innocent"])
"""
"""CLONE_NEWUSER, CLONE_NEWNS and MS_BIND: the first argument is mounted over the second, which runs."""


def test_a_file_that_only_ones_own_mounts_show_there_is_told_as_such(shim: Shim, tmp_path: Path) -> None:
    evil, innocent = tmp_path / "evil", tmp_path / "innocent"
    for file, source in ((evil, "/bin/true"), (innocent, "/bin/false")):
        shutil.copy(source, file)
    outcome = shim.run(sys.executable, "-S", "-c", IN_ITS_OWN_MOUNTS, str(evil), str(innocent))
    assert (outcome.code, outcome.stderr) == (0, b"")
    python, ran = outcome.session.programs
    assert isinstance(python, Executed)
    assert isinstance(ran, Executed)
    assert not python.executable.endswith(b")")
    assert ran.executable == f"{innocent} (in other mounts)".encode()
    assert ran.cwd == f"{Path.cwd()} (in other mounts)".encode()
    assert ran.argv == (b"innocent",)


SENT_FROM_OTHER_MOUNTS = """
import ctypes, os, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
evil, innocent = map(os.fsencode, sys.argv[1:3])
ours, its = socket.socketpair()
sender = os.fork()
if sender == 0:
    if libc.unshare(0x10000000 | 0x20000) or libc.mount(evil, innocent, None, 4096, None):
        raise OSError(ctypes.get_errno(), "unshare or mount")
    if len(sys.argv) > 3:
        os.unlink(evil)
    socket.send_fds(its, [b"x"], [os.open(innocent, os.O_PATH), os.open(".", os.O_PATH)])
    os.read(its.fileno(), 1)
_, (file, directory), _, _ = socket.recv_fds(ours, 1, 2)
os.fchdir(directory)
os.execve(file, ["innocent"], {})
"""
"""The same by a process that stays in all others' mounts: another one sends it file and directory."""


@pytest.mark.parametrize(("more", "told"), [((), "in other mounts"), (("unlink",), "deleted")])
def test_a_file_that_came_from_other_mounts_is_told_as_such(
    shim: Shim, tmp_path: Path, more: tuple[str, ...], told: str
) -> None:
    evil, innocent = tmp_path / "evil", tmp_path / "innocent"
    for file, source in ((evil, "/bin/true"), (innocent, "/bin/false")):
        shutil.copy(source, file)
    arguments = (str(evil), str(innocent), *more)
    outcome = shim.run(sys.executable, "-S", "-c", SENT_FROM_OTHER_MOUNTS, *arguments)
    assert (outcome.code, outcome.stderr) == (0, b"")
    _, ran = outcome.session.programs
    assert isinstance(ran, Executed)
    assert ran.executable == f"{innocent} ({told})".encode()
    assert ran.cwd == f"{Path.cwd()} (in other mounts)".encode()


BY_ANOTHERS_ROOT = """
mkfifo "$1"
unshare -Ur -m sh -c 'mount --bind "$2" "$3" && echo >"$1" && exec sleep 1000' sh "$@" &
read -r _ <"$1"
"/proc/$!/root$3"
"""
"""As in a pod whose containers share their processes: no mount takes place where the program starts."""


def test_a_file_below_anothers_root_is_told_as_such(shim: Shim, tmp_path: Path) -> None:
    evil, innocent = tmp_path / "evil", tmp_path / "innocent"
    for file, source in ((evil, "/bin/true"), (innocent, "/bin/false")):
        shutil.copy(source, file)
    words = (str(tmp_path / "ready"), str(evil), str(innocent))
    outcome = shim.run("sh", "-c", BY_ANOTHERS_ROOT, "sh", *words)
    assert (outcome.code, outcome.stderr) == (0, b"")
    programs = [one for one in outcome.session.programs if isinstance(one, Executed)]
    [ran] = [one for one in programs if one.argv[0].endswith(b"/root" + bytes(innocent))]
    assert ran.executable == f"{innocent} (in other mounts)".encode()


def test_a_program_under_another_root_is_told_as_such(shim: Shim, odd: str, tmp_path: Path) -> None:
    """Of one that was opened before, neither its file nor its arguments would say so."""
    if os.geteuid():
        pytest.skip("another root takes root")
    outcome = shim.run(odd, "rooted", str(tmp_path))
    assert outcome.code == 0
    _, ran = outcome.session.programs
    assert isinstance(ran, Executed)
    assert ran.executable == f"{odd} (in other mounts)".encode()
    assert ran.cwd == f"{Path.cwd()} (in other mounts)".encode()
    assert ran.argv == (odd.encode(), b"nothing")


WORKS_ON = """
import os, signal, sys, time
os.kill(os.getppid(), signal.SIGSTOP)
with open(sys.argv[1], "w") as works:
    works.write(str(os.getpid()))
while True:
    time.sleep(0.01)
"""


def test_what_runs_under_a_stopped_shim_ends_though_nobody_lets_it_go_on(
    impatient: Shim, tmp_path: Path
) -> None:
    """Neither an order to end nor the end of the recorder reaches a shim that is stopped."""
    works = tmp_path / "works"
    with Recorder(impatient.socket_path) as recorder:
        program = (sys.executable, "-S", "-c", WORKS_ON, str(works))
        process = impatient.start(*program, stdin=subprocess.DEVNULL)
        with recorder.accept() as session:
            session.hello()
            session.say(handshake.go())
            wait_until(lambda: works.exists() and works.read_text(), "a program that works on")
            session.say(handshake.terminate(signal.SIGTERM, "over"))
        assert process.wait(PATIENCE_S) == -signal.SIGKILL
        process.communicate(timeout=PATIENCE_S)
    wait_until(lambda: not Path(f"/proc/{works.read_text()}").exists(), "its end")


def test_a_shim_with_nothing_to_do_lives_on(impatient: Shim) -> None:
    outcome = impatient.run("sh", "-c", "sleep 5; exit 3")
    assert outcome.code == 3
