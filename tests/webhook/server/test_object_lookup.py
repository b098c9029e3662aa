"""Objects of any kind, found through a real API server."""

import pytest

from webhook.admission.lookup import NotPermittedError
from webhook.kube.api import KubeApi
from webhook.server.object_lookup import ApiObjectLookup, path_of

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("resource", "namespace", "path"),
    [
        ("secrets", "a", "/api/v1/namespaces/a/secrets/n"),
        ("namespaces", "", "/api/v1/namespaces/n"),
        ("deployments.apps", "a", "/apis/apps/v1/namespaces/a/deployments/n"),
        ("deployments.apps/scale", "a", "/apis/apps/v1/namespaces/a/deployments/n/scale"),
        ("guardpolicies.chaperone.dev", "", "/apis/chaperone.dev/v1alpha1/guardpolicies/n"),
    ],
)
def test_where_objects_are_read(resource: str, namespace: str, path: str) -> None:
    assert path_of(resource, namespace, "n") == path


@pytest.mark.cluster
async def test_what_is_there_is_found_and_what_is_not_is_not(api: KubeApi) -> None:
    lookup = ApiObjectLookup(api, seconds=5)
    found = await lookup.find("clusterroles.rbac.authorization.k8s.io", "", "cluster-admin")
    assert found is not None
    assert (found["kind"], found["metadata"]["name"]) == ("ClusterRole", "cluster-admin")
    assert await lookup.find("secrets", "default", "no-such-secret") is None


@pytest.mark.cluster
async def test_what_may_not_be_read_is_told(agents_api: KubeApi) -> None:
    with pytest.raises(NotPermittedError, match="may not read secrets in namespace default"):
        await ApiObjectLookup(agents_api, seconds=5).find("secrets", "default", "any")
