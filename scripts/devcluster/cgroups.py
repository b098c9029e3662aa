"""The control groups under which a local node's pods run, in whichever hierarchies the host has."""

import os
import time
from pathlib import Path

from devcluster.errors import NotReadyError

MOUNT = Path("/sys/fs/cgroup")


def hierarchies(mount: Path = MOUNT) -> list[Path]:
    """Roots of the hierarchies: one for cgroup v2, one per controller for v1."""
    if (mount / "cgroup.controllers").exists():
        return [mount]
    return sorted(
        path for path in mount.iterdir() if not path.is_symlink() and (path / "cgroup.procs").exists()
    )


def make_cgroups(name: str, mount: Path = MOUNT) -> None:
    """Make the group in every hierarchy; kubelet wants it to exist."""
    for root in hierarchies(mount):
        group = root / name
        group.mkdir(exist_ok=True)
        for setting in ("cpuset.cpus", "cpuset.mems"):
            if root.name == "cpuset" and not (group / setting).read_text().strip():
                (group / setting).write_text((root / setting).read_text())
        if (root / "cgroup.controllers").exists():
            _delegate(root, group)


def _delegate(root: Path, group: Path) -> None:
    """Hand all of a v2 root's controllers on to the group's children."""
    controllers = (root / "cgroup.controllers").read_text().split()
    for folder in (root, group):
        (folder / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in controllers))


def remove_cgroups(name: str, mount: Path = MOUNT, timeout: float = 10) -> None:
    """Remove the group and all below it.

    Raises NotReadyError when a process keeps one of them busy.
    """
    deadline = time.monotonic() + timeout
    while [root for root in hierarchies(mount) if not _remove_tree(root / name)]:
        if time.monotonic() > deadline:
            raise NotReadyError(f"control group {name} is still busy")
        time.sleep(0.1)


def _remove_tree(group: Path) -> bool:
    gone = True
    for folder, _, _ in os.walk(group, topdown=False):
        try:
            Path(folder).rmdir()
        except FileNotFoundError:
            continue
        except OSError:
            gone = False
    return gone
