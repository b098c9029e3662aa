"""What was injected into a pod, once all webhooks have had it: is it as it was made, and the pod without it.

The pod is read as plain values: what is injected has to be there to the letter, with nothing added. Only what
the API server's own plugins do to the recorder may be: its resources (LimitRanger), and when its image is
pulled (AlwaysPullImages). Replicas may know of a new root or authority before others do: a recorder may trust
fewer than this one, and none that this one does not.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final, cast

import msgspec

from sidecar.contract import environment, names
from sidecar.contract.errors import ConfigurationError
from webhook.admission import recorder
from webhook.admission.pods import absolute, wrapped
from webhook.admission.recorder import Json, RecorderSettings, Trust
from webhook.admission.review import MalformedReviewError, decode_object

DEFAULT_CONTAINER: Final = "kubectl.kubernetes.io/default-container"
"""Says which container kubectl means; without it kubectl remarks on every exec that there are several."""
_LIMITED: Final = frozenset({"cpu", "memory", "ephemeral-storage"})
"""Resources that may be set for a recorder. Others are devices."""
_TOLD: Final = frozenset({environment.CONTAINERS, environment.ROOT_KEYS, environment.CA})
"""Variables that are not compared by their text."""
_END: Final = "-----END CERTIFICATE-----"

_pods = msgspec.json.Decoder(Json)


class Difference(msgspec.Struct, frozen=True):
    """What is not as it was injected, in words, and where."""

    why: str
    field: str


def read_pod(raw: msgspec.Raw) -> Json:
    """Give a pod as plain values, its lists of objects checked. Raises MalformedReviewError."""
    pod = decode_object(raw, _pods)
    metadata, spec = _part(pod, "metadata"), _part(pod, "spec")
    for key in ("labels", "annotations"):
        _part(metadata, key)
    for key in ("initContainers", "containers"):
        for container in _list(spec, key):
            _list(container, "volumeMounts")
            _list(container, "env")
    _list(spec, "volumes")
    return pod


def difference(
    pod: Json, settings: RecorderSettings, trust: Trust, *, awaited: bool = False
) -> Difference | None:
    """Give the first thing that is not as it is injected, if any.

    ``awaited`` says whether no container may start before the recorder listens.
    """
    return next(_differences(pod, settings, trust, awaited=awaited), None)


def was_injected(pod: Json, settings: RecorderSettings) -> bool:
    """Tell whether a pod was injected, whatever became of it since."""
    return any(recorder.looks_ours(one, settings) for one in _list(_part(pod, "spec"), "initContainers"))


def _differences(
    pod: Json, settings: RecorderSettings, trust: Trust, *, awaited: bool
) -> Iterator[Difference]:
    spec = _part(pod, "spec")
    initial, main = _list(spec, "initContainers"), _list(spec, "containers")
    if not initial or initial[0].get("name") != names.RECORDER_CONTAINER:
        why = f"container {names.RECORDER_CONTAINER} is not the first of the init containers, or not there"
        yield Difference(why, "spec.initContainers")
        return
    guarded = [*initial[1:], *main]
    called = tuple(str(container.get("name")) for container in guarded)
    for group, containers, first in (("initContainers", initial[1:], 1), ("containers", main, 0)):
        for index, container in enumerate(containers, start=first):
            yield from _of_mounts(container, f"spec.{group}[{index}].volumeMounts")
    yield from _of_recorder(initial[0], recorder.container(settings, trust, called, awaited=awaited), trust)
    yield from _of_volumes(_list(spec, "volumes"), settings)
    yield from _of_marks(_part(pod, "metadata"))


def _of_recorder(found: Json, wanted: Json, trust: Trust) -> Iterator[Difference]:
    where = "spec.initContainers[0]"
    apart = {"env", "resources", "imagePullPolicy"}
    for key in sorted((found.keys() | wanted.keys()) - apart):
        if not _same(found.get(key), wanted.get(key)):
            yield Difference(f"{key} of the recorder is not what Chaperone injects", f"{where}.{key}")
    if str(found.get("imagePullPolicy")) not in {wanted["imagePullPolicy"], "Always"}:
        why = "imagePullPolicy of the recorder is not what Chaperone injects"
        yield Difference(why, f"{where}.imagePullPolicy")
    if not _is_limited(found.get("resources")):
        why = "the recorder has other resources than processor time, memory and storage"
        yield Difference(why, f"{where}.resources")
    yield from _of_variables(_list(found, "env"), wanted["env"], trust, f"{where}.env")


def _is_limited(resources: object) -> bool:
    match resources:
        case None:
            return True
        case dict():
            parts = cast("Json", resources)
            quantities = [_part(parts, key) for key in ("limits", "requests")]
            return parts.keys() <= {"limits", "requests"} and all(q.keys() <= _LIMITED for q in quantities)
        case _:
            return False


def _of_variables(found: list[Json], wanted: list[Json], trust: Trust, where: str) -> Iterator[Difference]:
    given, ours = [one.get("name") for one in found], [one["name"] for one in wanted]
    for name in sorted({str(name) for name in given} - set(ours)):
        yield Difference(f"the recorder has a variable {name} that Chaperone did not give it", where)
    for name in ours:
        if name not in given:
            yield Difference(f"the recorder's variable {name} is not there", where)
    if given != ours:
        yield Difference("the recorder's variables are not in the order in which Chaperone gives them", where)
        return
    for one, our in zip(found, wanted, strict=True):
        same = _is_told(one, our, trust) if our["name"] in _TOLD else _same(one, our)
        if not same:
            yield Difference(
                f"the recorder's variable {our['name']} has another value than Chaperone gives it", where
            )


def _is_told(found: Json, ours: Json, trust: Trust) -> bool:
    """Tell whether what differs from pod to pod is right: containers, and who is trusted."""
    value = found.get("value")
    if found.keys() != {"name", "value"} or not isinstance(value, str):
        return False
    match ours["name"]:
        case environment.CONTAINERS:
            return Counter(value.split(",")) == Counter(ours["value"].split(","))
        case environment.ROOT_KEYS:
            return _is_part(_roots(value), trust.roots)
        case _:
            return _is_part(_certificates(value), _certificates(trust.ca))


def _is_part(found: tuple[Any, ...], known: tuple[Any, ...]) -> bool:
    return bool(found) and set(found) <= set(known)


def _roots(value: str) -> tuple[bytes, ...]:
    try:
        return environment.read_roots(value)
    except ConfigurationError:
        return ()


def _certificates(text: str) -> tuple[str, ...]:
    *certificates, rest = text.split(_END)
    return tuple(one.strip() for one in certificates) if not rest.strip() else (text,)


def _of_volumes(found: list[Json], settings: RecorderSettings) -> Iterator[Difference]:
    for ours in recorder.volumes(settings):
        there = [volume for volume in found if volume.get("name") == ours["name"]]
        if not there:
            yield Difference(f"volume {ours['name']} is not there", "spec.volumes")
        elif not _same(there, [ours]):
            yield Difference(f"volume {ours['name']} is not what Chaperone injects", "spec.volumes")


def _of_mounts(container: Json, where: str) -> Iterator[Difference]:
    """Give what is wrong with what a container has of Chaperone's: one mount, and nothing else of it."""
    name, mounts = str(container.get("name")), _list(container, "volumeMounts")
    ours = recorder.mount(name)
    here = [mount for mount in mounts if _is_ours(mount)]
    if not here:
        why = f"container {name} has no mount of volume {names.SHIM_VOLUME}: nothing in it would be recorded"
        yield Difference(why, where)
    elif not _same(here, [ours]):
        yield Difference(f"container {name} has another mount of Chaperone's than it was given", where)


