"""What servers and kubectl make up in an object, another for every try: an approval must not be bound to it.

Pure. Source: what an API server allocates to Services, core/v1 ``ServiceSpec``; the volume of a pod's token,
KEP-1205; ``kubectl debug``.
"""

import re
from typing import Any, Final, cast

from webhook.policy.changes import part

Json = dict[str, Any]
_TOKEN_VOLUME: Final = "kube-api-access-"  # noqa: S105  the beginning of a volume's name
_MADE_UP_BY_KUBECTL: Final = re.compile(r"\Adebugger-[a-z0-9]{5}\Z")
_HEADLESS: Final = "None"


def without_allocated(kind: str, before: Json | None, after: Json) -> Json:
    """Give an object that is made or changed without what was made up for it, and was not there before."""
    match kind:
        case "Service":
            return _service(before or {}, after)
        case "Pod":
            return without_name_of_token(after) if before is None else _debugged(before, after)
        case _:
            return after


def without_made_up_names(containers: list[Json]) -> list[Json]:
    """Give ephemeral containers without the names that kubectl makes up."""
    return [{**one, "name": _bare_name(one.get("name"))} for one in containers]


def without_name_of_token(pod: Json) -> Json:
    """Give a pod in which the token's volume has no random name: the API server gives one to every try."""
    volumes = cast("list[Json]", part(pod, "spec").get("volumes") or [])
    tokens = [str(volume.get("name")) for volume in volumes if _is_token(volume)]
    return _renamed(pod, tokens[0]) if len(tokens) == 1 else pod


def _bare_name(name: object) -> str:
    return _MADE_UP_BY_KUBECTL.sub("debugger-*", str(name))


def _service(before: Json, after: Json) -> Json:
    """Give a Service without addresses and ports of nodes that it did not have; ``None`` is no address."""
    old, new = part(before, "spec"), dict(part(after, "spec"))
    if new.get("clusterIP") != _HEADLESS and not old.get("clusterIP"):
        new.pop("clusterIP", None)
        new.pop("clusterIPs", None)
    if not old.get("healthCheckNodePort"):
        new.pop("healthCheckNodePort", None)
    had = {_port(port) for port in _objects(old, "ports") if port.get("nodePort")}
    if "ports" in new:
        new["ports"] = [
            port if _port(port) in had else {key: value for key, value in port.items() if key != "nodePort"}
            for port in _objects(new, "ports")
        ]
    return {**after, "spec": new}


def _port(port: Json) -> tuple[str, str]:
    """Give what tells ports of a Service apart."""
    return str(port.get("protocol")), str(port.get("port"))


def _debugged(before: Json, after: Json) -> Json:
    """Give a changed pod in which ephemeral containers that are added have no made-up names."""
    known = _objects(part(before, "spec"), "ephemeralContainers")
    spec = part(after, "spec")
    found = _objects(spec, "ephemeralContainers")
    if found == known:
        return after
    kept = [one for one in found if one in known]
    added = without_made_up_names([one for one in found if one not in known])
    return {**after, "spec": {**spec, "ephemeralContainers": [*kept, *added]}}


def _objects(found: Json, key: str) -> list[Json]:
    """Give a list of objects, without what is none in it."""
    value: object = found.get(key)
    if not isinstance(value, list):
        return []
    return [cast("Json", one) for one in cast("list[object]", value) if isinstance(one, dict)]


def _is_token(volume: Json) -> bool:
    name = volume.get("name")
    return isinstance(name, str) and name.startswith(_TOKEN_VOLUME) and "projected" in volume


def _renamed(value: Any, name: str) -> Any:
    match value:
        case dict():
            found = cast("Json", value)
            return {
                key: _TOKEN_VOLUME if key == "name" and inner == name else _renamed(inner, name)
                for key, inner in found.items()
            }
        case list():
            return [_renamed(inner, name) for inner in cast("list[Any]", value)]
        case _:
            return value
