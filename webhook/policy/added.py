"""What makes a pod privileged that its template does not say, because something added it to the pod.

A part is compared by its value and by what it is in, by name and not by place: webhooks put containers and
volumes before others. Pure.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple, cast

import msgspec

from webhook.policy.changes import part
from webhook.policy.privileges import Privilege, every_privilege

Json = dict[str, Any]
_STEP: Final = re.compile(r"\.?([^.\[\]]+)|\[([^\]]*)\]")
_MOVED: Final = frozenset({Privilege.UNCONFINED_APPARMOR})
"""Privileges that API servers write into pods in another place than they stand in the template (KEP-24)."""


class Part(NamedTuple):
    """One part of a pod that makes it privileged."""

    privilege: Privilege
    named: str
    """Where it is, in lists by name where there is one."""
    value: bytes
    """As JSON."""
    path: str
    """Where it is, as a field is written."""


def parts(pod: Json) -> tuple[Part, ...]:
    """Give everything that makes a pod privileged, or a template of one. Raises UnreadableObjectError."""
    data = msgspec.json.encode(pod)
    found = (_part_of(pod, one.privilege, one.path) for one in every_privilege("Pod", data))
    return (*found, *_mounted(part(pod, "spec")))


def privileges_of(found: Iterable[Part], templates: Iterable[Json]) -> tuple[Part, ...]:
    """Give the parts of a pod that none of the templates has."""
    known = [(template, parts(template)) for template in templates]
    same = {(one.privilege, one.named, one.value) for _, there in known for one in there}
    moved = {one.privilege for _, there in known for one in there} & _MOVED
    on_host = any(part(template, "spec").get("hostNetwork") is True for template, _ in known)
    return tuple(
        one
        for one in dict.fromkeys(found)
        if (one.privilege, one.named, one.value) not in same
        and one.privilege not in moved
        and not (on_host and one.privilege is Privilege.HOST_PORT)
    )


def _part_of(pod: Json, privilege: Privilege, path: str) -> Part:
    """Give a part with what is at a path that ``find_privileges`` gave.

    On the host's network every port is one of the host; API servers write that into pods, not into templates.
    """
    value: Any = pod
    named = list[str]()
    for match in _STEP.finditer(path):
        key, index = match.groups()
        if isinstance(value, list):
            value, key = _item(cast("list[Any]", value), index)
        else:
            key = index if key is None else key
            value = cast("Json", value).get(key) if isinstance(value, dict) else None
        named.append(key)
    return Part(privilege, "/".join(named), msgspec.json.encode(value, order="sorted"), path)


def _item(items: list[Any], index: str) -> tuple[Any, str]:
    item: Any = items[int(index)]
    if not isinstance(item, dict):
        return item, index
    found = cast("Json", item)
    name: object = found.get("name")
    return found, name if isinstance(name, str) else index


def _mounted(spec: Json) -> Iterator[Part]:
    """Give the mounts of volumes of the host: one more of them is one more way to it."""
    volumes = cast("list[Json]", spec.get("volumes") or [])
    ofhost = {volume.get("name") for volume in volumes if volume.get("hostPath") is not None}
    for group in ("initContainers", "containers"):
        for index, container in enumerate(cast("list[Json]", spec.get(group) or [])):
            for number, mount in enumerate(cast("list[Json]", container.get("volumeMounts") or [])):
                if mount.get("name") in ofhost:
                    path = f"spec.{group}[{index}].volumeMounts[{number}]"
                    named = f"spec/{group}/{container.get('name')}/volumeMounts"
                    value = msgspec.json.encode(mount, order="sorted")
                    yield Part(Privilege.HOST_PATH, named, value, path)
