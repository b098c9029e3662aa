"""Run inside a session: start programs so that nobody sees which; each has a word to be found by."""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

EXECVEAT, VFORK_CLONE, CLONE, NEW_PIDS, NEW_USER = 322, 0x4111, 56, 0x20000000, 0x10000000
NEW_MOUNTS, BIND = 0x00020000, 4096
"""System calls on x86-64, and flags of clone(2): CLONE_VM, CLONE_VFORK and SIGCHLD."""
EMPTY_PATH = 0x1000
UNTRACED, SHARED_DIRECTORY = 0x00800000, 0x200
libc = ctypes.CDLL(None, use_errno=True)
mark = sys.argv[1]
echo = shutil.which("echo") or "/bin/echo"
interpreter = sys.executable
place = Path(os.environ.get("TMPDIR", "/tmp")) / mark


def in_child(body: Callable[[], object]) -> None:
    pid = os.fork()
    if pid == 0:
        try:
            body()
        finally:
            os._exit(1)
    os.waitpid(pid, 0)


def exec_descriptor(descriptor: int, *argv: bytes) -> None:
    array = (ctypes.c_char_p * (len(argv) + 1))(*argv)
    libc.syscall(
        EXECVEAT, descriptor, b"", ctypes.cast(array, ctypes.c_void_p), None, ctypes.c_long(EMPTY_PATH)
    )


def in_memory() -> None:
    descriptor = os.memfd_create("innocent")
    os.write(descriptor, Path(echo).read_bytes())
    exec_descriptor(descriptor, b"ls", f"{mark}-memory".encode())


def deleted() -> None:
    copy = place.with_suffix(".deleted")
    shutil.copy(echo, copy)
    descriptor = os.open(copy, os.O_RDONLY)
    copy.unlink()
    exec_descriptor(descriptor, b"ls", f"{mark}-deleted".encode())


def renamed() -> None:
    copy = place.with_suffix(".ls")
    shutil.copy(echo, copy)
    os.execv(copy, ["ls", f"{mark}-renamed"])


def script() -> None:
    file = place.with_suffix(".sh")
    file.write_text("#!/bin/sh\nexit 0\n")
    file.chmod(0o755)
    os.execv(file, ["ls", f"{mark}-script"])


def by_loader() -> None:
    loader = next(
        path for path in ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-musl-x86_64.so.1") if Path(path).exists()
    )
    os.execv(loader, ["ls", echo, f"{mark}-loader"])


def other_name() -> None:
    os.execv(echo, ["ls", f"{mark}-name"])


def in_a_thread() -> None:
    execs = f"target=os.execv, args=({echo!r}, ['ls', '{mark}-thread'])"
    code = f"import os, threading; threading.Thread({execs}).start()"
    os.execv(interpreter, [interpreter, "-c", code])


def in_the_background() -> None:
    os.setsid()
    in_child(lambda: os.execv(echo, ["ls", f"{mark}-background"]))


def in_namespaces() -> None:
    if libc.unshare(NEW_USER | NEW_PIDS) == 0:
        in_child(lambda: os.execv(echo, ["ls", f"{mark}-namespaces"]))
    else:
        os.execv(echo, ["ls", f"{mark}-namespaces"])


def in_mounts() -> None:
    """As the file of another program, where one may have mounts of one's own."""
    copy = place.with_suffix(".innocent")
    copy.touch()
    if libc.unshare(NEW_USER | NEW_MOUNTS) or libc.mount(echo.encode(), bytes(copy), None, BIND, None):
        os.execv(echo, ["ls", f"{mark}-mounts"])
    os.execv(copy, ["ls", f"{mark}-mounts"])


def sent_from_mounts() -> None:
    """The same, but opened there by another process and sent to this one, which sees what all see."""
    copy = place.with_suffix(".sent")
    copy.touch()
    ours, its = socket.socketpair()
    if os.fork() == 0:
        failed = libc.unshare(NEW_USER | NEW_MOUNTS)
        failed = failed or libc.mount(echo.encode(), bytes(copy), None, BIND, None)
        socket.send_fds(its, [b"x"], [os.open(echo if failed else copy, os.O_PATH)])
        signal.pause()
    _, (descriptor,), _, _ = socket.recv_fds(ours, 1, 1)
    exec_descriptor(descriptor, b"ls", f"{mark}-sent".encode())


def untraced() -> None:
    given = libc.syscall(CLONE, ctypes.c_long(UNTRACED | 17), None, None, None, None)
    assert given < 0, "a process that nobody sees was born"
    os.execv(echo, ["ls", f"{mark}-untraced"])


def shared() -> None:
    given = libc.syscall(CLONE, ctypes.c_long(SHARED_DIRECTORY | 17), None, None, None, None)
    assert given < 0, "a process was born that this one can move to another directory"
    os.execv(echo, ["ls", f"{mark}-shared"])


for hide in (
    in_memory,
    deleted,
    renamed,
    script,
    by_loader,
    other_name,
    in_a_thread,
    in_the_background,
    in_namespaces,
    in_mounts,
    sent_from_mounts,
    untraced,
    shared,
):
    in_child(hide)
subprocess.run([echo, f"{mark}-spawned"], check=True, close_fds=False)  # posix_spawn(3), a vfork
subprocess.run(["sh", "-c", f"command {echo} {mark}-shell & wait"], check=True)
