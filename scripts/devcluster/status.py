"""The state of a cluster as a table."""

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from devcluster.node import find_node
from devcluster.processes import Process, start_time
from devcluster.record import Backend, Record
from devcluster.settings import Settings

COMPONENTS = (
    "etcd",
    "containerd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "kubelet",
)
Row = tuple[str, ...]


def render_table(header: Row, rows: Iterable[Row]) -> str:
    """Columns padded to their widest cell."""
    table = [header, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(header))]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n"
        for row in table
    )


def render_age(seconds: float) -> str:
    """An age as people write it: 45s, 12m, 3h."""
    for size, unit in ((3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds)}s"


def component_rows(settings: Settings) -> tuple[list[Row], bool]:
    """One row per component of a local node, and whether all of them run."""
    node = find_node(settings)
    running = node.components() if node else {}
    rows: list[Row] = []
    for name in COMPONENTS:
        log = str(settings.logs / f"{name}.log")
        found = running.get(name)
        rows.append((name, *(_living(found.process) if found else ("missing", "-", "-", "-")), log))
    return rows, len(running) == len(COMPONENTS)


def _living(process: Process) -> Row:
    age = (datetime.now(UTC) - start_time(process)).total_seconds()
    pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
    memory = pages * os.sysconf("SC_PAGE_SIZE") // 2**20
    return ("running", str(process.pid), render_age(age), f"{memory} MiB")


def describe(settings: Settings, record: Record) -> str:
    """One line on what the cluster is."""
    version = f" {record.version}" if record.version else ""
    return f"cluster {settings.name}: {record.backend.value}{version}, files in {settings.state}\n"


def render_status(settings: Settings, record: Record) -> tuple[str, bool]:
    """The status as text, and whether everything runs."""
    if record.backend is not Backend.LOCAL:
        return describe(settings, record), True
    rows, whole = component_rows(settings)
    return describe(settings, record) + render_table(
        ("COMPONENT", "STATE", "PID", "AGE", "MEMORY", "LOG"), rows
    ), whole
