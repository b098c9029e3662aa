"""The API server as servers use it, on a real one."""

import socket
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from sidecar.contract.errors import ClusterError, ConfigurationError
from webhook.kube.api import KubeApi, Reply

PODS = "/api/v1/namespaces/kube-system/pods"


class Named(msgspec.Struct):
    metadata: dict[str, object]


@pytest.fixture
def nowhere(tmp_path: Path) -> Iterator[KubeApi]:
    """An API server whose port nobody answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        server = f"https://127.0.0.1:{listener.getsockname()[1]}"
        path = tmp_path / "kubeconfig"
        path.write_text(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
            f"clusters: [{{name: c, cluster: {{server: '{server}'}}}}]\n"
            "users: [{name: u, user: {token: word}}]\n"
            "contexts: [{name: c, context: {cluster: c, user: u}}]\n"
        )
        api = KubeApi(kubeconfig=path)
        yield api
        api.close()


def test_without_an_account_and_a_kubeconfig_it_is_said_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no pod with a service account, and no kubeconfig"):
        KubeApi(kubeconfig=tmp_path / "none")


@pytest.mark.cluster
def test_an_object_is_read_and_an_absent_one_is_none(api: KubeApi) -> None:
    found = api.get("/api/v1/namespaces/kube-system", Named)
    assert found is not None
    assert found.metadata["name"] == "kube-system"
    assert api.get("/api/v1/namespaces/no-such-namespace", Named) is None


@pytest.mark.cluster
def test_an_object_of_another_shape_is_an_error(api: KubeApi) -> None:
    with pytest.raises(ClusterError, match="cannot be read"):
        api.get("/api/v1/namespaces/kube-system", list[int])


@pytest.mark.cluster
def test_a_refusal_is_an_error_that_tells_the_status(api: KubeApi) -> None:
    with pytest.raises(ClusterError, match="answered 400"):
        api.request("POST", PODS, body={"kind": "Nonsense"}).decode(Named)


def test_an_api_server_that_does_not_answer_is_given_up(nowhere: KubeApi) -> None:
    with pytest.raises(ClusterError, match="cannot be reached") as raised:
        nowhere.get(PODS, Named, seconds=0.2)
    assert "word" not in str(raised.value)


@pytest.mark.parametrize("status", [301, 403, 500])
def test_only_success_is_decoded(status: int) -> None:
    with pytest.raises(ClusterError, match=str(status)):
        Reply(status, b"{}").decode(Named)
