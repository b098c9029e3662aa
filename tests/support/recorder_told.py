"""What a pod's recorder was told when it was injected, as anybody reads it in the pod's specification."""

from kube import NAMESPACE, Kubectl

from sidecar.contract import environment


def root_of(kubectl: Kubectl, pod: str) -> str:
    """The roots of trust, as ``--root`` takes them."""
    return _variable(kubectl, pod, environment.ROOT_KEYS)


def authorities_of(kubectl: Kubectl, pod: str) -> str:
    """The certificates that vouch for the collector, PEM."""
    return _variable(kubectl, pod, environment.CA)


def collector_of(kubectl: Kubectl, pod: str) -> str:
    """The URL of the collector's intake."""
    return _variable(kubectl, pod, environment.COLLECTOR)


def _variable(kubectl: Kubectl, pod: str, name: str) -> str:
    path = f'{{.spec.initContainers[0].env[?(@.name=="{name}")].value}}'
    return kubectl.run("get", "pod", "-n", NAMESPACE, pod, "-o", f"jsonpath={path}")
