"""What was injected is found to the letter, and taken out again to the byte."""

import asyncio
import copy
from collections.abc import Iterator
from contextlib import suppress
from functools import reduce
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pods_made_up import made_up_pods
from reviews import NOW, ROOT, SETTINGS, TRUST, Object, injected, plain_pod

from sidecar.contract.environment import write_roots
from webhook.admission.injected import difference, read_pod, without
from webhook.admission.recorder import Trust
from webhook.admission.review import MalformedReviewError
from webhook.trust import material

GUARDED = asyncio.run(injected(plain_pod({"name": "app", "image": "i"}, {"name": "side", "image": "i"})))
RECORDER = ("spec", "initContainers", 0)
Place = tuple[Any, ...]


def read(pod: Object) -> Object:
    return read_pod(msgspec.Raw(msgspec.json.encode(pod)))


def changed(pod: Object, trust: Trust = TRUST) -> str:
    """What is not as it was injected, in words."""
    found = difference(read(pod), SETTINGS, trust)
    return f"{found.field}: {found.why}" if found else ""


def at(pod: Object, place: Place) -> Any:
    return reduce(lambda found, key: found[key], place, pod)


def put(place: Place, value: object) -> Object:
    """The injected pod with something else in a place, or without it."""
    found = copy.deepcopy(GUARDED)
    inner = at(found, place[:-1])
    if value is ...:
        del inner[place[-1]]
    else:
        inner[place[-1]] = value
    return found


@settings(deadline=None, max_examples=100)
@given(made_up_pods)
def test_what_is_injected_is_taken_out_again_to_the_byte(pod: Object) -> None:
    guarded = asyncio.run(injected(pod))
    assert not changed(guarded)
    assert asyncio.run(injected(guarded)) == guarded
    bare = msgspec.json.decode(without(read(guarded), SETTINGS))
    assert msgspec.json.encode(bare, order="sorted") == msgspec.json.encode(pod, order="sorted")


def places(value: Any, place: Place) -> Iterator[Place]:
    yield place
    if isinstance(value, dict):
        for key, one in cast("Object", value).items():
            yield from places(one, (*place, key))
    elif isinstance(value, list):
        for index, one in enumerate(cast("list[Any]", value)):
            yield from places(one, (*place, index))


OURS = [
    place
    for root in (
        RECORDER,
        ("spec", "volumes"),
        ("spec", "containers", 0, "volumeMounts"),
        ("spec", "containers", 1, "volumeMounts"),
        ("metadata", "labels", "chaperone.dev/guarded"),
        ("metadata", "annotations", "chaperone.dev/recorder"),
    )
    for place in places(at(GUARDED, root), root)
    if not {"resources", "imagePullPolicy"} & set(place)
]


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(OURS), st.sampled_from(["other", 1, 0, None, [], {}, True, False, ...]))
def test_whatever_is_changed_is_found(place: Place, value: object) -> None:
    tampered = put(place, value)
    if msgspec.json.encode(tampered) == msgspec.json.encode(GUARDED):
        return
    with suppress(MalformedReviewError):  # refused as well
        assert changed(tampered)


@settings(deadline=None, max_examples=100)
@given(st.sampled_from([place for place in OURS if isinstance(at(GUARDED, place), dict)]))
def test_whatever_is_added_is_found(place: Place) -> None:
    assert changed(put((*place, "added"), {"x": 1}))


ADDED: dict[str, tuple[Place, Object, str]] = {
    "variable": ((*RECORDER, "env"), {"name": "LD_PRELOAD", "value": "/x"}, "variable LD_PRELOAD that"),
    "mount": ((*RECORDER, "volumeMounts"), {"name": "v", "mountPath": "/x"}, "volumeMounts of the recorder"),
    "container": (("spec", "containers"), {"name": "late", "image": "i"}, "container late has no mount"),
    "volume": (("spec", "volumes"), {"name": "chaperone", "emptyDir": {}}, "volume chaperone is not what"),
    "second mount": (
        ("spec", "containers", 0, "volumeMounts"),
        {"name": "chaperone", "mountPath": "/y", "subPath": "app", "readOnly": True},
        "container app has another mount",
    ),
}


@pytest.mark.parametrize(("place", "value", "named"), ADDED.values(), ids=ADDED)
def test_what_is_added_to_a_list_is_named(place: Place, value: Object, named: str) -> None:
    assert named in changed(put(place, [*at(GUARDED, place), value]))


def test_a_container_before_the_recorder_is_named() -> None:
    first = {"name": "mesh-init", "image": "i"}
    assert "is not the first of the init containers" in changed(put(("spec", "initContainers"), [first]))


@pytest.mark.parametrize(
    "place",
    [
        (*RECORDER, "securityContext", "privileged"),
        (*RECORDER, "securityContext", "readOnlyRootFilesystem"),
    ],
)
def test_one_is_not_true(place: Place) -> None:
    assert "securityContext of the recorder" in changed(put(place, int(at(GUARDED, place))))


