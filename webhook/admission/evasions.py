"""How whoever is in a container could get around what records it: by its rights, or by what it mounts. Pure.

A session has the rights of its container, and an own program too. Capabilities that are not here leave shim,
recorder and their node alone; docs/threat-model.md goes through all of them.
Sources: capabilities(7), ptrace(2), open_by_handle_at(2), bpf(2), perf_event_open(2).
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Final

import msgspec

from webhook.admission.pods import Container, Volume, absolute, is_below
from webhook.admission.shadows import last_word_shadow, shadow

CAPABILITIES: Final[Mapping[str, str]] = {
    "SYS_PTRACE": "trace what records it",
    "SYS_ADMIN": "mount something over what records it",
    "DAC_READ_SEARCH": "open any file of its node by a handle",
    "BPF": "load programs into the kernel of its node",
    "PERFMON": "look into every process of its node",
    "SYS_MODULE": "load modules into the kernel of its node",
    "SYS_RAWIO": "reach the memory and devices of its node",
    "SYS_BOOT": "load another kernel on its node",
    "SYS_TIME": "set the clock that its record is made by",
}
"""What each lets its container do."""
NODE_FOLDERS: Final = (
    "/etc/kubernetes",
    "/proc",
    "/sys",
    "/run/containerd",
    "/run/containers",
    "/run/cri-dockerd.sock",
    "/run/crio",
    "/run/docker",
    "/run/docker.sock",
    "/run/k3s",
    "/var/lib/containerd",
    "/var/lib/containers",
    "/var/lib/docker",
    "/var/lib/k0s",
    "/var/lib/kubelet",
    "/var/lib/rancher",
    "/var/snap/microk8s",
)
"""Where nodes keep their kernel, kubelet and container runtime: the recorder's volumes are among it."""
_ALL: Final = "ALL"
_UNMASKED: Final = "Unmasked"


class Evasion(msgspec.Struct, frozen=True):
    """One way around, by which rule of Chaperone's own it is refused, and how to do without it."""

    rule: str
    why: str
    remedy: str


def evasion(container: Container, volumes: Iterable[Volume]) -> Evasion | None:
    """Give the first way around what records a container, if there is one. ``volumes`` are its pod's."""
    known = {volume.name: volume for volume in volumes}
    found = next(chain(_rights(container), _folders(container, known)), None)
    if found is not None:
        return found
    if hidden := shadow(container, known):
        return Evasion("ShimCouldBeHidden", hidden, "mount nothing inside another volume there")
    if hidden := last_word_shadow(container, known):
        remedy = f"leave terminationMessagePath out of container {container.name}"
        return Evasion("ShimCouldBeHidden", hidden, remedy)
    return None


def _rights(container: Container) -> Iterator[Evasion]:
    """Give what a container's security context lets it do."""
    context = container.security_context
    if context is None:
        return
    if context.privileged:
        yield _evaded(container, "is privileged, so it could do anything on its node", "privileged: true")
    if context.proc_mount == _UNMASKED:
        yield _evaded(container, "has procMount: Unmasked, so it could set its node's kernel", "procMount")
    for name in sorted(context.added):
        if name == _ALL:
            yield _evaded(container, "has all capabilities, so it could trace what records it", "add: [ALL]")
        elif name in CAPABILITIES:
            why = f"has the capability {name}, so it could {CAPABILITIES[name]}"
            yield _evaded(container, why, f"the capability {name}")


def _folders(container: Container, known: Mapping[str, Volume]) -> Iterator[Evasion]:
    """Give what a container mounts of what its node runs pods with, whether or not it may write there."""
    for mount in container.volume_mounts or ():
        volume = known.get(mount.name)
        host = volume.host_path if volume else None
        if host is not None and _shows_the_node(host.path):
            why = f"mounts {host.path} of its node, which shows it what the node runs pods with"
            yield _evaded(container, why, f"volume {mount.name}")


def _evaded(container: Container, why: str, what: str) -> Evasion:
    remedy = f"leave {what} out of container {container.name}"
    return Evasion("ShimCouldBeEvaded", f"container {container.name} {why}", remedy)


def _shows_the_node(path: str) -> bool:
    """Tell whether a path of a node is one of its folders, lies in one or holds one."""
    real = absolute(path)
    if real == "/var/run" or is_below(real, "/var/run"):
        real = real.removeprefix("/var")
    return real in NODE_FOLDERS or any(
        is_below(real, folder) or is_below(folder, real) for folder in NODE_FOLDERS
    )
