"""A container made from nothing: one static program, the shim, and what every runtime mounts."""

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from shim_peer import PATIENCE_S, Recorder
from shim_process import compile_shim
from shim_terminal import Client

from sidecar.contract.handshake import Exited

PROGRAM = """
#include <unistd.h>
int main(void) { return write(1, isatty(0) ? "terminal\\n" : "pipe\\n", isatty(0) ? 9 : 5) < 0 ? 1 : 7; }
"""
# A runtime in short: /proc, a pty instance and a root of its own, read-only.
RUNTIME = """
set -e
root=$1; shift
mount --rbind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
mount --bind /dev/null "$root/dev/null"
mount -o remount,bind,ro "$root"
exec chroot "$root" "$@"
"""


@dataclass(frozen=True)
class Container:
    """A root directory, and how to run something in it."""

    root: Path

    @property
    def socket_path(self) -> Path:
        return self.root / ".chaperone" / "sock"

    def enter(self) -> tuple[str, ...]:
        namespaces = ("unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child")
        return (*namespaces, "sh", "-c", RUNTIME, "sh", str(self.root))


@pytest.fixture
def container(scratch: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    """Made with the shim at the path it has in pods, so with the socket path of the release."""
    root = scratch / "root"
    for directory in (".chaperone", "proc", "dev/pts"):
        (root / directory).mkdir(parents=True)
    (root / "dev" / "null").touch()
    (root / "dev" / "ptmx").symlink_to("pts/ptmx")
    source = tmp_path_factory.mktemp("program") / "program.c"
    source.write_text(PROGRAM)
    subprocess.run(["musl-gcc", "-static", "-o", str(root / "program"), str(source)], check=True)
    compile_shim(root / ".chaperone" / "shim", Path("/.chaperone/sock"), "released").chmod(0o111)
    yield Container(root)
    subprocess.run(["rm", "-r", str(root)], check=True)


def command(container: Container, *argv: str) -> list[str]:
    return [*container.enter(), "/.chaperone/shim", "grant", "--", *argv]


def test_runs_a_program_on_pipes(container: Container) -> None:
    with Recorder(container.socket_path) as recorder, ThreadPoolExecutor(1) as client:
        process = subprocess.Popen(
            command(container, "/program"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        seen = client.submit(process.communicate, timeout=PATIENCE_S)
        with recorder.accept() as session:
            assert session.hello().argv == (b"/program",)
            assert session.serve() == Exited(7, 0)
        assert seen.result() == (b"pipe\n", b"")
    assert process.returncode == 7


def test_runs_a_program_at_a_terminal(container: Container) -> None:
    with Recorder(container.socket_path) as recorder, Client() as client:
        process = client.start_command(command(container, "/program"))
        with recorder.accept() as session:
            assert session.hello().header.tty
            assert session.serve() == Exited(7, 0)
        assert process.wait(PATIENCE_S) == 7
        assert client.rest() == b"terminal\r\n"


def test_says_when_there_is_no_such_program(container: Container) -> None:
    with Recorder(container.socket_path) as recorder, ThreadPoolExecutor(1) as client:
        process = subprocess.Popen(
            command(container, "sh", "-c", "true"), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        seen = client.submit(process.communicate, timeout=PATIENCE_S)
        with recorder.accept() as session:
            session.hello()
            assert session.serve() == Exited(127, 0)
        assert seen.result()[1] == b"chaperone: 'sh' not found in this container's PATH\n"
    assert process.returncode == 127
