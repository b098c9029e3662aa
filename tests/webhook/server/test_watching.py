"""Following objects on a real API server: labels of namespaces, and a path that is not there."""

import asyncio
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping

import msgspec
import pytest

from webhook.kube.api import MERGE_PATCH, KubeApi
from webhook.server.namespaces import PATH, NamespaceLabels
from webhook.server.watching import Follower

pytestmark = [pytest.mark.cluster, pytest.mark.anyio]


@pytest.fixture
def namespace(api: KubeApi) -> Iterator[str]:
    name = f"watch-{uuid.uuid4().hex[:8]}"
    metadata = {"name": name, "labels": {"tier": "gold"}}
    assert api.request("POST", PATH, body={"metadata": metadata}).status == 201
    yield name
    api.request("DELETE", f"{PATH}/{name}")


@pytest.fixture
def following(api: KubeApi, namespace: str) -> Iterator[NamespaceLabels]:
    """Labels that are followed; one namespace was there before."""
    labels = NamespaceLabels(api, seconds=5)
    follower = Follower(api, PATH, labels)
    thread = threading.Thread(target=follower.follow)
    thread.start()
    yield labels
    follower.stop()
    thread.join(30)
    assert not thread.is_alive()


async def known(labels: NamespaceLabels, name: str, wanted: Callable[[Mapping[str, str]], bool]) -> None:
    """Wait until a namespace has labels that are wanted."""
    for _ in range(600):
        if wanted(await labels.labels(name)):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(await labels.labels(name))


async def test_labels_follow_what_happens(api: KubeApi, namespace: str, following: NamespaceLabels) -> None:
    await known(following, namespace, lambda labels: labels.get("tier") == "gold")
    patch = {"metadata": {"labels": {"tier": "silver"}}}
    assert api.request("PATCH", f"{PATH}/{namespace}", body=patch, content_type=MERGE_PATCH).status == 200
    await known(following, namespace, lambda labels: labels.get("tier") == "silver")


async def test_what_was_not_told_of_is_asked_for(api: KubeApi, namespace: str) -> None:
    labels = NamespaceLabels(api, seconds=5)
    assert (await labels.labels(namespace))["tier"] == "gold"
    assert await labels.labels("no-such-namespace") == {}


class Told:
    """Remembers the lists it was told."""

    def __init__(self) -> None:
        self.lists: list[list[msgspec.Raw]] = []

    def listed(self, objects: list[msgspec.Raw]) -> None:
        self.lists.append(objects)

    def changed(self, obj: msgspec.Raw) -> None:
        raise AssertionError(obj)

    deleted = changed


def test_a_kind_that_is_not_installed_has_no_objects(api: KubeApi) -> None:
    told = Told()
    Follower(api, "/apis/chaperone.dev/v1alpha1/nosuchthings", told).follow()
    assert told.lists == [[]]
