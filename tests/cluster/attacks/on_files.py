"""Run inside a session: try to change what Chaperone has put into the container."""

import ctypes
import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

NEW_USER, NEW_MOUNTS, BIND = 0x10000000, 0x00020000, 4096
"""Flags of unshare(2) and mount(2)."""
libc = ctypes.CDLL(None, use_errno=True)
home = Path("/.chaperone")
shim = home / "shim"


def checked(given: int) -> None:
    if given < 0:
        raise OSError(ctypes.get_errno(), "")


def mount_over() -> None:
    checked(libc.mount(b"/tmp", bytes(home), None, BIND, None))


def unmount() -> None:
    checked(libc.umount2(bytes(home), 2))


def remount_writable() -> None:
    checked(libc.mount(None, bytes(home), None, 32 | BIND, None))


def in_a_world_of_its_own() -> None:
    checked(libc.unshare(NEW_USER | NEW_MOUNTS))


tries: dict[str, Callable[[], object]] = {
    "write the shim": lambda: os.open(shim, os.O_WRONLY),
    "read the shim": lambda: os.open(shim, os.O_RDONLY),
    "make a file": lambda: os.open(home / "new", os.O_CREAT | os.O_WRONLY),
    "remove the shim": shim.unlink,
    "remove the socket": (home / "sock").unlink,
    "rename the shim": lambda: shim.rename(home / "other"),
    "link over the shim": lambda: shim.symlink_to("/bin/true"),
    "change its mode": lambda: shim.chmod(0o777),
    "rename the directory": lambda: home.rename("/.elsewhere"),
    "remove the directory": home.rmdir,
    "mount over it": mount_over,
    "unmount it": unmount,
    "mount it writable": remount_writable,
    "leave into namespaces of one's own": in_a_world_of_its_own,
}


def outcome(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error.errno))
    return "done"


print(json.dumps({name: outcome(attempt) for name, attempt in tries.items()}))
