"""What tests of the control side share."""

import os
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from opensearch_server import opensearch_url, remove_all, remove_documents

from webhook.kube.api import KubeApi
from webhook.store import OpenSearchSettings

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def api() -> Iterator[KubeApi]:
    """The API server of the tests' cluster, as its administrator."""
    yield from _api("admin")


@pytest.fixture(scope="module")
def agents_api() -> Iterator[KubeApi]:
    """The API server of the tests' cluster, as somebody with few rights."""
    yield from _api("agent")


def _api(user: str) -> Iterator[KubeApi]:
    name = os.environ.get("CHAPERONE_CLUSTER", "dev")
    for words in (["up"], ["kubeconfig", user]):
        argv = [ROOT / "scripts/cluster", *words, "--name", name]
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
    api = KubeApi(kubeconfig=Path(done.stdout.strip()))
    yield api
    api.close()


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
    remove_documents(opensearch_corner.url, opensearch_corner.prefix)
    return opensearch_corner
