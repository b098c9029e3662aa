"""Debian packages that a local cluster needs, and the browser of tests."""

import os
import shutil
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from devcluster.errors import PrerequisiteError
from devcluster.progress import Progress
from devcluster.shell import run

PACKAGES = {
    "buildah": "buildah",
    "busybox": "busybox",
    "containerd": "containerd",
    "etcd": "etcd-server",
    "ip": "iproute2",
    "mmdebstrap": "mmdebstrap",
    "musl-gcc": "musl-tools",
    "nft": "nftables",
    "nsenter": "util-linux",
    "openssl": "openssl",
    "runc": "runc",
    "/usr/lib/cni/ptp": "containernetworking-plugins",
    "conntrack": "conntrack",
}
"""Package by the command, or file, that shows that it is there."""
BROWSER = {"chromium": "chromium"}


NO_SERVICES = "#!/bin/sh\n# Made by scripts/cluster for the time of an installation.\nexit 101\n"


def missing_packages(present: Callable[[str], bool], packages: Mapping[str, str] = PACKAGES) -> list[str]:
    """Packages to install, sorted, given what is present."""
    return sorted({package for probe, package in packages.items() if not present(probe)})


def is_present(probe: str) -> bool:
    return Path(probe).exists() if probe.startswith("/") else shutil.which(probe) is not None


def ensure_packages(progress: Progress, packages: Mapping[str, str] = PACKAGES) -> None:
    """Install what is missing.

    Raises PrerequisiteError, naming the packages, where that cannot be done from here.
    """
    missing = missing_packages(is_present, packages)
    if not missing:
        return
    names = " ".join(missing)
    if shutil.which("apt-get") is None:
        raise PrerequisiteError(f"this is no Debian machine; install what these packages hold: {names}")
    if os.geteuid() != 0:
        raise PrerequisiteError(f"missing packages; run as root: apt-get install {names}")
    with progress.step(f"install {names}"), _services_kept_down():
        environment = {"DEBIAN_FRONTEND": "noninteractive"}
        run(["apt-get", "update", "-q"], environment=environment)
        run(["apt-get", "install", "-q", "-y", "--no-install-recommends", *missing], environment=environment)


@contextmanager
def _services_kept_down() -> Generator[None]:
    """Packages may start no service on the host: each cluster has its own."""
    policy = Path("/usr/sbin/policy-rc.d")
    if policy.exists() and policy.read_text() != NO_SERVICES:
        yield
        return
    policy.write_text(NO_SERVICES)
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink()
