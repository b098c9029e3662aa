"""The kubectl and helm that this tool itself uses."""

import shutil
from dataclasses import replace
from pathlib import Path

from devcluster.gobuild import build
from devcluster.gomod import helm, kubernetes
from devcluster.kubectl import Kubectl
from devcluster.progress import Progress
from devcluster.record import Backend, Record
from devcluster.settings import DEFAULT_VERSION, Settings
from devcluster.users import ADMIN


def kubectl_for(settings: Settings, record: Record, progress: Progress) -> Kubectl:
    """The administrator's kubectl: of the cluster's version where the cluster is ours."""
    installed = shutil.which("kubectl")
    if record.backend is not Backend.LOCAL and installed:
        return Kubectl(Path(installed), settings.kubeconfig(ADMIN))
    version = record.version if record.backend is Backend.LOCAL else DEFAULT_VERSION
    return Kubectl(
        build(kubernetes(version), settings.cache, progress) / "kubectl", settings.kubeconfig(ADMIN)
    )


OPERATOR = ("chaperone-scripts", "system:masters", "chaperone-operators")
"""User and groups that install, upgrade and remove Chaperone: the default pack asks nobody about them."""


def operator(kubectl: Kubectl) -> Kubectl:
    """Give the administrator's kubectl as whoever installs."""
    user, *groups = OPERATOR
    return replace(kubectl, options=(f"--as={user}", *(f"--as-group={group}" for group in groups)))


def operating_helm(helm_path: Path, kubectl: Kubectl) -> list[str | Path]:
    """Give how a command of Helm begins, as whoever installs."""
    user, *groups = OPERATOR
    identity = [f"--kube-as-user={user}", *(f"--kube-as-group={group}" for group in groups)]
    return [helm_path, "--kubeconfig", kubectl.kubeconfig, *identity]


def helm_for(settings: Settings, progress: Progress) -> Path:
    """Helm: the pinned version, so that every machine installs alike."""
    return build(helm(), settings.cache, progress) / "helm"
