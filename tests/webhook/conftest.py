"""What tests of the control side share."""

import os
import secrets
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from opensearch_secure import Secure, secure_opensearch
from opensearch_server import call, opensearch_url, remove_all, remove_documents

from webhook.kube.api import KubeApi
from webhook.store import OpenSearchSettings

ROOT = Path(__file__).parents[2]


@pytest.fixture
def anyio_backend() -> str:
    """Tests that wait run under asyncio, as the servers do."""
    return "asyncio"


@pytest.fixture(scope="module")
def api() -> Iterator[KubeApi]:
    """The API server of the tests' cluster, as its administrator."""
    yield from _api("admin")


@pytest.fixture(scope="module")
def agents_api() -> Iterator[KubeApi]:
    """The API server of the tests' cluster, as somebody with few rights."""
    yield from _api("agent")


def _api(user: str) -> Iterator[KubeApi]:
    name = os.environ.get("CHAPERONE_CLUSTER")
    if name is None:
        name = "dev"
        _cluster("up", "--name", name)
    api = KubeApi(kubeconfig=Path(_cluster("kubeconfig", user, "--name", name)))
    yield api
    api.close()


def _cluster(*words: str) -> str:
    """Run ``scripts/cluster`` and give what it says."""
    argv = [ROOT / "scripts/cluster", *words]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(scope="session")
def opensearch() -> Iterator[str]:
    """The address of a real OpenSearch."""
    with opensearch_url() as url:
        yield url


@pytest.fixture(scope="session")
def opensearch_corner(opensearch: str) -> Iterator[OpenSearchSettings]:
    """A corner of a real OpenSearch that goes away at the end."""
    prefix = f"test-{secrets.token_hex(4)}"
    yield OpenSearchSettings(opensearch, prefix=prefix)
    remove_all(opensearch, prefix)


@pytest.fixture
def opensearch_settings(opensearch_corner: OpenSearchSettings) -> OpenSearchSettings:
    """An empty corner of a real OpenSearch."""
    remove_documents(partial(call, opensearch_corner.url), opensearch_corner.prefix)
    return opensearch_corner


@pytest.fixture(scope="session")
def secure() -> Iterator[Secure]:
    """A real OpenSearch with TLS, users and roles; who uses it empties it."""
    with secure_opensearch() as server:
        yield server
