"""The shim compiled for tests, and ways to start it."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from shim_peer import GO, PATIENCE_S, Recorder, Session

from sidecar.contract import handshake
from sidecar.contract.handshake import Executed, Exited, Hello

SOURCES = Path(__file__).parents[2] / "sidecar" / "shim"
SANITIZED = "-g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"
BUILDS = {
    "released": ["CC=musl-gcc"],
    "listless": ["CC=musl-gcc", "CFLAGS=-Os -DCHILDREN_LIST='\"/proc/absent\"'"],
    "impatient": ["CC=musl-gcc", "CFLAGS=-Os -DSTOPPED_MAX_MS=2000"],
    "blind": ["CC=musl-gcc", "CFLAGS=-Os -DPROCESSES='\"/absent\"'"],
    "sanitized": ["CC=gcc", f"CFLAGS={SANITIZED}", "LINKING="],
}

_USER = 64231
"""A user nobody else is, so that its limit of processes counts only the test's."""
UNPRIVILEGED = (
    "setpriv",
    "--no-new-privs",
    *(
        [f"--reuid={_USER}", f"--regid={_USER}", "--clear-groups", "--bounding-set=-all"]
        if os.geteuid() == 0
        else []
    ),
)
"""Runs the rest of its arguments as an ordinary user, as `restricted` Pod Security has it."""

_WITHOUT_CALLS = """
import ctypes, os, struct, sys
load, equal, end = 0x20, 0x15, 0x06
denied = 0x00050000 | 1
filters = []
for call in sys.argv[1].split(","):
    number, _, first = call.partition(":")
    filters += [(load, 0, 0, 0), (equal, 0, 3 if first else 1, int(number))]
    filters += [(load, 0, 0, 16), (equal, 0, 1, int(first))] if first else []
    filters += [(end, 0, 0, denied)]
filters += [(end, 0, 0, 0x7FFF0000)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *each) for each in filters))
program = struct.pack("HxxxxxxP", len(filters), ctypes.addressof(code))
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.c_char_p(program), 0, 0):
    raise OSError(ctypes.get_errno(), "prctl")
os.execvp(sys.argv[2], sys.argv[2:])
"""


def without_calls(*calls: str) -> tuple[str, ...]:
    """Run the rest of the arguments under a seccomp filter (seccomp(2)) that denies system calls.

    A call is its number, or ``number:first`` with its first argument.
    """
    return (sys.executable, "-S", "-c", _WITHOUT_CALLS, ",".join(calls))


TRACING = """
import ctypes, os, signal, sys
libc = ctypes.CDLL(None, use_errno=True)
def ptrace(*arguments):
    return libc.ptrace(*map(ctypes.c_long, arguments))
first = os.fork()
if first == 0:
    ptrace(0, 0, 0, 0)  # PTRACE_TRACEME
    os.kill(os.getpid(), signal.SIGSTOP)
    os.execvp(sys.argv[1], sys.argv[1:])
os.waitpid(first, 0)
ptrace(0x4200, first, 0, 2 | 0x100000)  # PTRACE_SETOPTIONS: TRACEFORK, EXITKILL
ptrace(7, first, 0, 0)  # PTRACE_CONT
while True:
    pid, status = os.waitpid(-1, 0x40000000)  # __WALL
    if os.WIFSTOPPED(status):
        heard = os.WSTOPSIG(status)
        ptrace(7, pid, 0, 0 if heard in (signal.SIGTRAP, signal.SIGSTOP) else heard)
    elif pid == first:
        sys.exit(os.waitstatus_to_exitcode(status))
"""

TRACED = (sys.executable, "-S", "-c", TRACING)
"""Runs the rest of its arguments traced (ptrace(2)) by another process of theirs, as a debugger does."""

WITHOUT_NEW_CALLS = without_calls("424", "436")
"""Without pidfd_send_signal and close_range, as under a container profile older than these calls."""


def compile_shim(out: Path, socket_path: Path, build: str) -> Path:
    """Compile with the flags of the Makefile, the socket path compiled in."""
    compiler = BUILDS[build][0].removeprefix("CC=")
    if not shutil.which(compiler):
        raise FileNotFoundError(f"{compiler} is missing: install the Debian packages musl-tools and gcc")
    command = ["make", "-B", "-C", str(SOURCES), f"OUT={out}", f"SOCKET_PATH={socket_path}", *BUILDS[build]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out


@dataclass(frozen=True)
class Outcome:
    """What the client of a finished session saw, and what the recorder was told."""

    code: int
    stdout: bytes
    stderr: bytes
    hello: Hello
    end: Exited
    session: Session


@dataclass(frozen=True)
class Shim:
    """A compiled shim, the path it dials, and how to start it."""

    path: Path
    socket_path: Path

    def command(self, *argv: str | bytes, grant: str = "grant", flag: str = "--") -> list[str | bytes]:
        return [str(self.path), grant, flag, *argv]

    def start(
        self, *argv: str | bytes, stdin: int = subprocess.PIPE, before: tuple[str, ...] = ()
    ) -> subprocess.Popen[bytes]:
        """Start it on pipes; `before` is a command that execs the rest of its arguments."""
        return subprocess.Popen(
            [*before, *self.command(*argv)],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(
        self,
        *argv: str | bytes,
        stdin: int = subprocess.PIPE,
        given: bytes | None = None,
        before: tuple[str, ...] = (),
        go: bytes = GO,
    ) -> Outcome:
        """A whole session on pipes, with a recorder that lets everything pass; ``go`` as it says it."""
        with Recorder(self.socket_path) as recorder, ThreadPoolExecutor(1) as client:
            process = self.start(*argv, stdin=stdin, before=before)
            seen = client.submit(process.communicate, given, timeout=4 * PATIENCE_S)
            with recorder.accept() as session:
                hello = session.hello()
                end = session.serve(go)
            stdout, stderr = seen.result()
        return Outcome(process.returncode, stdout, stderr, hello, end, session)

    def run_alone(self, *argv: str | bytes) -> subprocess.CompletedProcess[bytes]:
        """Start it where no session is expected to begin."""
        return subprocess.run(
            self.command(*argv),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
        )


@contextlib.contextmanager
def unanswered(shim: Shim, *argv: str, before: tuple[str, ...] = ()) -> Generator[Session]:
    """A session whose programs wait for what the test says."""
    with Recorder(shim.socket_path) as recorder:
        process = shim.start(*argv, stdin=subprocess.DEVNULL, before=before)
        try:
            with recorder.accept() as session:
                session.hello()
                session.answers = False
                session.say(handshake.go())
                yield session
        finally:
            process.kill()
            process.communicate(timeout=PATIENCE_S)


def next_program(session: Session) -> Executed:
    """The program that the session waits to hear about."""
    message = session.receive()
    assert isinstance(message, Executed)
    return message
