"""What the API server's answer about a token proves, against a server that answers like one."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from sidecar.contract.errors import ClusterError
from webhook.collector.proving import PodIdentity
from webhook.collector.tokens import KubeTokenReviewer, TokenRefusedError
from webhook.kube.api import KubeApi

GOOD: dict[str, Any] = {
    "authenticated": True,
    "audiences": ["chaperone-collector"],
    "user": {
        "username": "system:serviceaccount:payments:default",
        "uid": "u-1",
        "groups": ["system:serviceaccounts"],
        "extra": {
            "authentication.kubernetes.io/pod-name": ["api-7d9c"],
            "authentication.kubernetes.io/pod-uid": ["uid-1"],
            "authentication.kubernetes.io/node-name": ["node-1"],
        },
    },
}


class ApiServer(ThreadingHTTPServer):
    """Answers every review with one status."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status: dict[str, Any] = GOOD
        self.code = 201
        self.asked: list[tuple[str, Any]] = []


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, ApiServer)
        server.asked.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
        answer = json.dumps({"kind": "TokenReview", "status": server.status}).encode()
        self.send_response(server.code)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it
        return


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    server = ApiServer()
    cluster = {"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    config = {"kind": "Config", "clusters": [cluster], "contexts": [context], "current-context": "c"}
    (tmp_path / "config").write_text(json.dumps(config | {"users": [{"name": "u", "user": {}}]}))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    monkeypatch.setattr(
        "kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "config")
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def reviewer(server: ApiServer) -> Iterator[KubeTokenReviewer]:
    api = KubeApi()
    yield KubeTokenReviewer(api)
    api.close()


def test_a_bound_token_proves_its_pod(server: ApiServer, reviewer: KubeTokenReviewer) -> None:
    assert reviewer.review("secret") == PodIdentity("payments", "api-7d9c", "uid-1", "default")
    [(path, body)] = server.asked
    assert path == "/apis/authentication.k8s.io/v1/tokenreviews"
    assert body["spec"] == {"token": "secret", "audiences": ["chaperone-collector"]}


def user(**changes: Any) -> dict[str, Any]:
    return {**GOOD, "user": {**GOOD["user"], **changes}}


@pytest.mark.parametrize(
    "status",
    [
        {"authenticated": False, "error": "expired"},
        {},
        {**GOOD, "authenticated": False},
        {**GOOD, "audiences": ["https://kubernetes.default.svc"]},
        {**GOOD, "audiences": []},
        user(username="agent"),
        user(username="system:serviceaccount:payments"),
        user(username="system:serviceaccount::default"),
        user(username="payments:default"),
        user(extra={}),
        user(extra={"authentication.kubernetes.io/pod-name": ["api-7d9c"]}),
        user(extra={**GOOD["user"]["extra"], "authentication.kubernetes.io/pod-uid": ["a", "b"]}),
    ],
)
def test_any_other_token_proves_nothing(
    server: ApiServer, reviewer: KubeTokenReviewer, status: dict[str, Any]
) -> None:
    server.status = status
    with pytest.raises(TokenRefusedError) as caught:
        reviewer.review("secret")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("token", ["", "x" * 20_000])
def test_no_token_is_not_even_reviewed(server: ApiServer, reviewer: KubeTokenReviewer, token: str) -> None:
    with pytest.raises(TokenRefusedError):
        reviewer.review(token)
    assert server.asked == []


@pytest.mark.parametrize("code", [401, 403, 429, 500, 503])
def test_an_api_server_that_cannot_tell_is_no_verdict(
    server: ApiServer, reviewer: KubeTokenReviewer, code: int
) -> None:
    server.code = code
    with pytest.raises(ClusterError):
        reviewer.review("secret")
