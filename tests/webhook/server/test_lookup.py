"""Pods, found through a real API server."""

from collections.abc import Iterator

import pytest

from sidecar.contract.errors import ClusterError
from webhook.kube.api import KubeApi
from webhook.server.lookup import ApiPodLookup

pytestmark = [pytest.mark.cluster, pytest.mark.anyio]
NAMESPACE = "default"
POD = "/api/v1/namespaces/default/pods/lookup-test"


@pytest.fixture(autouse=True, scope="module")
def _tidy(api: KubeApi) -> Iterator[None]:
    yield
    api.request("DELETE", f"{POD}?gracePeriodSeconds=0")


@pytest.fixture
def lookup(api: KubeApi) -> Iterator[ApiPodLookup]:
    lookup = ApiPodLookup(api, threads=2, seconds=5)
    yield lookup
    lookup.close()


def create(api: KubeApi) -> None:
    spec = {"containers": [{"name": "app", "image": "none"}], "nodeSelector": {"no": "node"}}
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "lookup-test"}, "spec": spec}
    assert api.request("POST", POD.rpartition("/")[0], body=body).status == 201


async def test_a_pod_is_found_the_moment_it_exists_and_no_longer_than_that(
    api: KubeApi, lookup: ApiPodLookup
) -> None:
    assert await lookup.find(NAMESPACE, "lookup-test") is None
    create(api)
    found = await lookup.find(NAMESPACE, "lookup-test")
    assert found is not None
    assert (found.metadata.name, len(found.metadata.uid)) == ("lookup-test", 36)
    assert [container.name for container in found.spec.containers] == ["app"]
    assert found.recorder is None


@pytest.mark.parametrize("name", ["../secrets/x", "a/b", "%2e%2e", ""])
async def test_a_name_never_leads_elsewhere(lookup: ApiPodLookup, name: str) -> None:
    try:
        assert await lookup.find(NAMESPACE, name) is None
    except ClusterError:
        return
