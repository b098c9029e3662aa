"""Mounts that a link could lead over the shim.

A runtime follows links when it mounts: a volume mounted *inside* another volume lands wherever a link in the
outer one points to, and the outer one's content is the workload's own. So could something else lie at
``/.chaperone`` than the recorder put there. What images contain is not seen here.
"""

from collections.abc import Iterable

from webhook.admission.pods import Container, Volume, VolumeMount


def shadow(container: Container, volumes: Iterable[Volume]) -> VolumeMount | None:
    """Give a mount of the container that may end up over its shim, if there is one."""
    known = {volume.name: volume for volume in volumes}
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
