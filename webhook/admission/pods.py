"""Pods as the doors see them: only the fields that are used.

Source: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
"""

import posixpath
from collections.abc import Sequence

import msgspec

from sidecar.contract import environment
from sidecar.contract.errors import ConfigurationError
from sidecar.contract.names import (
    DEBUG_VOLUME,
    MAIN_PROCESS_FLAG,
    RECORDER_CONTAINER,
    SESSION_FLAG,
    SHIM_DIRECTORY,
    SHIM_PATH,
    SHIM_VOLUME,
)


class VolumeMount(msgspec.Struct, frozen=True, rename="camel"):
    """A volume mounted into a container."""

    name: str
    mount_path: str
    sub_path: str = ""
    sub_path_expr: str = ""
    read_only: bool = False

    @property
    def path(self) -> str:
        """Where in the container it really is: absolute and without ``..``, as the kubelet makes it."""
        return absolute(self.mount_path)


class VolumeDevice(msgspec.Struct, frozen=True, rename="camel"):
    """A block device of a container."""

    name: str
    device_path: str


class EnvironmentVariable(msgspec.Struct, frozen=True):
    """A variable of a container's environment."""

    name: str
    value: str = ""
    value_from: dict[str, object] | None = msgspec.field(name="valueFrom", default=None)


class Capabilities(msgspec.Struct, frozen=True):
    """Capabilities beyond the runtime's default ones."""

    add: tuple[str, ...] | None = None


class SecurityContext(msgspec.Struct, frozen=True, rename="camel"):
    """What a container may do."""

    privileged: bool | None = None
    capabilities: Capabilities | None = None
    proc_mount: str | None = None

    @property
    def added(self) -> frozenset[str]:
        """Capabilities beyond the runtime's default ones, as capabilities(7) names them but for ``CAP_``."""
        added = (self.capabilities or Capabilities()).add or ()
        return frozenset(name.upper().removeprefix("CAP_") for name in added)


class Container(msgspec.Struct, frozen=True, rename="camel"):
    """A container of any kind."""

    name: str
    image: str = ""
    image_pull_policy: str = ""
    command: tuple[str, ...] | None = None
    args: tuple[str, ...] | None = None
    security_context: SecurityContext | None = None
    env: tuple[EnvironmentVariable, ...] | None = None
    env_from: tuple[dict[str, object], ...] | None = None
    volume_mounts: tuple[VolumeMount, ...] | None = None
    volume_devices: tuple[VolumeDevice, ...] | None = None
    termination_message_path: str = ""
    """Where the kubelet mounts a file that the container may write; empty where the kubelet decides."""
    stdin: bool = False
    tty: bool = False
    target_container_name: str = ""
    """Of an ephemeral container: whose processes it sees."""

    @property
    def line(self) -> tuple[str, ...]:
        """The command line of its own program without the shim; nothing where the image gives it."""
        own = wrapped(self.command) or begun(self.command) or self.command
        return (*own, *(self.args or ())) if own else ()

    @property
    def sees_shim(self) -> bool:
        """Whether its ``/.chaperone`` is the one the recorder fills for it."""
        here = [mount for mount in self.volume_mounts or () if mount.path == str(SHIM_DIRECTORY)]
        return len(here) == 1 and (is_shim_mount(here[0], self.name) or is_debug_mount(here[0]))

    @property
    def log_is_masked(self) -> bool:
        """Whether its own program runs under the shim, which starts nothing without a recorder."""
        return self.sees_shim and wrapped(self.command) is not None

    @property
    def may_trace(self) -> bool:
        """Whether it may look into processes of other users (ptrace(2))."""
        context = self.security_context or SecurityContext()
        return bool(context.privileged) or not context.added.isdisjoint({"SYS_PTRACE", "ALL"})

    @property
    def trusted_roots(self) -> tuple[bytes, ...]:
        """The signing roots a recorder was told to trust; none where they cannot be read."""
        values = [variable.value for variable in self.env or () if variable.name == environment.ROOT_KEYS]
        try:
            return tuple(root for value in values for root in environment.read_roots(value))
        except ConfigurationError:
            return ()


class HostPath(msgspec.Struct, frozen=True):
    """A path of the node."""

    path: str = ""


class Projected(msgspec.Struct, frozen=True):
    """What a projected volume is put together from."""

    sources: tuple[dict[str, object], ...] | None = None


class Volume(msgspec.Struct, frozen=True, rename="camel"):
    """A volume, and whether it is of a kind that the kubelet alone writes into."""

    name: str
    host_path: HostPath | None = None
    config_map: dict[str, object] | None = None
    secret: dict[str, object] | None = None
    downward_api: dict[str, object] | None = msgspec.field(name="downwardAPI", default=None)
    projected: Projected | None = None

    @property
    def is_written_by_kubelet(self) -> bool:
        """Whether nobody else writes into it: it holds no links but the kubelet's own."""
        kinds = (self.config_map, self.secret, self.downward_api, self.projected)
        return any(kind is not None for kind in kinds)


class OperatingSystem(msgspec.Struct, frozen=True):
    """``spec.os``."""

    name: str = ""


class OwnerReference(msgspec.Struct, frozen=True, rename="camel"):
    """What the pod belongs to."""

    kind: str
    name: str
    api_version: str = ""
    uid: str = ""
    controller: bool | None = None


class Metadata(msgspec.Struct, frozen=True, rename="camel"):
    """A pod's metadata."""

    name: str = ""
    generate_name: str = ""
    namespace: str = ""
    uid: str = ""
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: tuple[OwnerReference, ...] | None = None


