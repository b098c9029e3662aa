"""What makes a pod, or a template of pods, privileged: facts read from the object, nothing decided.

Follows the Pod Security Standards (https://kubernetes.io/docs/concepts/security/pod-security-standards/)
where they have the same notion. Whether an image runs as root by default is not in the object: *root with
escalation* is a user id of 0 that is written there; *possible* root with escalation is a container that says
neither who runs it nor that nobody is root, as *restricted* wants it said. Nearly every container is such a
one, so that rules can name it, but ``privileged: true`` does not mean it.
"""

from collections.abc import Iterator
from enum import Enum
from typing import Any, Final, NamedTuple

import msgspec

from sidecar.contract.decoding import UNREADABLE
from sidecar.contract.errors import CallerError

TEMPLATE_KINDS: Final = frozenset(
    {
        "Deployment",
        "StatefulSet",
        "DaemonSet",
        "ReplicaSet",
        "ReplicationController",
        "Job",
        "CronJob",
        "PodTemplate",
        "ControllerRevision",
    }
)
"""Kinds that make pods from a template."""
_HARMLESS: Final = frozenset({"NET_BIND_SERVICE"})
"""Capabilities that the *restricted* standard lets a container add."""
_UNCONFINED: Final = "Unconfined"
_APPARMOR_ANNOTATION: Final = "container.apparmor.security.beta.kubernetes.io/"
_SECCOMP_ANNOTATIONS: Final = ("seccomp.security.alpha.kubernetes.io/", "container.seccomp.security.alpha")
_DEVICE_TYPES: Final = frozenset({"CharDevice", "BlockDevice"})
_NATIVE: Final = "kubernetes.io/"
"""In names of resources that are no devices: those without a domain, or of Kubernetes' own."""
_NOTHING: Final = frozenset({"", "0"})


class Privilege(Enum):
    """A way in which a pod reaches beyond itself, or in which a role leads past the guard."""

    PRIVILEGED = "privileged"
    HOST_NAMESPACE = "host-namespace"
    HOST_PATH = "host-path"
    ADDED_CAPABILITY = "added-capability"
    ROOT_WITH_ESCALATION = "root-with-escalation"
    POSSIBLE_ROOT = "possible-root-with-escalation"
    UNCONFINED_SECCOMP = "unconfined-seccomp"
    UNCONFINED_APPARMOR = "unconfined-apparmor"
    DEVICE = "device"
    HOST_PORT = "host-port"
    WILDCARD_RIGHTS = "wildcard-rights"
    SECRET_RIGHTS = "secret-rights"  # noqa: S105  the name of a kind of right
    SESSION_RIGHTS = "session-rights"
    IMPERSONATION_RIGHTS = "impersonation-rights"
    ROLE_RIGHTS = "role-rights"
    TOKEN_RIGHTS = "token-rights"  # noqa: S105  the name of a kind of right
    APPROVAL_RIGHTS = "approval-rights"
    GUARD_RIGHTS = "guard-rights"
    CERTIFICATE_RIGHTS = "certificate-rights"
    AGGREGATED_RIGHTS = "aggregated-rights"


UNCERTAIN: Final = frozenset({Privilege.POSSIBLE_ROOT})
"""What only its image decides."""


class Found(NamedTuple):
    """A privilege and the field that gives it."""

    privilege: Privilege
    path: str


class UnreadableObjectError(CallerError):
    """The object is not of the kind it is said to be."""


class _Profile(msgspec.Struct, frozen=True):
    type: str | None = None


class _Capabilities(msgspec.Struct, frozen=True):
    add: tuple[str, ...] | None = None


class _Windows(msgspec.Struct, frozen=True, rename="camel"):
    host_process: bool | None = None


class _Security(msgspec.Struct, frozen=True, rename="camel"):
    """``securityContext`` of a pod or a container."""

    privileged: bool | None = None
    allow_privilege_escalation: bool | None = None
    run_as_user: int | None = None
    run_as_non_root: bool | None = None
    capabilities: _Capabilities | None = None
    proc_mount: str | None = None
    seccomp_profile: _Profile | None = None
    app_armor_profile: _Profile | None = None
    windows_options: _Windows | None = None


class _Port(msgspec.Struct, frozen=True, rename="camel"):
    host_port: int | None = None


class _Resources(msgspec.Struct, frozen=True):
    """Quantities by resource, as numbers or text; claims of devices by their names in the pod."""

    limits: dict[str, Any] | None = None
    requests: dict[str, Any] | None = None
    claims: tuple[object, ...] | None = None


