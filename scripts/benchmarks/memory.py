"""Memory of the recorder, process by process, read from /proc on the node (local clusters)."""

import argparse
import re
import subprocess
import time
from pathlib import Path

from node import container_id, processes, text

from benchmarks.pair import Side, pods
from benchmarks.report import print_table

RECORDER = "chaperone-recorder"
SETTLED_SECONDS = 60
Process = tuple[str, float, float]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this benchmark."""
    parser.add_argument("--sessions", type=int, default=1, help="sessions while active (default: 1)")


def recorder_processes(side: Side) -> list[Process]:
    """Give command, resident and proportional MiB of each process in the recorder's container."""
    found: list[Process] = []
    for pid in processes(container_id(side.kubectl, side.namespace, "bench", RECORDER)):
        command = text(Path(f"/proc/{pid}/cmdline")).replace("\0", " ").strip()
        rollup = text(Path(f"/proc/{pid}/smaps_rollup"))
        found.append((command, size(rollup, "Rss"), size(rollup, "Pss")))
    return found


def _settled(side: Side) -> list[Process]:
    """Give them once the recorder has told that it started, and only waits."""
    time.sleep(2)
    until = time.monotonic() + SETTLED_SECONDS
    while len(found := recorder_processes(side)) > 1 and time.monotonic() < until:
        time.sleep(1)
    return found


def size(rollup: str, field: str) -> float:
    """Give one field of smaps_rollup in MiB (proc_pid_smaps(5))."""
    match = re.search(rf"^{field}:\s+(\d+) kB", rollup, re.MULTILINE)
    return int(match[1]) / 1024 if match else 0.0


def run(args: argparse.Namespace) -> dict[str, float]:
    """Measure, print, give the figures."""
    with pods(args.name) as (guarded, _):
        idle = _settled(guarded)
        command = guarded.exec("-i", "--", "cat")
        running = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
            for _ in range(args.sessions)
        ]
        time.sleep(5)
        active = recorder_processes(guarded)
        for process in running:
            process.communicate()
    rows = [
        (f"{when}: {command[:40]}", f"{rss:.1f}", f"{pss:.1f}")
        for when, found in (("idle", idle), ("active", active))
        for command, rss, pss in found
    ]
    print_table(("MiB", "RSS", "PSS"), rows)
    return {
        "idle_rss_mib": sum(rss for _, rss, _ in idle),
        "idle_pss_mib": sum(pss for *_, pss in idle),
        "active_rss_mib": sum(rss for _, rss, _ in active),
        "active_pss_mib": sum(pss for *_, pss in active),
    }