def _is_ours(mount: Json) -> bool:
    path = absolute(str(mount.get("mountPath")))
    return str(mount.get("name")) in names.RESERVED_VOLUMES or path == str(names.SHIM_DIRECTORY)


def _of_marks(metadata: Json) -> Iterator[Difference]:
    if _part(metadata, "labels").get(names.INJECTED_LABEL) != "true":
        yield Difference(f"label {names.INJECTED_LABEL} is not there", "metadata.labels")
    if _part(metadata, "annotations").get(names.INJECTED_ANNOTATION) != names.VERSION:
        why = f"annotation {names.INJECTED_ANNOTATION} is not {names.VERSION}"
        yield Difference(why, "metadata.annotations")


def without(pod: Json, settings: RecorderSettings) -> msgspec.Raw:
    """Give a pod as JSON as it is without what was injected. What is not as it was injected stays."""
    metadata, spec = dict(_part(pod, "metadata")), dict(_part(pod, "spec"))
    containers = _list(spec, "containers")
    marks = [(names.INJECTED_ANNOTATION, names.VERSION)]
    marks += [(DEFAULT_CONTAINER, str(one.get("name"))) for one in containers[:1]]
    annotations, labels = _part(metadata, "annotations"), _part(metadata, "labels")
    _put(metadata, "annotations", {k: v for k, v in annotations.items() if (k, v) not in marks})
    _put(metadata, "labels", {k: v for k, v in labels.items() if (k, v) != (names.INJECTED_LABEL, "true")})
    initial = _list(spec, "initContainers")
    kept = [one for one in initial if not recorder.looks_ours(one, settings)]
    _put(spec, "initContainers", [_without_mount(one) for one in kept])
    spec["containers"] = [_without_mount(one) for one in containers]
    ours, volumes = recorder.volumes(settings), _list(spec, "volumes")
    _put(spec, "volumes", [one for one in volumes if one not in ours])
    return msgspec.Raw(msgspec.json.encode({**pod, "metadata": metadata, "spec": spec}))


def _without_mount(container: Json) -> Json:
    left, ours = dict(container), recorder.mount(str(container.get("name")))
    _put(left, "volumeMounts", [one for one in _list(container, "volumeMounts") if one != ours])
    command = left.get("command")
    if isinstance(command, list):
        own = wrapped([str(word) for word in cast("list[Any]", command)])
        left["command"] = command if own is None else list(own)
    return left


def _put(where: Json, key: str, value: Any) -> None:
    """Put a list or an object, or nothing where it is empty: the API server sends no empty ones."""
    where.pop(key, None)
    if value:
        where[key] = value


def _same(one: object, other: object) -> bool:
    """Tell whether two values are the same JSON, where 1 is not true."""
    return one == other and msgspec.json.encode(one, order="sorted") == msgspec.json.encode(
        other, order="sorted"
    )


def _part(of: Json, key: str) -> Json:
    value = of.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise MalformedReviewError(f"{key} of the pod is no object")
    return cast("Json", value)


def _list(of: Json, key: str) -> list[Json]:
    value = of.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in cast("list[Any]", value)):
        raise MalformedReviewError(f"{key} of the pod is no list of objects")
    return cast("list[Json]", value)