def test_plugins_of_the_api_server_may_set_resources_and_pull_images() -> None:
    more = {"limits": {"cpu": "1", "memory": "1Gi", "ephemeral-storage": "1Gi"}, "requests": {"cpu": "1"}}
    assert not changed(put((*RECORDER, "resources"), more))
    assert not changed(put((*RECORDER, "resources"), ...))
    assert not changed(put((*RECORDER, "imagePullPolicy"), "Always"))
    assert "imagePullPolicy" in changed(put((*RECORDER, "imagePullPolicy"), "Never"))


@pytest.mark.parametrize(
    "resources",
    [{"limits": {"nvidia.com/gpu": "1"}}, {"claims": [{"name": "gpu"}]}, {"limits": {"hugepages-2Mi": "1"}}],
)
def test_nobody_gives_a_recorder_devices(resources: Object) -> None:
    assert "other resources" in changed(put((*RECORDER, "resources"), resources))


OTHER = material.new_root(NOW)


@pytest.mark.parametrize("old_first", [True, False])
def test_replicas_that_know_of_another_root_before_others_agree(old_first: bool) -> None:
    """While a root is replaced both are trusted; a recorder that trusts one of them is no stranger."""
    both = Trust((*ROOT.roots, *OTHER.roots), ROOT.bundle + OTHER.bundle, TRUST.collector_address)
    assert not changed(GUARDED, both)
    swapped = Trust(both.roots[::-1], OTHER.bundle + ROOT.bundle, TRUST.collector_address)
    assert not changed(GUARDED, swapped if old_first else both)


def variable(name: str, value: str) -> Object:
    [index] = [n for n, one in enumerate(at(GUARDED, RECORDER)["env"]) if one["name"] == name]
    return put((*RECORDER, "env", index, "value"), value)


TOLD = {
    "another root": ("CHAPERONE_ROOT_KEYS", write_roots(OTHER.roots)),
    "one root more": ("CHAPERONE_ROOT_KEYS", write_roots((*ROOT.roots, *OTHER.roots))),
    "no root": ("CHAPERONE_ROOT_KEYS", ""),
    "no key": ("CHAPERONE_ROOT_KEYS", "no base64"),
    "another authority": ("CHAPERONE_CA", OTHER.bundle),
    "one authority more": ("CHAPERONE_CA", ROOT.bundle + OTHER.bundle),
    "more than authorities": ("CHAPERONE_CA", ROOT.bundle + "more"),
    "no authority": ("CHAPERONE_CA", ""),
    "another collector": ("CHAPERONE_COLLECTOR", "wss://elsewhere"),
    "another address": ("CHAPERONE_COLLECTOR_ADDRESS", "1.2.3.4"),
    "too few containers": ("CHAPERONE_CONTAINERS", "app"),
    "one of them twice": ("CHAPERONE_CONTAINERS", "app,side,side"),
    "other containers": ("CHAPERONE_CONTAINERS", "app,other"),
}


@pytest.mark.parametrize(("name", "value"), TOLD.values(), ids=TOLD)
def test_nobody_tells_a_recorder_whom_to_trust(name: str, value: str) -> None:
    assert name in changed(variable(name, value))


def test_the_order_of_containers_does_not_matter() -> None:
    assert not changed(put(("spec", "containers"), GUARDED["spec"]["containers"][::-1]))


def test_a_recorder_is_told_an_address_that_is_known() -> None:
    unknown = Trust(TRUST.roots, TRUST.ca)
    assert "CHAPERONE_COLLECTOR_ADDRESS" in changed(GUARDED, unknown)
    pod = copy.deepcopy(GUARDED)
    variables = at(pod, (*RECORDER, "env"))
    variables[:] = [one for one in variables if one["name"] != "CHAPERONE_COLLECTOR_ADDRESS"]
    assert "CHAPERONE_COLLECTOR_ADDRESS is not there" in changed(pod)
    assert not changed(pod, unknown)


def test_what_is_not_as_it_was_injected_stays_to_be_judged() -> None:
    volumes = GUARDED["spec"]["volumes"]
    tampered = put(("spec", "volumes"), [{"name": "chaperone", "hostPath": {"path": "/"}}, *volumes[1:]])
    bare = msgspec.json.decode(without(read(tampered), SETTINGS))
    assert bare["spec"]["volumes"] == [{"name": "chaperone", "hostPath": {"path": "/"}}]
    foreign = put((*RECORDER, "image"), "mine")
    bare = msgspec.json.decode(without(read(foreign), SETTINGS))
    assert [one["image"] for one in bare["spec"]["initContainers"]] == ["mine"]


@pytest.mark.parametrize("spec", [{"containers": 1}, {"containers": [1]}, {"volumes": {}}, 1, []])
def test_what_is_no_pod_is_malformed(spec: object) -> None:
    with pytest.raises(MalformedReviewError):
        read({"metadata": {}, "spec": spec})
