"""Fixtures for tests on a real cluster with Chaperone installed from this working tree."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from kube import REPOSITORY, Kubectl
from pods import container, pod, static
from receiver import SETTINGS, Receiver
from sessions import Audit
from workshop import Workshop


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything below this directory needs a cluster."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.cluster)


@pytest.fixture(scope="session")
def cluster_name() -> str:
    """Name of a cluster with this working tree installed; ``CHAPERONE_CLUSTER`` says it is one already."""
    name = os.environ.get("CHAPERONE_CLUSTER")
    if name:
        return name
    values = [word for value in SETTINGS for word in ("--set", value)]
    for command in (["up"], ["install", "--test-images", *values]):
        done = subprocess.run(
            [REPOSITORY / "scripts/cluster", *command], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"scripts/cluster {command[0]} failed:\n{done.stdout}\n{done.stderr}"
    return "dev"


def _user(name: str, cluster: str) -> Kubectl:
    path = subprocess.run(
        [REPOSITORY / "scripts/cluster", "kubeconfig", name, "--name", cluster],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    return Kubectl(Path(path))


@pytest.fixture(scope="session")
def admin(cluster_name: str) -> Kubectl:
    return _user("admin", cluster_name)


@pytest.fixture(scope="session")
def agent(cluster_name: str) -> Kubectl:
    return _user("agent", cluster_name)


@pytest.fixture(scope="session")
def approver(cluster_name: str) -> Kubectl:
    return _user("approver", cluster_name)


@pytest.fixture(scope="session")
def approver2(cluster_name: str) -> Kubectl:
    return _user("approver2", cluster_name)


@pytest.fixture(scope="session")
def auditor(cluster_name: str) -> Kubectl:
    return _user("auditor", cluster_name)


@pytest.fixture(scope="session")
def audit(auditor: Kubectl) -> Audit:
    return Audit(auditor)


@pytest.fixture(params=["websocket", "spdy"])
def agent_both(agent: Kubectl, request: pytest.FixtureRequest) -> Kubectl:
    """The agent over each streaming protocol that kubectl knows."""
    return agent.using(request.param)


@pytest.fixture(scope="session")
def receiver(admin: Kubectl, cluster_name: str) -> Iterator[Receiver]:
    """Where notifications arrive, as long as tests run that need it."""
    receiver = Receiver(admin, cluster_name)
    receiver.open()
    yield receiver
    receiver.close()


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
