"""What tests of the control side share."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from webhook.kube.api import KubeApi

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
