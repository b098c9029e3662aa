"""What could hide the shim: mounts over ``/.chaperone`` that the manifest does not name as such.

A runtime follows links when it mounts: a volume mounted *inside* another volume lands wherever a link in the
outer one points to, and the outer one's content is the workload's own. And who may mount, may mount anything
there later. What images contain is not seen here.
"""

from collections.abc import Iterable, Mapping

from webhook.admission.pods import Container, Volume, VolumeMount


def shadow(container: Container, volumes: Iterable[Volume]) -> str:
    """Give why something else may lie over the container's shim, nothing when nothing may."""
    if container.may_mount:
        return (
            f"container {container.name} is privileged or has the capability SYS_ADMIN, so it may have"
            " mounted anything over what records"
        )
    inner = _nested(container, {volume.name: volume for volume in volumes})
    if inner is not None:
        return (
            f"container {container.name} mounts volume {inner.name} at {inner.path}, inside another volume,"
            " where a link could lead it over what records"
        )
    return ""


def _nested(container: Container, known: Mapping[str, Volume]) -> VolumeMount | None:
    """Give a mount inside a volume that may hold links, unless what is mounted is harmless."""
    mounts = container.volume_mounts or ()
    for inner in mounts:
        if _is_harmless(known.get(inner.name)):
            continue
        if any(_is_inside(inner, outer) and _may_hold_links(known.get(outer.name)) for outer in mounts):
            return inner
    return None


def _is_inside(inner: VolumeMount, outer: VolumeMount) -> bool:
    return inner.path.startswith(outer.path.rstrip("/") + "/")


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
