"""What in a pod stands in the way of recording it."""

from collections.abc import Iterator

import msgspec

from sidecar.contract import names
from webhook.admission import main_process, recorder
from webhook.admission.pods import Container, Pod, covers_shim, is_in_its_place, is_shim_mount
from webhook.admission.recorder import Json, RecorderSettings, Trust
from webhook.admission.review import decode_object


class Conflict(msgspec.Struct, frozen=True):
    """One thing in the way, where it is and what to do about it."""

    rule: str
    why: str
    remedy: str
    field: str


class _AnySpec(msgspec.Struct, frozen=True, rename="camel"):
    init_containers: tuple[Json, ...] | None = None
    volumes: tuple[Json, ...] | None = None


class _AnyPod(msgspec.Struct, frozen=True):
    spec: _AnySpec


_any_pods = msgspec.json.Decoder(_AnyPod)


def conflict(
    pod: Pod,
    raw: msgspec.Raw,
    settings: RecorderSettings,
    trust: Trust,
    asked: main_process.Wanted,
) -> Conflict | None:
    """Give the first thing in the way, if any. ``raw`` is the same pod as JSON.

    ``asked`` says whose programs are to run under the shim.
    """
    return next(_conflicts(pod, raw, settings, trust, asked), None)


def _conflicts(
    pod: Pod,
    raw: msgspec.Raw,
    settings: RecorderSettings,
    trust: Trust,
    asked: main_process.Wanted,
) -> Iterator[Conflict]:
    yield from _platform(pod)
    yield from _aliases(pod, settings, trust)
    yield from _tracing(pod)
    yield from (Conflict(one.rule, one.why, one.remedy, one.field) for one in main_process.unfit(pod, asked))
    spec = _reserved(pod, raw)
    injected = any(recorder.looks_ours(one, settings) for one in spec.init_containers or ())
    yield from _names(pod, spec, settings, injected=injected)
    groups = (("initContainers", pod.spec.init_containers or ()), ("containers", pod.spec.containers))
    for group, containers in groups:
        for index, container in enumerate(containers):
            if container.name != names.RECORDER_CONTAINER:
                yield from _mounts(container, f"spec.{group}[{index}]", injected=injected)


def _platform(pod: Pod) -> Iterator[Conflict]:
    named = pod.spec.os.name if pod.spec.os else ""
    selected = (pod.spec.node_selector or {}).get("kubernetes.io/os", "")
    if "windows" in (named, selected):
        yield Conflict(
            "WindowsPod",
            "Windows containers cannot be recorded",
            "create the pod in a namespace that is not guarded",
            "spec.os.name" if named else "spec.nodeSelector",
        )


def _aliases(pod: Pod, settings: RecorderSettings, trust: Trust) -> Iterator[Conflict]:
    """Recorders ask for the collector by name where its address is not known, or has changed."""
    host = recorder.collector_host(settings)
    for index, alias in enumerate(pod.spec.host_aliases or ()):
        if alias.ip != trust.collector_address and any(
            _same_host(name, host) for name in alias.hostnames or ()
        ):
            yield Conflict(
                "ReservedHostName",
                f"a host alias gives {host}, the name of Chaperone's collector, another address",
                "leave that host alias out of the manifest",
                f"spec.hostAliases[{index}]",
            )


def _tracing(pod: Pod) -> Iterator[Conflict]:
    """What sees the recorder's processes and may trace them reads card data before it is masked."""
    shared = "hostPID" if pod.spec.host_pid else "shareProcessNamespace"
    if not (pod.spec.host_pid or pod.spec.share_process_namespace):
        return
    for container in (*(pod.spec.init_containers or ()), *pod.spec.containers):
        if container.may_trace:
            yield Conflict(
                "RecorderCouldBeTraced",
                f"container {container.name} may trace processes, and with {shared} it sees the recorder's",
                f"leave out {shared}, or privileged and the capability SYS_PTRACE",
                f"spec.{shared}",
            )


def _same_host(name: str, host: str) -> bool:
    return name.rstrip(".").lower() in {host, f"{host}.cluster.local"}


def _reserved(pod: Pod, raw: msgspec.Raw) -> _AnySpec:
    """Give the pod's specification as plain values; nothing where none of Chaperone's names is in it."""
    named = {container.name for container in pod.spec.init_containers or ()}
    volumes = {volume.name for volume in pod.spec.volumes or ()}
    if names.RECORDER_CONTAINER not in named and not volumes & names.RESERVED_VOLUMES:
        return _AnySpec()
    return decode_object(raw, _any_pods).spec


def _names(pod: Pod, spec: _AnySpec, settings: RecorderSettings, *, injected: bool) -> Iterator[Conflict]:
    """Give what has a name of Chaperone's and is not; beside a recorder of ours, it is put right."""
    for index, container in enumerate(pod.spec.containers):
        if container.name == names.RECORDER_CONTAINER:
            yield _reserved_container(f"spec.containers[{index}]")
    for index, container in enumerate(spec.init_containers or ()):
        is_named_so = container.get("name") == names.RECORDER_CONTAINER
        if is_named_so and not recorder.looks_ours(container, settings):
            yield _reserved_container(f"spec.initContainers[{index}]")
    ours = recorder.volumes(settings)
    for index, volume in enumerate(spec.volumes or ()):
        if volume.get("name") in names.RESERVED_VOLUMES and not injected and volume not in ours:
            yield Conflict(
                "ReservedVolumeName",
                f"volume {volume['name']} has a name that is reserved for Chaperone's own volumes",
                "give the volume another name",
                f"spec.volumes[{index}].name",
            )


def _reserved_container(field: str) -> Conflict:
    return Conflict(
        "ReservedContainerName",
        f"{field} is named {names.RECORDER_CONTAINER}, a name that is reserved for Chaperone's recorder",
        "leave that container out of the manifest (it is added for you), or give yours another name",
        f"{field}.name",
    )


def _mounts(container: Container, field: str, *, injected: bool) -> Iterator[Conflict]:
    for index, mount in enumerate(container.volume_mounts or ()):
        if is_shim_mount(mount, container.name) or (injected and is_in_its_place(mount)):
            continue
        where = f"{field}.volumeMounts[{index}]"
        if covers_shim(mount.mount_path):
            yield _reserved_path(container.name, mount.mount_path, f"{where}.mountPath")
        if mount.name in names.RESERVED_VOLUMES:
            yield _reserved_mount(container.name, mount.name, mount.mount_path, f"{where}.name")
    for index, device in enumerate(container.volume_devices or ()):
        if covers_shim(device.device_path):
            where = f"{field}.volumeDevices[{index}].devicePath"
            yield _reserved_path(container.name, device.device_path, where)
    if container.termination_message_path and covers_shim(container.termination_message_path):
        yield _reserved_path(
            container.name, container.termination_message_path, f"{field}.terminationMessagePath"
        )


def _reserved_path(container: str, path: str, field: str) -> Conflict:
    return Conflict(
        "ReservedMountPath",
        f"container {container} mounts something at {path}, but {names.SHIM_DIRECTORY} and what is under it"
        " belong to Chaperone",
        "mount it elsewhere",
        field,
    )


def _reserved_mount(container: str, volume: str, path: str, field: str) -> Conflict:
    return Conflict(
        "ReservedVolumeMount",
        f"container {container} mounts Chaperone's own volume {volume} at {path}",
        "leave that mount out of the manifest; what a container needs is mounted for it",
        field,
    )
