"""Starts a local node: one process that holds the node's own namespaces and is their first process.

Run as a program with one JSON argument (see `node.Plan`); it returns once the node stands. Everything the
node does later happens inside: when its first process ends, the kernel ends all the others and drops every
mount, interface, route and rule, whatever state they are in.
"""

import ctypes
import json
import os
import socket
import sys
from pathlib import Path

NEW_NAMESPACES = 0x00020000 | 0x04000000 | 0x08000000 | 0x20000000 | 0x40000000
"""CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWPID and CLONE_NEWNET of clone(2)."""
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE, MS_SHARED = 1, 32, 4096, 16384, 1 << 18, 1 << 20

EXPECTED_BY_KUBELET = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}
"""Settings that a kubelet would otherwise write into the host's kernel: it is shown these values instead."""


def _call(name: str, *arguments: object) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}{arguments}: {os.strerror(number)}")


def _mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    encoded = [None if text is None else text.encode() for text in (source, target, kind, data)]
    _call("mount", encoded[0], encoded[1], encoded[2], ctypes.c_ulong(flags), encoded[3])


def _bind(source: str, target: str) -> None:
    _mount(source, target, None, MS_BIND | MS_REC)


def _arrange_mounts(plan: dict[str, str]) -> None:
    """Give the node a /run, /var/lib and /var/log of its own; propagation stops at the node."""
    _mount("none", "/", None, MS_REC | MS_PRIVATE)
    _mount("proc", "/proc", "proc", 0)
    kept = {name: os.open(plan[name], os.O_PATH) for name in ("state", "binaries", "var_lib", "var_log")}
    _mount("tmpfs", "/run", "tmpfs", 0, "mode=755")
    for name, target in (("state", "/run/cluster"), ("binaries", "/run/bin")):
        Path(target).mkdir()
        _bind(f"/proc/self/fd/{kept[name]}", target)
    _bind(f"/proc/self/fd/{kept['var_lib']}", "/var/lib")
    _bind(f"/proc/self/fd/{kept['var_log']}", "/var/log")
    for name, value in EXPECTED_BY_KUBELET.items():
        shown = Path("/run/sysctl") / name
        shown.parent.mkdir(parents=True, exist_ok=True)
        shown.write_text(value + "\n")
        if Path("/proc/sys", name).exists():
            _bind(str(shown), f"/proc/sys/{name}")
    _mount("none", "/", None, MS_REC | MS_SHARED)
    for descriptor in kept.values():
        os.close(descriptor)


def _become_node(plan: dict[str, str], told: int) -> None:
    _arrange_mounts(plan)
    socket.sethostname(plan["hostname"])
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1\n")
    os.chdir("/")
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    os.set_inheritable(told, False)
    os.execve(plan["init"], [plan["title"], plan["state"]], {})


def main() -> int:
    plan: dict[str, str] = json.loads(sys.argv[1])
    heard, told = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        try:
            _call("unshare", NEW_NAMESPACES)
            if os.fork() == 0:
                _become_node(plan, told)
        except OSError as error:
            os.write(told, str(error).encode())
        os._exit(0)
    os.close(told)
    os.waitpid(child, 0)
    failure = os.read(heard, 4096).decode()
    if failure:
        print(failure, file=sys.stderr)
    return 1 if failure else 0


if __name__ == "__main__":
    sys.exit(main())
