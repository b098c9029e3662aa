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
    name = os.environ.get("CHAPERONE_CLUSTER", "dev")
    for words in (["up"], ["kubeconfig", "admin"]):
        argv = [ROOT / "scripts/cluster", *words, "--name", name]
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
    api = KubeApi(kubeconfig=Path(done.stdout.strip()))
    yield api
    api.close()
