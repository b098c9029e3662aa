"""Run inside a session: start programs in ways that could confuse who traces them; each has its own word.

Prints what came of what must fail. A way that this kernel does not have starts nothing.
"""

import contextlib
import ctypes
import json
import mmap
import os
import resource
import shutil
import signal
import struct
import sys
from collections.abc import Callable
from pathlib import Path

CLONE, SECCOMP, PTRACE = 56, 317, 101
"""System calls on x86-64."""
CLONE_PARENT, NEW_LISTENER, NOT_DUMPABLE, NO_NEW_PRIVS = 0x8000, 8, 4, 38
EXECVE_X32, EXECVE_32 = 0x40000000 + 520, 11
ANYWHERE_LOW = 0x40
"""MAP_32BIT."""
NOTICE, ANSWER, GO_ON = 0xC0502100, 0xC0182101, 1
"""SECCOMP_IOCTL_NOTIF_RECV and _SEND, SECCOMP_USER_NOTIF_FLAG_CONTINUE."""
PROCESSES = 40
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
mark = sys.argv[1]
echo = shutil.which("echo") or "/bin/echo"


def in_child(body: Callable[[], object]) -> None:
    pid = os.fork()
    if pid == 0:
        try:
            body()
        finally:
            os._exit(1)
    os.waitpid(pid, 0)


def start(word: str) -> None:
    os.execv(echo, ["ls", f"{mark}-{word}"])


def sibling() -> None:
    """A child of its grandparent."""
    if os.fork() == 0:
        flags = ctypes.c_long(CLONE_PARENT | signal.SIGCHLD)
        if libc.syscall(CLONE, flags, None, None, None, None) == 0:
            start("sibling")
        os._exit(0)
    os.wait()
    os.wait()


def not_dumpable() -> None:
    libc.prctl(NOT_DUMPABLE, 0)
    start("undumpable")


def unreadable() -> None:
    copy = Path(f"/tmp/{mark}.unreadable")
    shutil.copy(echo, copy)
    copy.chmod(0o111)
    os.execv(copy, ["ls", f"{mark}-unreadable"])


def judged_by_ourselves() -> None:
    """Every exec asks a process of the session first, which lets it go on (seccomp_unotify(2))."""
    execve = 59
    rules = [(0x20, 0, 0, 0), (0x15, 0, 1, execve), (0x06, 0, 0, 0x7FC00000), (0x06, 0, 0, 0x7FFF0000)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *each) for each in rules))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(rules), ctypes.addressof(code)))
    libc.prctl(NO_NEW_PRIVS, 1, 0, 0, 0)
    listener = libc.syscall(SECCOMP, ctypes.c_long(1), ctypes.c_long(NEW_LISTENER), program)
    if os.fork() == 0:
        start("notified")
    notice = ctypes.create_string_buffer(80)
    if libc.ioctl(listener, ctypes.c_ulong(NOTICE), notice) == 0:
        identity = struct.unpack_from("Q", notice)[0]
        answer = ctypes.create_string_buffer(struct.pack("QqiI", identity, 0, 0, GO_ON))
        libc.ioctl(listener, ctypes.c_ulong(ANSWER), answer)
        os.wait()


def by_other_calls(number: int, instructions: bytes, width: str, word: str) -> None:
    """execve(2) by the calls of 32-bit programs, which have the arguments in low memory."""
    at: int = libc.mmap(None, 4096, 7, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | ANYWHERE_LOW, -1, 0)
    strings = [echo.encode(), b"ls", f"{mark}-{word}".encode()]
    places: list[int] = []
    data = b""
    for text in strings:
        places.append(at + 1024 + len(data))
        data += text + b"\0"
    ctypes.memmove(at + 1024, data, len(data))
    array = struct.pack(f"3{width}", places[1], places[2], 0)
    ctypes.memmove(at + 2048, array, len(array))
    filled = struct.pack("<BIBIBI", 0xB8, number, 0xBB, places[0], 0xB9, at + 2048)
    if width == "I":
        ctypes.memmove(at, filled + instructions, len(filled + instructions))
        ctypes.CFUNCTYPE(None)(at)()
    else:
        libc.syscall(ctypes.c_long(number), ctypes.c_void_p(places[0]), ctypes.c_void_p(at + 2048), None)


def in_a_storm() -> None:
    """While others are stopped and continued without pause."""
    sleepers: list[int] = []
    for _ in range(8):
        pid = os.fork()
        if pid == 0:
            while True:
                signal.pause()
        sleepers.append(pid)
    starter = os.fork()
    if starter == 0:
        in_child(lambda: start("storm"))
        os._exit(0)
    for _ in range(2000):
        for pid in (*sleepers, starter):
            os.kill(pid, signal.SIGSTOP)
            os.kill(pid, signal.SIGCONT)
    os.waitpid(starter, 0)
    for pid in sleepers:
        os.kill(pid, signal.SIGKILL)


def without_processes() -> None:
    """At the limit of processes, and back below it."""
    with contextlib.suppress(ValueError):
        resource.setrlimit(resource.RLIMIT_NPROC, (PROCESSES, PROCESSES))
    children: list[int] = []
    try:
        while len(children) < 2 * PROCESSES:
            pid = os.fork()
            if pid == 0:
                signal.pause()
            children.append(pid)
    except BlockingIOError:
        pass
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    start("crowded")


for way in (
    sibling,
    not_dumpable,
    unreadable,
    judged_by_ourselves,
    # xor %edx, %edx; int $0x80
    lambda: by_other_calls(EXECVE_32, b"\x31\xd2\xcd\x80", "I", "calls32"),
    lambda: by_other_calls(EXECVE_X32, b"", "I", "x32"),
    in_a_storm,
    without_processes,
):
    in_child(way)
print(json.dumps({"traced by us": libc.syscall(PTRACE, *map(ctypes.c_long, (0, 0, 0, 0)))}))
