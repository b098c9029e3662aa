"""What could hide the shim: mounts over ``/.chaperone`` that the manifest does not name as such.

A runtime follows links when it mounts: a volume mounted *inside* another volume lands wherever a link in the
outer one points to, and the outer one's content is the workload's own. So does the file of the termination
message, which the kubelet mounts for the container to write. Of who may mount there later ``evasions.py``
knows. What images contain is not seen here.
"""

from collections.abc import Mapping

from webhook.admission.pods import Container, Volume, VolumeMount, absolute, covers_shim, is_below


def shadow(container: Container, known: Mapping[str, Volume]) -> str:
    """Give why something else may lie over the container's shim, nothing when nothing may.

    ``known`` are its pod's volumes by their names.
    """
    inner = _nested(container, known)
    if inner is not None:
        return (
            f"container {container.name} mounts volume {inner.name} at {inner.path}, inside another volume,"
            " where a link could lead it over what records"
        )
    return ""


def last_word_shadow(container: Container, known: Mapping[str, Volume]) -> str:
    """Give why the file of its termination message may lie over the shim, nothing when it may not."""
    if not container.termination_message_path:
        return ""
    path = absolute(container.termination_message_path)
    if covers_shim(path):
        return f"container {container.name} has its termination message at {path}, over what records"
    outer = [mount for mount in container.volume_mounts or () if is_below(path, mount.path)]
    if any(_may_hold_links(known.get(mount.name)) for mount in outer):
        return (
            f"container {container.name} has its termination message at {path}, inside a volume, where a link"
            " could lead it over what records"
        )
    return ""


def _nested(container: Container, known: Mapping[str, Volume]) -> VolumeMount | None:
    """Give a mount inside a volume that may hold links, unless what is mounted is harmless."""
    mounts = container.volume_mounts or ()
    for inner in mounts:
        if _is_harmless(known.get(inner.name)):
            continue
        outside = (outer for outer in mounts if is_below(inner.path, outer.path))
        if any(_may_hold_links(known.get(outer.name)) for outer in outside):
            return inner
    return None


def _may_hold_links(volume: Volume | None) -> bool:
    """Whether anybody but the kubelet writes into a volume; unknown ones count as such."""
    return volume is None or not volume.is_written_by_kubelet


def _is_harmless(volume: Volume | None) -> bool:
    """Whether a volume holds nothing that anybody chose: the token that the API server adds to every pod."""
    if volume is None or volume.projected is None:
        return False
    return all(_is_identity(source) for source in volume.projected.sources or ())


def _is_identity(source: dict[str, object]) -> bool:
    match source:
        case {"serviceAccountToken": _, **rest}:
            return not rest
        case {"configMap": {"name": "kube-root-ca.crt"}, **rest}:
            return not rest
        case {"downwardAPI": {"items": [{"path": "namespace"}]}, **rest}:
            return not rest
        case _:
            return False