class _Container(msgspec.Struct, frozen=True, rename="camel"):
    security_context: _Security | None = None
    ports: tuple[_Port, ...] | None = None
    volume_devices: tuple[object, ...] | None = None
    resources: _Resources | None = None


class _HostPath(msgspec.Struct, frozen=True):
    path: str = ""
    type: str | None = None


class _Volume(msgspec.Struct, frozen=True, rename="camel"):
    host_path: _HostPath | None = None


class _PodSpec(msgspec.Struct, frozen=True, rename="camel"):
    containers: tuple[_Container, ...] | None = None
    init_containers: tuple[_Container, ...] | None = None
    ephemeral_containers: tuple[_Container, ...] | None = None
    volumes: tuple[_Volume, ...] | None = None
    host_network: bool | None = None
    host_pid: bool | None = msgspec.field(default=None, name="hostPID")
    host_ipc: bool | None = msgspec.field(default=None, name="hostIPC")
    security_context: _Security | None = None
    resource_claims: tuple[object, ...] | None = None
    resources: _Resources | None = None


class _Metadata(msgspec.Struct, frozen=True):
    annotations: dict[str, str] | None = None


class _Pod(msgspec.Struct, frozen=True):
    """A pod, or a template of one."""

    spec: _PodSpec | None = None
    metadata: _Metadata | None = None


class _Templated(msgspec.Struct, frozen=True, rename="camel"):
    """The spec of a workload; a Job's stands inside a CronJob's ``jobTemplate``."""

    template: _Pod | None = None
    job_template: "_Workload | None" = None


class _Workload(msgspec.Struct, frozen=True):
    spec: _Templated | None = None


class _PodTemplate(msgspec.Struct, frozen=True):
    template: _Pod | None = None


class _Revision(msgspec.Struct, frozen=True):
    """A ``ControllerRevision``: what StatefulSets and DaemonSets go back to."""

    data: _Workload | None = None


_pods = msgspec.json.Decoder(_Pod)
_workloads = msgspec.json.Decoder(_Workload)
_templates = msgspec.json.Decoder(_PodTemplate)
_revisions = msgspec.json.Decoder(_Revision)


def find_privileges(kind: str, data: bytes | msgspec.Raw) -> tuple[Found, ...]:
    """Give what makes an object privileged, each once with the first field that says so.

    ``data`` is the object as JSON; other kinds than pods and workloads have nothing. Raises
    UnreadableObjectError.
    """
    first: dict[Privilege, str] = {}
    for privilege, path in every_privilege(kind, data):
        first.setdefault(privilege, path)
    return tuple(Found(privilege, first[privilege]) for privilege in Privilege if privilege in first)


def every_privilege(kind: str, data: bytes | msgspec.Raw) -> Iterator[Found]:
    """Give every field that makes an object privileged, as :func:`find_privileges` does the first."""
    try:
        pod, path = _pod(kind, data)
    except UNREADABLE:
        raise UnreadableObjectError(f"the object is no {kind} that can be read") from None
    if pod is None or pod.spec is None:
        return
    for privilege, field in _find(pod, pod.spec):
        yield Found(privilege, path + field)


def _pod(kind: str, data: bytes | msgspec.Raw) -> tuple[_Pod | None, str]:
    """Give the pod an object is or makes, and the path to it."""
    if kind == "Pod":
        return _pods.decode(data), ""
    if kind == "PodTemplate":
        return _templates.decode(data).template, "template."
    if kind not in TEMPLATE_KINDS:
        return None, ""
    if kind == "ControllerRevision":
        revision = _revisions.decode(data).data
        return (revision.spec.template if revision and revision.spec else None), "data.spec.template."
    spec, path = _workloads.decode(data).spec, "spec."
    if kind == "CronJob":
        job = spec.job_template if spec else None
        spec, path = job.spec if job else None, "spec.jobTemplate.spec."
    return (spec.template if spec else None), path + "template."


def _find(pod: _Pod, spec: _PodSpec) -> Iterator[Found]:
    for shared, field in ((spec.host_network, "hostNetwork"), (spec.host_pid, "hostPID")):
        if shared:
            yield Found(Privilege.HOST_NAMESPACE, f"spec.{field}")
    if spec.host_ipc:
        yield Found(Privilege.HOST_NAMESPACE, "spec.hostIPC")
    for index, volume in enumerate(spec.volumes or ()):
        yield from _volume(volume, f"spec.volumes[{index}].hostPath")
    if spec.resource_claims:
        yield Found(Privilege.DEVICE, "spec.resourceClaims")
    yield from _devices(spec.resources, "spec.resources")
    yield from _annotated(pod)
    common = spec.security_context or _Security()
    yield from _profiles(common, "spec.securityContext")
    for field, containers in _containers(spec):
        for index, container in enumerate(containers):
            yield from _container(container, common, f"spec.{field}[{index}]")


