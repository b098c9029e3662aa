"""Which cluster is meant, and where its files are."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devcluster.errors import UsageError

DEFAULT_NAME = "dev"
DEFAULT_VERSION = "1.37.2"
COREDNS_VERSION = "1.15.0"
HELM_VERSION = "4.3.1"

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?")
_VERSION = re.compile(r"v?(1)\.(\d+)\.(\d+)")


def parse_name(text: str) -> str:
    """A cluster name: up to 20 lower-case letters, digits and inner dashes (it becomes a host name)."""
    if not _NAME.fullmatch(text):
        raise UsageError(f"bad cluster name {text!r}: use up to 20 lower-case letters, digits and dashes")
    return text


def parse_version(text: str) -> str:
    """A Kubernetes version as `1.MINOR.PATCH`; a leading `v` is dropped."""
    match = _VERSION.fullmatch(text)
    if match is None:
        raise UsageError(f"bad Kubernetes version {text!r}: write it like {DEFAULT_VERSION}")
    return ".".join(match.groups())


@dataclass(frozen=True)
class Settings:
    """One cluster's name and folders. Nothing here touches the disk."""

    name: str
    state_root: Path
    """Folder that holds one folder per cluster."""
    cache: Path
    """Builds and images that outlive every cluster."""
    repository: Path
    """Root of the working tree."""

    @property
    def state(self) -> Path:
        return self.state_root / self.name

    @property
    def ident(self) -> str:
        """Name of the cluster on this machine: two state folders never share one."""
        digest = hashlib.sha256(str(self.state).encode()).hexdigest()[:6]
        return f"chaperone-{self.name}-{digest}"

    @property
    def interface(self) -> str:
        """Host side of the link to the cluster's network namespace (15 characters at most)."""
        return "chp" + hashlib.sha256(str(self.state).encode()).hexdigest()[:8]

    @property
    def users(self) -> Path:
        return self.state / "users"

    @property
    def pki(self) -> Path:
        return self.state / "pki"

    @property
    def logs(self) -> Path:
        return self.state / "log"

    def kubeconfig(self, user: str) -> Path:
        return self.users / f"{user}.kubeconfig"

    def kubernetes_bin(self, version: str) -> Path:
        return self.cache / "bin" / f"kubernetes-v{version}"

    @property
    def coredns_bin(self) -> Path:
        return self.cache / "bin" / f"coredns-v{COREDNS_VERSION}"

    @property
    def helm_bin(self) -> Path:
        return self.cache / "bin" / f"helm-v{HELM_VERSION}"

    @property
    def images(self) -> Path:
        return self.cache / "images"


def load_settings(name: str, environment: Mapping[str, str], repository: Path) -> Settings:
    """Settings from CHAPERONE_STATE, CHAPERONE_CACHE and HOME."""
    home = Path(environment["HOME"]) if environment.get("HOME") else Path.home()
    state = environment.get("CHAPERONE_STATE") or str(home / ".local/state/chaperone")
    cache = environment.get("CHAPERONE_CACHE") or str(home / ".cache/chaperone")
    return Settings(parse_name(name), Path(state).absolute(), Path(cache).absolute(), repository)
