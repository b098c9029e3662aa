"""Fixtures for tests on a real cluster with Chaperone installed from this working tree."""

import os
import shlex
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from changes import ticket_of
from grants import OldGrant, own_grant
from kube import NAMESPACE, REPOSITORY, Kubectl, Result
from people import As
from pods import container, pod, static
from receiver import Receiver
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
    """Name of a cluster with this working tree installed; ``CHAPERONE_CLUSTER`` says it is one already.

    ``--for-tests`` installs no policy pack: what is not about policies need not mind them. Who sets
    ``CHAPERONE_CLUSTER`` installs in the same way.
    """
    name = os.environ.get("CHAPERONE_CLUSTER")
    if name:
        return name
    for command in (["up"], ["install", "--for-tests"]):
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
def first_grant(_lasting: Workshop, agent: Kubectl) -> OldGrant:
    """The grant of the first session in the pod ``app``, to be old when it is needed."""
    name = _lasting.pod(pod("app", container()))
    return OldGrant(name, own_grant(agent, name), time.monotonic())


@pytest.fixture(scope="session")
def app(first_grant: OldGrant) -> str:
    """A guarded pod with a shell, used by tests that leave it as it was."""
    return first_grant.pod


@pytest.fixture(scope="session")
def bare(_lasting: Workshop) -> str:
    """A guarded pod with one static binary and nothing else."""
    return _lasting.pod(pod("bare", static()))


@pytest.fixture(scope="session")
def machinery(admin: Kubectl) -> As:
    """Somebody who is never held up, to set up and tear down."""
    return As(admin, "system:apiserver", "system:masters")


@pytest.fixture(scope="session")
def tester(machinery: As, admin: Kubectl) -> Iterator[As]:
    """Somebody who may do everything, as far as RBAC is concerned, and is not in ``system:masters``."""
    name = f"doors-{uuid.uuid4().hex[:6]}"
    machinery.run("create", "clusterrolebinding", name, "--clusterrole=cluster-admin", f"--group={name}")
    yield As(admin, "tester", name)
    machinery.run("delete", "clusterrolebinding", name)


@pytest.fixture
def approve(admin: Kubectl) -> Callable[[Result], str]:
    """Somebody else approves by the command that a refusal tells; gives the request's name."""
    other = As(admin, "somebody-else", "system:masters")

    def approve(refused: Result) -> str:
        [line] = [line for line in refused.error.splitlines() if "kubectl patch" in line]
        words = shlex.split(line[line.index("kubectl patch") :])[1:]
        other.run(*words)
        return ticket_of(refused, words[words.index("-n") + 1])

    return approve


@pytest.fixture
def name(machinery: As) -> Iterator[str]:
    """A name for objects, which are taken away afterwards."""
    word = f"doors-{uuid.uuid4().hex[:6]}"
    yield word
    kinds = "deployments,jobs,secrets,configmaps,roles,rolebindings"
    machinery.run("delete", kinds, word, "-n", NAMESPACE, "--ignore-not-found", "--cascade=foreground")