def _containers(spec: _PodSpec) -> Iterator[tuple[str, tuple[_Container, ...]]]:
    yield "initContainers", spec.init_containers or ()
    yield "containers", spec.containers or ()
    yield "ephemeralContainers", spec.ephemeral_containers or ()


def _volume(volume: _Volume, path: str) -> Iterator[Found]:
    host = volume.host_path
    if host is None:
        return
    yield Found(Privilege.HOST_PATH, path)
    if host.type in _DEVICE_TYPES or (host.path.rstrip("/") + "/").startswith("/dev/"):
        yield Found(Privilege.DEVICE, path)


def _annotated(pod: _Pod) -> Iterator[Found]:
    annotations = (pod.metadata.annotations if pod.metadata else None) or {}
    for key, value in annotations.items():
        if value.casefold() == "unconfined" and key.startswith(_APPARMOR_ANNOTATION):
            yield Found(Privilege.UNCONFINED_APPARMOR, f"metadata.annotations[{key}]")
        if value.casefold() == "unconfined" and key.startswith(_SECCOMP_ANNOTATIONS):
            yield Found(Privilege.UNCONFINED_SECCOMP, f"metadata.annotations[{key}]")


def _profiles(security: _Security, path: str) -> Iterator[Found]:
    if security.seccomp_profile and security.seccomp_profile.type == _UNCONFINED:
        yield Found(Privilege.UNCONFINED_SECCOMP, f"{path}.seccompProfile")
    if security.app_armor_profile and security.app_armor_profile.type == _UNCONFINED:
        yield Found(Privilege.UNCONFINED_APPARMOR, f"{path}.appArmorProfile")
    if security.windows_options and security.windows_options.host_process:
        yield Found(Privilege.PRIVILEGED, f"{path}.windowsOptions.hostProcess")


def _container(container: _Container, common: _Security, path: str) -> Iterator[Found]:
    own = container.security_context or _Security()
    field = f"{path}.securityContext"
    if own.privileged:
        yield Found(Privilege.PRIVILEGED, f"{field}.privileged")
    if own.proc_mount == "Unmasked":
        yield Found(Privilege.PRIVILEGED, f"{field}.procMount")
    for added in (own.capabilities.add if own.capabilities else None) or ():
        if added.upper().removeprefix("CAP_") not in _HARMLESS:
            yield Found(Privilege.ADDED_CAPABILITY, f"{field}.capabilities.add")
    yield from _root(own, common, field)
    yield from _profiles(own, field)
    if container.volume_devices:
        yield Found(Privilege.DEVICE, f"{path}.volumeDevices")
    yield from _devices(container.resources, f"{path}.resources")
    for index, port in enumerate(container.ports or ()):
        if port.host_port:
            yield Found(Privilege.HOST_PORT, f"{path}.ports[{index}].hostPort")


def _root(own: _Security, common: _Security, field: str) -> Iterator[Found]:
    """Give that a container is root, or may be by its image, and may gain rights that it was not given."""
    if own.allow_privilege_escalation is False:
        return
    user = common.run_as_user if own.run_as_user is None else own.run_as_user
    if user == 0:
        at = "spec.securityContext" if own.run_as_user is None else field
        yield Found(Privilege.ROOT_WITH_ESCALATION, f"{at}.runAsUser")
    nobody_is_root = common.run_as_non_root if own.run_as_non_root is None else own.run_as_non_root
    if user is None and not nobody_is_root:
        yield Found(Privilege.POSSIBLE_ROOT, f"{field}.runAsNonRoot")


def _devices(resources: _Resources | None, path: str) -> Iterator[Found]:
    """Give extended resources and claims, by which device plugins and drivers hand out devices."""
    if resources is None:
        return
    if resources.claims:
        yield Found(Privilege.DEVICE, f"{path}.claims")
    for part, quantities in (("limits", resources.limits), ("requests", resources.requests)):
        for name, quantity in (quantities or {}).items():
            if "/" in name and _NATIVE not in name and str(quantity) not in _NOTHING:
                yield Found(Privilege.DEVICE, f"{path}.{part}[{name}]")
