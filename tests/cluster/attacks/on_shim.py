"""Run inside a session: try to get at the shim that guards it, and say what came of each try."""

import ctypes
import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

PTRACE, PROCESS_VM_READV, PROCESS_VM_WRITEV, PIDFD_OPEN, PIDFD_GETFD = 101, 310, 311, 434, 438
"""System calls on x86-64."""
ATTACH, SEIZE = 16, 0x4206
"""Requests of ptrace(2)."""
libc = ctypes.CDLL(None, use_errno=True)
shim = os.getppid()


def call(*arguments: int) -> int:
    given = libc.syscall(*map(ctypes.c_long, arguments))
    if given < 0:
        raise OSError(ctypes.get_errno(), "")
    return given


def open_for_writing(name: str) -> Callable[[], object]:
    return lambda: os.open(f"/proc/{shim}/{name}", os.O_WRONLY | os.O_NOCTTY)


def open_for_reading(name: str) -> Callable[[], object]:
    return lambda: os.open(f"/proc/{shim}/{name}", os.O_RDONLY | os.O_NOCTTY)


def take_descriptor() -> None:
    call(PIDFD_GETFD, call(PIDFD_OPEN, shim, 0), 2, 0)


def move_memory(number: int) -> Callable[[], object]:
    room = ctypes.create_string_buffer(8)
    ours = (ctypes.c_void_p * 2)(ctypes.addressof(room), 8)
    theirs = (ctypes.c_void_p * 2)(0x400000, 8)
    return lambda: call(number, shim, ctypes.addressof(ours), 1, ctypes.addressof(theirs), 1, 0)


tries: dict[str, Callable[[], object]] = {
    "attach": lambda: call(PTRACE, ATTACH, shim, 0, 0),
    "seize": lambda: call(PTRACE, SEIZE, shim, 0, 0),
    "read memory": move_memory(PROCESS_VM_READV),
    "write memory": move_memory(PROCESS_VM_WRITEV),
    "take a descriptor": take_descriptor,
    "list descriptors": lambda: list(Path(f"/proc/{shim}/fd").iterdir()),
    "follow its directory": Path(f"/proc/{shim}/cwd").readlink,
    **{f"write {name}": open_for_writing(name) for name in ("mem", "fd/0", "fd/1", "fd/2")},
    **{f"read {name}": open_for_reading(name) for name in ("mem", "maps", "environ", "auxv", "fd/0")},
}


def outcome(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error.errno))
    return "done"


print(json.dumps({name: outcome(attempt) for name, attempt in tries.items()}))
