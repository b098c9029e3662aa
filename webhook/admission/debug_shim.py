"""Debug containers under the shim: how their command is put there, and what keeps one from it. Pure.

What a debug container runs becomes a session of its own, traced, masked and recorded like an exec: its
command begins with the shim and a grant, and it mounts a volume of the pod that is there for debug containers
alone, because the API server lets them mount whole volumes only.
"""

from collections.abc import Iterable, Iterator
from typing import Any, cast

import msgspec

from sidecar.contract import names
from sidecar.contract.errors import CallerError
from sidecar.contract.grants import DialIn, Grant, check_dial_in, verify_grant
from webhook.admission.evasions import evasion
from webhook.admission.filling_in import is_filled_in
from webhook.admission.pods import Container, Pod, begun, covers_shim, is_debug_mount
from webhook.admission.recorder import debug_mount
from webhook.admission.remedy import recreate
from webhook.admission.review import PatchOperation

Json = dict[str, Any]
LIFETIME_SECONDS = 600
"""How long the grant of a debug container may be used: its image may have to be fetched before."""


class Unfit(msgspec.Struct, frozen=True):
    """Why what a debug container does cannot be recorded, and what to do."""

    why: str
    remedy: str


def unfit(
    pod: Pod, container: Container, namespace: str, roots: Iterable[bytes], *, untold: str = ""
) -> Unfit | None:
    """Give what keeps a debug container, as its author wrote it, from running under the shim.

    ``untold`` says why it is not known what its image starts.
    """
    found = unfit_pod(pod, namespace, roots) or _of_program(container, untold)
    return found or _of_place(container) or _of_rights(pod, container)


def steps(index: int, container: Container, grant: str, *, told: bool = False) -> Iterator[PatchOperation]:
    """Give what puts the ephemeral container with this index under the shim.

    Of one without a command, its image has ``told`` command and arguments.
    """
    path = f"/spec/ephemeralContainers/{index}"
    own = (not told and begun(container.command)) or container.command or ()
    if told:
        yield PatchOperation("add", f"{path}/args", list(container.args or ()))
    yield PatchOperation("add", f"{path}/command", [str(names.SHIM_PATH), grant, names.SESSION_FLAG, *own])
    mounts = container.volume_mounts
    if mounts is None:
        yield PatchOperation("add", f"{path}/volumeMounts", [debug_mount()])
    elif not any(is_debug_mount(mount) for mount in mounts):
        yield PatchOperation("add", f"{path}/volumeMounts/-", debug_mount())


def bare(written: Json) -> Json:
    """Give a debug container as its author wrote it: without what :func:`steps` put into it."""
    command = written.get("command")
    words = cast("list[Any]", command) if isinstance(command, list) else []
    own = begun(words) if all(isinstance(word, str) for word in words) else None
    if own is None:
        return written
    left = {**written, "command": list(own)}
    mounts = left.pop("volumeMounts", None)
    kept = [mount for mount in cast("list[Json]", mounts or []) if mount != debug_mount()]
    return {**left, "volumeMounts": kept} if kept else left


def session_of(
    container: Container, pod: Pod, namespace: str, roots: tuple[bytes, ...], *, now: int | None = None
) -> Grant | None:
    """Give the grant of the session that a debug container's program is; None where it is none.

    With ``now``, in Unix seconds, the grant must be good at that moment.
    """
    words = container.command
    if words is None or begun(words) is None or not container.sees_shim:
        return None
    try:
        grant = verify_grant(words[1].encode("utf-8", "replace"), roots=roots, now=now)
        argv = tuple(word.encode("utf-8", "replace") for word in container.line)
        moment = grant.issued_at if now is None else now
        dial_in = DialIn(pod.metadata.uid, container.name, argv, container.tty, namespace=namespace)
        check_dial_in(grant, dial_in, now=moment, skew_seconds=0)
    except CallerError:
        return None
    return grant


def unfit_pod(pod: Pod, namespace: str, roots: Iterable[bytes]) -> Unfit | None:
    """Give what keeps all debug containers of a pod from running under the shim."""
    remedy = f"create the pod anew ({recreate(pod, namespace)}), then debug it"
    if pod.recorder is None:
        why = "this pod has no recorder, most likely because it is older than the guard on its namespace"
        return Unfit(why, remedy)
    if not any(volume.name == names.DEBUG_VOLUME for volume in pod.spec.volumes or ()):
        return Unfit("this pod's recorder is of a version that does not record debug containers", remedy)
    if frozenset(roots).isdisjoint(pod.recorder.trusted_roots):
        return Unfit("this pod's recorder does not know the signing root of this installation", remedy)
    if pod.recorder_trouble:
        logs = f"kubectl logs {pod.metadata.name} -n {namespace} -c {names.RECORDER_CONTAINER}"
        why = f"the recorder of this pod does not run ({pod.recorder_trouble})"
        return Unfit(why, f"try again in a moment; what keeps it down: {logs}")
    return None


def _of_program(container: Container, untold: str) -> Unfit | None:
    """Give why it is not known what would run."""
    if not container.command:
        why = f"container {container.name} has no command, and it is not known what its image starts"
        remedy = "say it: kubectl debug -it POD --image=IMAGE -- sh, without --arguments-only"
        return Unfit(f"{why}: {untold}" if untold else why, remedy)
    if is_filled_in(container.line):
        why = (
            f"the command of container {container.name} holds $( or $$, or a $ before a letter that is not"
            " ASCII, which the kubelet fills in"
        )
        return Unfit(why, "write it without these: a shell knows $NAME and `command`")
    return None


def _of_place(container: Container) -> Unfit | None:
    """Give what its author mounts where the shim is to be."""
    places = [mount.mount_path for mount in container.volume_mounts or () if not is_debug_mount(mount)]
    places += [device.device_path for device in container.volume_devices or ()]
    over = next((place for place in places if covers_shim(place)), None)
    if over is None:
        return None
    ours = f"and {names.SHIM_DIRECTORY} is Chaperone's"
    return Unfit(f"container {container.name} mounts something at {over}, {ours}", "leave that mount out")


def _of_rights(pod: Pod, container: Container) -> Unfit | None:
    around = evasion(container, pod.spec.volumes or ())
    if around is None:
        return None
    as_these = "as kubectl debug --profile=baseline, restricted and netadmin do"
    return Unfit(around.why, f"{around.remedy}, {as_these}")