class HostAlias(msgspec.Struct, frozen=True):
    """Names in the pod's ``/etc/hosts``."""

    ip: str
    hostnames: tuple[str, ...] | None = None


class Named(msgspec.Struct, frozen=True):
    """Another object, by its name."""

    name: str = ""


class PodSpec(msgspec.Struct, frozen=True, rename="camel"):
    """A pod's specification."""

    containers: tuple[Container, ...]
    init_containers: tuple[Container, ...] | None = None
    ephemeral_containers: tuple[Container, ...] | None = None
    volumes: tuple[Volume, ...] | None = None
    node_selector: dict[str, str] | None = None
    os: OperatingSystem | None = None
    host_aliases: tuple[HostAlias, ...] | None = None
    share_process_namespace: bool | None = None
    host_pid: bool = msgspec.field(name="hostPID", default=False)
    image_pull_secrets: tuple[Named, ...] | None = None
    """Those of its service account too: the API server writes them in."""

    @property
    def everything(self) -> tuple[Container, ...]:
        """All of its containers, of every kind."""
        return (*self.containers, *(self.init_containers or ()), *(self.ephemeral_containers or ()))

    @property
    def shares_processes(self) -> bool:
        """Whether its containers see one another's processes."""
        return bool(self.share_process_namespace) or self.host_pid

    def reached_from(self, container: Container) -> tuple[str, ...]:
        """Give the containers whose processes somebody in one of its containers may see: itself first.

        From an ephemeral container these are its target's, or those of all that share a process namespace. A
        session in any other is one in this alone: sharing was asked for when the pod was made.
        """
        names = [container.name]
        if container.target_container_name:
            names.append(container.target_container_name)
        if self.shares_processes and container in (self.ephemeral_containers or ()):
            names += [one.name for one in self.containers]
        return tuple(dict.fromkeys(names))


class NotRunning(msgspec.Struct, frozen=True):
    """Why a container does not run, yet or again; ``reason`` is one word, like ``CrashLoopBackOff``."""

    reason: str = ""


class ContainerState(msgspec.Struct, frozen=True):
    """What a container does: at most one of the fields is set, none while nothing is known."""

    waiting: NotRunning | None = None
    terminated: NotRunning | None = None


class ContainerStatus(msgspec.Struct, frozen=True):
    """What the kubelet last said of a container."""

    name: str
    state: ContainerState = ContainerState()


class PodStatus(msgspec.Struct, frozen=True, rename="camel"):
    """What the kubelet last said of a pod."""

    init_container_statuses: tuple[ContainerStatus, ...] | None = None


class Pod(msgspec.Struct, frozen=True):
    """A pod."""

    metadata: Metadata
    spec: PodSpec
    status: PodStatus = PodStatus()

    @property
    def recorder(self) -> Container | None:
        """The recorder, where it belongs: first of the init containers."""
        first = (self.spec.init_containers or ())[:1]
        return first[0] if first and first[0].name == RECORDER_CONTAINER else None

    @property
    def recorder_trouble(self) -> str:
        """Why the recorder does not run, in the kubelet's word; empty when nothing says that it does not."""
        for status in self.status.init_container_statuses or ():
            stopped = status.state.waiting or status.state.terminated
            if status.name == RECORDER_CONTAINER and stopped is not None:
                return stopped.reason or "no reason given"
        return ""


def absolute(path: str) -> str:
    """Give the path a container runtime mounts at: from the root, normalised."""
    return posixpath.normpath("/" + path.lstrip("/"))


def is_below(path: str, folder: str) -> bool:
    """Tell whether a path lies in a folder; both as ``absolute`` gives them."""
    return path.startswith(folder.rstrip("/") + "/")


def covers_shim(path: str) -> bool:
    """Tell whether a mount there would be over, at or under the shim's directory."""
    real = absolute(path)
    return real in {"/", str(SHIM_DIRECTORY)} or is_below(real, str(SHIM_DIRECTORY))


def wrapped(command: Sequence[str] | None) -> tuple[str, ...] | None:
    """Give what a command has run under the shim as an own program; None for one that does not begin so."""
    return _under_shim(command, MAIN_PROCESS_FLAG)


def begun(command: Sequence[str] | None) -> tuple[str, ...] | None:
    """Give what a command begins as a session under the shim with; None for one that it does not."""
    return _under_shim(command, SESSION_FLAG)


def _under_shim(command: Sequence[str] | None, flag: str) -> tuple[str, ...] | None:
    words = tuple(command or ())
    is_ours = len(words) > 3 and words[0] == str(SHIM_PATH) and words[2] == flag
    return words[3:] if is_ours else None


def is_debug_mount(mount: VolumeMount) -> bool:
    """Tell whether a mount is the one that debug containers are given."""
    return mount == VolumeMount(DEBUG_VOLUME, str(SHIM_DIRECTORY), read_only=True)


def is_in_its_place(mount: VolumeMount) -> bool:
    """Tell whether a mount is where injection puts one, of the volume that it mounts there."""
    return mount.name == SHIM_VOLUME and mount.path == str(SHIM_DIRECTORY)


def is_shim_mount(mount: VolumeMount, container: str) -> bool:
    """Tell whether a mount is the one injection gives to a container of this name."""
    return mount == VolumeMount(SHIM_VOLUME, str(SHIM_DIRECTORY), sub_path=container, read_only=True)
