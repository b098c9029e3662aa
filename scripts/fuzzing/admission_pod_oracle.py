"""What pods must be that are let through, and debug containers in them: worked out anew."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any, Final, cast

from fuzzing.admission_patches import PatchError, patched

if TYPE_CHECKING:
    from collections.abc import Iterator

Object = dict[str, Any]
_EXEMPT: Final = frozenset({"kube-system", "chaperone-system"})
_VARIABLES: Final = 11
"""That a recorder is given."""
_VOLUMES: Final = (
    ("chaperone", "emptyDir"),
    ("chaperone-debug", "emptyDir"),
    ("chaperone-spool", "emptyDir"),
    ("chaperone-token", "projected"),
)


def debug_complaint(request: Object, _: list[Object]) -> str:
    """Give what is wrong with letting a change of a pod's ephemeral containers through: one that is new."""
    before, after = (_ephemeral(request.get(key)) for key in ("oldObject", "object"))
    is_new = any(container not in before for container in after)
    return "the pack wants it approved, and a debug container comes in" if is_new else ""


def debugging_complaint(request: Object, patch: list[Object]) -> str:
    """Give what is wrong with a patch of ephemeral containers: all but shim and mount for new ones."""
    before, after = (_ephemeral(request.get(key)) for key in ("oldObject", "object"))
    places = {f"/spec/ephemeralContainers/{n}/" for n, one in enumerate(after) if one not in before}
    for step in patch:
        place = next((place for place in places if step["path"].startswith(place)), "")
        what = step["path"].removeprefix(place)
        is_command = what == "command" and step["value"][::2][:2] == ["/.chaperone/shim", "--"]
        if not place or not (is_command or what in {"volumeMounts", "volumeMounts/-"}):
            return "it changes something else than new debug containers"
    return ""


def _ephemeral(pod: object) -> list[Any]:
    spec = cast("Object", pod).get("spec") if isinstance(pod, dict) else None
    found = cast("Object", spec).get("ephemeralContainers") if isinstance(spec, dict) else None
    return cast("list[Any]", found) if isinstance(found, list) else []


def injection_complaint(request: Object, patch: list[Object], image: str) -> str:
    """Give what is wrong with a pod as its patch leaves it, whose recorder is of this image."""
    if request.get("namespace") in _EXEMPT:
        return "" if not patch else "a pod was changed that is not guarded"
    try:
        pod = patched(request.get("object"), patch)
        return _shape_complaint(cast("Object", pod["spec"]), cast("Object", pod["metadata"]), image)
    except (PatchError, KeyError, IndexError, TypeError, AttributeError) as error:
        return f"its patch does not fit: {error!r}"


def pod_complaint(request: Object, patch: list[Object], image: str) -> str:
    """Give why a pod may not be made that every webhook has had."""
    if patch:
        return "it was changed by who judges it"
    if request.get("namespace") in _EXEMPT:
        return ""
    try:
        pod = cast("Object", request.get("object"))
        spec = cast("Object", pod["spec"])
        complaint = _shape_complaint(spec, cast("Object", pod["metadata"]), image)
        return complaint or ("it reaches beyond itself" if any(_privileges(spec)) else "")
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        return f"it is no pod that was injected: {error!r}"


def _shape_complaint(spec: Object, metadata: Object, image: str) -> str:
    first, *others = spec["initContainers"]
    others = [*others, *spec["containers"]]
    if first["name"] != "chaperone-recorder" or first["image"] != image:
        return "its recorder is not the first"
    context = first["securityContext"]
    if context["privileged"] or not context["runAsNonRoot"] or first.get("lifecycle") or first.get("command"):
        return "its recorder is another one"
    variables = [str(variable["name"]) for variable in first["env"]]
    if not all(name.startswith("CHAPERONE_") for name in variables) or len(set(variables)) != _VARIABLES:
        return "its recorder is told something else"
    volumes = [volume for volume in spec["volumes"] if str(volume["name"]).startswith("chaperone")]
    kinds = [(volume["name"], *sorted(volume.keys() - {"name"})) for volume in volumes]
    if kinds != list(_VOLUMES):
        return "its volumes are others"
    if metadata["labels"]["chaperone.dev/guarded"] != "true":
        return "it is not marked"
    for container in others:
        mounts = container["volumeMounts"]
        here = [mount for mount in mounts if _is_under_shim(mount["mountPath"])]
        own = {
            "name": "chaperone",
            "mountPath": "/.chaperone",
            "subPath": container["name"],
            "readOnly": True,
        }
        if container["name"] == "chaperone-recorder" or here != [own]:
            return f"container {container['name']!r} does not see its shim alone"
    return ""


def _is_under_shim(path: str) -> bool:
    real = posixpath.normpath("/" + path.lstrip("/"))
    return real == "/" or real == "/.chaperone" or real.startswith("/.chaperone/")


def _privileges(spec: Object) -> Iterator[bool]:
    yield any(spec.get(key) is True for key in ("hostPID", "hostIPC", "hostNetwork"))
    for volume in spec.get("volumes") or ():
        yield volume.get("hostPath") is not None
    for key in ("containers", "initContainers", "ephemeralContainers"):
        for container in spec.get(key) or ():
            context: Object = container.get("securityContext") or {}
            capabilities: Object = context.get("capabilities") or {}
            added: list[str] = capabilities.get("add") or []
            yield context.get("privileged") is True or bool(set(added) - {"NET_BIND_SERVICE"})
