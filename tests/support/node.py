"""The node's side of a pod, through the host's /proc. Works where the node's processes are the host's own."""

import os
import signal
from contextlib import suppress
from pathlib import Path

from kube import Kubectl


def container_id(kubectl: Kubectl, namespace: str, pod: str, container: str) -> str:
    """Give the runtime's id of a container, init containers included."""
    status = kubectl.get("-n", namespace, f"pod/{pod}")["status"]
    statuses = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    return next(item["containerID"] for item in statuses if item["name"] == container).split("//")[1]


def processes(identifier: str) -> list[int]:
    """Give the host's process ids of everything in a container, its first process first."""
    found = [
        int(path.name)
        for path in Path("/proc").iterdir()
        if path.name.isdigit() and identifier in text(path / "cgroup")
    ]
    assert found, "no process of the container is visible in /proc; this needs a local cluster and root"
    return sorted(found)


def kill_container(kubectl: Kubectl, namespace: str, pod: str, container: str) -> None:
    """End all of a container the hard way, its first process last: who sees that one go may end in order."""
    for process in reversed(processes(container_id(kubectl, namespace, pod, container))):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def limit_processes(kubectl: Kubectl, namespace: str, pod: str, *, more: int) -> None:
    """Let a pod have so many processes more than it has, as the kubelet does (``podPidsLimit``)."""
    first = processes(container_id(kubectl, namespace, pod, "app"))[0]
    lines = text(Path(f"/proc/{first}/cgroup")).splitlines()
    path = next(line.split(":", 2)[2] for line in lines if line.split(":", 2)[1] in {"pids", ""})
    root = Path("/sys/fs/cgroup/pids") if Path("/sys/fs/cgroup/pids").is_dir() else Path("/sys/fs/cgroup")
    whole = root / path.lstrip("/").rpartition("/")[0]
    (whole / "pids.max").write_text(str(int((whole / "pids.current").read_text()) + more))


def text(path: Path) -> str:
    """Read a file of /proc, empty when its process has gone."""
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
