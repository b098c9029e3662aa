"""The commands of the README and of the benchmarks, run as somebody would."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from kube import NAMESPACE, REPOSITORY, Kubectl

pytestmark = pytest.mark.timeout(900)


def run(*command: str | Path, **environment: str) -> str:
    """Run a command that must succeed, and give all that it says."""
    done = subprocess.run(
        command,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=800,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture
def demonstrated(cluster_name: str, admin: Kubectl) -> Iterator[str]:
    """What the demonstration says. It installs the default pack; afterwards all is as the tests have it."""
    yield run(REPOSITORY / "scripts/demo", "--name", cluster_name)
    run(REPOSITORY / "scripts/cluster", "install", "--name", cluster_name, "--for-tests")
    admin.delete_now("-n", NAMESPACE, "pod/shop", "configmap/shop-orders")


def test_the_demonstration_shows_the_main_job(cluster_name: str, demonstrated: str) -> None:
    shown = demonstrated
    assert "411111******1111" in shown
    assert "4111111111111111" not in shown
    for said in (
        "(exit code 1)",
        "no such order",
        "forbidden",
        f"scripts/cluster down --name {cluster_name}",
    ):
        assert said in shown


def test_kubectl_finds_the_plugin(auditor: Kubectl) -> None:
    path = f"{REPOSITORY / '.venv/bin'}:{os.environ['PATH']}"
    listed = run(
        "kubectl", "chaperone", "sessions", "list", "-n", NAMESPACE, "-o", "json",
        PATH=path, KUBECONFIG=str(auditor.kubeconfig),
    )  # fmt: skip
    assert "items" in json.loads(listed)


@pytest.mark.parametrize(
    ("benchmark", "figure"),
    [
        (["exec", "--runs", "2"], "first_guarded_s"),
        (["echo", "--keys", "5"], "p99"),
        (["images"], "recorder"),
    ],
)
def test_a_benchmark_prints_a_table_and_json(
    cluster_name: str, tmp_path: Path, benchmark: list[str], figure: str
) -> None:
    out = tmp_path / "figures.json"
    shown = run(REPOSITORY / "scripts/bench", "--json", out, "--name", cluster_name, *benchmark)
    assert benchmark[0] in shown
    assert figure in json.dumps(json.loads(out.read_text()))
