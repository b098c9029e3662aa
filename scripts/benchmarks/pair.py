"""Two like pods, one guarded and one not, for measurements that alternate between them."""

import contextlib
import subprocess
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

from kube import NAMESPACE, REPOSITORY, Kubectl, Object
from pods import pod

RAW_NAMESPACE = "chaperone-bench"


@dataclass(frozen=True)
class Side:
    """Where one side of a comparison runs."""

    name: str
    namespace: str
    kubectl: Kubectl

    def exec(self, *arguments: str) -> list[str]:
        """The command line of an exec in this side's pod; flags come before ``--``."""
        return self.kubectl.command("exec", "-n", self.namespace, "bench", *arguments)


def administrator(cluster: str) -> Kubectl:
    """Give kubectl as the cluster's administrator. Ends the run where there is no such cluster."""
    command = [REPOSITORY / "scripts/cluster", "kubeconfig", "admin", "--name", cluster]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr.strip())
    return Kubectl(Path(done.stdout.strip()))


def raw_namespace(kubectl: Kubectl) -> None:
    """Make the unguarded namespace."""
    kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": RAW_NAMESPACE}})


def pods(cluster: str) -> contextlib.AbstractContextManager[tuple[Side, Side]]:
    """Give the guarded side and the raw side, both with a running pod ``bench``."""
    return pods_made(cluster, lambda side: pod("bench", namespace=side.namespace))


@contextlib.contextmanager
def pods_made(cluster: str, make: Callable[[Side], Object]) -> Generator[tuple[Side, Side]]:
    """Give both sides, each with its pod ``bench``, which ``make`` gives."""
    kubectl = administrator(cluster)
    raw_namespace(kubectl)
    sides = (Side("guarded", NAMESPACE, kubectl), Side("raw", RAW_NAMESPACE, kubectl))
    try:
        for side in sides:
            kubectl.delete_now("-n", side.namespace, "pod/bench")
            kubectl.apply(make(side))
        for side in sides:
            kubectl.run("wait", "-n", side.namespace, "--for=condition=Ready", "pod/bench", "--timeout=90s")
        yield sides
    finally:
        for side in sides:
            kubectl.delete_now("-n", side.namespace, "pod/bench")
