"""Fixtures for tests on a real cluster with Chaperone installed from this working tree."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from kube import NAMESPACE, REPOSITORY, Kubectl, Object
from pods import container, pod, static
from sessions import Audit


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything below this directory needs a cluster."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.cluster)


@pytest.fixture(scope="session")
def cluster_name() -> str:
    return os.environ.get("CHAPERONE_CLUSTER", "dev")


@pytest.fixture(scope="session")
def installed(cluster_name: str) -> None:
    """Bring cluster and chart up; seconds when they are."""
    for command in (["up"], ["install", "--test-images"]):
        done = subprocess.run(
            [REPOSITORY / "scripts/cluster", *command, "--name", cluster_name],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"scripts/cluster {command[0]} failed:\n{done.stdout}\n{done.stderr}"


def _user(name: str, cluster: str) -> Kubectl:
    path = subprocess.run(
        [REPOSITORY / "scripts/cluster", "kubeconfig", name, "--name", cluster],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    return Kubectl(Path(path))


@pytest.fixture(scope="session")
def admin(installed: None, cluster_name: str) -> Kubectl:
    return _user("admin", cluster_name)


@pytest.fixture(scope="session")
def agent(installed: None, cluster_name: str) -> Kubectl:
    return _user("agent", cluster_name)


@pytest.fixture(scope="session")
def auditor(installed: None, cluster_name: str) -> Kubectl:
    return _user("auditor", cluster_name)


@pytest.fixture(scope="session")
def audit(auditor: Kubectl) -> Audit:
    return Audit(auditor)


@pytest.fixture(params=["websocket", "spdy"])
def agent_both(agent: Kubectl, request: pytest.FixtureRequest) -> Kubectl:
    """The agent over each streaming protocol that kubectl knows."""
    return agent.using(request.param)


class Workshop:
    """Makes pods in the guarded namespace and takes them away again."""

    def __init__(self, admin: Kubectl) -> None:
        self._admin = admin
        self._made: list[str] = []

    def pod(self, manifest: Object, *, ready: bool = True) -> str:
        """Create a pod, wait until it runs, give its name."""
        name = manifest["metadata"]["name"]
        self._admin.delete_now("-n", NAMESPACE, f"pod/{name}")
        self._made.append(f"pod/{name}")
        self._admin.apply(manifest)
        if ready:
            self._admin.run("wait", "-n", NAMESPACE, "--for=condition=Ready", f"pod/{name}", "--timeout=90s")
        return name

    def object(self, manifest: Object) -> None:
        """Create any other object of the namespace."""
        reference = f"{manifest['kind'].lower()}/{manifest['metadata']['name']}"
        self._admin.delete_now("-n", NAMESPACE, reference)
        self._made.append(reference)
        self._admin.apply(manifest)

    def close(self) -> None:
        if self._made:
            self._admin.delete_now("-n", NAMESPACE, *self._made)


@pytest.fixture
def workshop(admin: Kubectl) -> Iterator[Workshop]:
    workshop = Workshop(admin)
    yield workshop
    workshop.close()


@pytest.fixture(scope="session")
def _lasting(admin: Kubectl) -> Iterator[Workshop]:
    workshop = Workshop(admin)
    yield workshop
    workshop.close()


@pytest.fixture(scope="session")
def app(_lasting: Workshop) -> str:
    """A guarded pod with a shell, used by tests that leave it as it was."""
    return _lasting.pod(pod("app", container()))


@pytest.fixture(scope="session")
def bare(_lasting: Workshop) -> str:
    """A guarded pod with one static binary and nothing else."""
    return _lasting.pod(pod("bare", static()))
