"""Memory of processes."""

from pathlib import Path


def peak_mebibytes(pid: int) -> float:
    """The most that a process has held at a time (proc_pid_status(5))."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise AssertionError
