"""Guarded pods kept up to date by a watch on a real API server."""

import asyncio
import threading
import uuid
from collections.abc import Callable, Iterator

import pytest

from webhook.admission.pods import Pod
from webhook.kube.api import KubeApi
from webhook.server.pod_cache import PodCache

pytestmark = [pytest.mark.cluster, pytest.mark.anyio]


@pytest.fixture
def namespace(api: KubeApi) -> Iterator[str]:
    name = f"cache-{uuid.uuid4().hex[:8]}"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    assert api.request("POST", "/api/v1/namespaces", body=body).status == 201
    yield name
    api.request("DELETE", f"/api/v1/namespaces/{name}")


class Asked:
    """A fallback that knows nothing and remembers what it was asked."""

    def __init__(self) -> None:
        self.names: list[str] = []

    async def find(self, namespace: str, name: str) -> Pod | None:
        self.names.append(name)


def create(api: KubeApi, namespace: str, name: str, *, guarded: bool = True) -> str:
    labels = {"chaperone.dev/guarded": "true"} if guarded else {}
    spec = {"containers": [{"name": "app", "image": "none"}], "nodeSelector": {"no": "node"}}
    metadata = {"name": name, "labels": labels}
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    path = f"/api/v1/namespaces/{namespace}/pods"
    return api.request("POST", path, body=body).decode(Pod).metadata.uid


def delete(api: KubeApi, namespace: str, name: str) -> None:
    assert api.request("DELETE", f"/api/v1/namespaces/{namespace}/pods/{name}").status == 200


@pytest.fixture
def following(api: KubeApi, namespace: str) -> Iterator[tuple[PodCache, Asked]]:
    """A cache that follows; one pod was there before."""
    create(api, namespace, "early")
    asked = Asked()
    cache = PodCache(api, asked)
    thread = threading.Thread(target=cache.follow)
    thread.start()
    yield cache, asked
    cache.stop()
    thread.join(30)
    assert not thread.is_alive()


async def uid(cache: PodCache, namespace: str, name: str, wanted: Callable[[str], bool]) -> None:
    """Wait until the cache gives a pod whose uid is wanted; empty stands for none."""
    for _ in range(600):
        found = await cache.find(namespace, name)
        if wanted("" if found is None else found.metadata.uid):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"the cache never knew {name} as wanted")


async def test_what_was_there_what_comes_and_what_goes_is_known(
    api: KubeApi, namespace: str, following: tuple[PodCache, Asked]
) -> None:
    cache, asked = following
    await uid(cache, namespace, "early", bool)
    first = create(api, namespace, "late")
    await uid(cache, namespace, "late", lambda found: found == first)
    delete(api, namespace, "late")
    await uid(cache, namespace, "late", lambda found: not found)
    second = create(api, namespace, "late")
    await uid(cache, namespace, "late", lambda found: found == second != first)
    asked.names.clear()
    assert await cache.find(namespace, "late")
    assert asked.names == []


async def test_pods_that_are_not_guarded_are_asked_for(
    api: KubeApi, namespace: str, following: tuple[PodCache, Asked]
) -> None:
    cache, asked = following
    await uid(cache, namespace, "early", bool)
    create(api, namespace, "naked", guarded=False)
    asked.names.clear()
    assert await cache.find(namespace, "naked") is None
    assert asked.names == ["naked"]


async def test_without_a_watch_nothing_is_known(api: KubeApi, namespace: str) -> None:
    create(api, namespace, "early")
    asked = Asked()
    cache = PodCache(api, asked)
    cache.stop()
    cache.follow()
    assert await cache.find(namespace, "early") is None
    assert asked.names == ["early"]


async def test_of_a_pod_whose_recorder_did_not_run_the_api_server_is_asked(
    api: KubeApi, namespace: str, following: tuple[PodCache, Asked]
) -> None:
    cache, asked = following
    await uid(cache, namespace, "early", bool)
    before = len(asked.names)
    waiting = {"name": "chaperone-recorder", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    more = {"image": "none", "imageID": "", "ready": False, "restartCount": 0}
    path = f"/api/v1/namespaces/{namespace}/pods/early/status"
    body = {"status": {"initContainerStatuses": [waiting | more]}}
    assert api.request("PATCH", path, body=body, content_type="application/merge-patch+json").status == 200
    await uid(cache, namespace, "early", lambda found: not found)
    assert asked.names[before:].count("early") >= 1
