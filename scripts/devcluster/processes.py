"""What /proc says about running processes.

A local cluster keeps no pid files, so none can be stale: its processes are found by what the kernel shows.
"""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """One process as seen at one moment."""

    pid: int
    parent: int
    started: int
    """Clock ticks between boot and start: with the pid it names one process for ever."""
    argv: tuple[str, ...]
    namespace: str
    """Its PID namespace, as the kernel names it."""


def parse_stat(text: str) -> tuple[str, int, int]:
    """State letter, parent and start time from /proc/PID/stat (proc(5)); the name in it may hold anything."""
    fields = text.rpartition(")")[2].split()
    return fields[0], int(fields[1]), int(fields[19])


def start_time(process: Process) -> datetime:
    """When a process started, to about a hundredth of a second."""
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - process.started / os.sysconf("SC_CLK_TCK")
    return datetime.now(UTC) - timedelta(seconds=age)


def look(pid: int, proc: Path = Path("/proc")) -> Process | None:
    """One process, or None when it is gone, a zombie, or not ours to see."""
    folder = proc / str(pid)
    try:
        state, parent, started = parse_stat((folder / "stat").read_text())
        argv = tuple((folder / "cmdline").read_text(errors="replace").split("\0")[:-1])
        namespace = str((folder / "ns/pid").readlink())
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    return None if state in "ZX" else Process(pid, parent, started, argv, namespace)


def everything(proc: Path = Path("/proc")) -> Iterator[Process]:
    """All processes that can be seen."""
    for entry in proc.iterdir():
        if entry.name.isdigit() and (process := look(int(entry.name), proc)) is not None:
            yield process


def environment_of(pid: int, proc: Path = Path("/proc")) -> dict[str, str]:
    """The environment a process was started with; empty when it is gone."""
    try:
        text = (proc / str(pid) / "environ").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return {}
    return dict(item.split("=", 1) for item in text.split("\0") if "=" in item)


def signal_process(process: Process, number: int) -> None:
    """Send a signal to exactly this process: never to another that got its pid."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return
    try:
        now = look(process.pid)
        if now is not None and now.started == process.started:
            signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return
    finally:
        os.close(descriptor)
