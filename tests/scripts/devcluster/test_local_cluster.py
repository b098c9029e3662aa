"""A real local cluster, killed in every way: `up` repairs what is left of it, and `down` leaves nothing."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from devcluster import cgroups
from devcluster.node import Node, find_node
from devcluster.processes import everything
from devcluster.settings import Settings, load_settings

pytestmark = pytest.mark.cluster
TREE = Path(__file__).parents[3]
NAME = "fragile"
MOMENTS = (0.2, 1.0, 2.5, 4.5, 7.0)
"""Seconds after which `up` is killed, each time from where the last one left off."""


class Cluster:
    """A cluster of this test's own, in a state folder of its own."""

    def __init__(self, state: Path) -> None:
        self._environment = {**os.environ, "CHAPERONE_STATE": str(state)}
        self.settings: Settings = load_settings(NAME, self._environment, TREE)

    def start(self, *words: str, name: str = NAME, **more: str) -> subprocess.Popen[str]:
        """Start the command in a process group of its own; ``more`` goes into its environment."""
        return subprocess.Popen(
            [TREE / "scripts/cluster", *words, "--name", name],
            env=self._environment | more,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *words: str, name: str = NAME, **more: str) -> str:
        """Run the command; it must succeed."""
        with self.start(*words, name=name, **more) as process:
            output, _ = process.communicate()
        assert process.returncode == 0, output
        return output

    @property
    def binary(self) -> Path:
        return max(self.settings.cache.glob("bin/kubernetes-*/kubectl"))

    def kubectl(self, *words: str, kubeconfig: Path | None = None) -> str:
        argv = [self.binary, "--kubeconfig", kubeconfig or self.settings.kubeconfig("admin"), *words]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout

    def node(self) -> Node:
        node = find_node(self.settings)
        assert node is not None
        return node

    def dns_containers(self) -> list[str]:
        """Identities of the DNS server's containers."""
        pods = json.loads(self.kubectl("get", "pods", "-n", "kube-system", "-o", "json"))["items"]
        return [status["containerID"] for pod in pods for status in pod["status"]["containerStatuses"]]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("state"))
    yield cluster
    cluster.run("down")


def test_an_up_that_was_killed_is_resumed(cluster: Cluster) -> None:
    for moment in MOMENTS:
        with cluster.start("up", "--local") as process:
            time.sleep(moment)
            os.killpg(process.pid, signal.SIGKILL)
    cluster.run("up")
    cluster.run("status")


def test_killed_components_are_started_again_and_pods_do_not_notice(cluster: Cluster) -> None:
    cluster.run("up", "--local")
    before = cluster.dns_containers()
    node = cluster.node()
    for running in node.components().values():
        os.kill(running.process.pid, signal.SIGKILL)
    with cluster.start("status") as process:
        output, _ = process.communicate()
    assert process.returncode == 1
    assert output.count("missing") == 7
    cluster.run("up")
    cluster.run("status")
    assert cluster.node() == node
    assert cluster.dns_containers() == before


def test_a_killed_node_starts_again_with_its_objects(cluster: Cluster) -> None:
    cluster.run("up", "--local")
    before = cluster.dns_containers()
    cluster.kubectl("create", "configmap", "kept", "--namespace=payments")
    os.kill(cluster.node().init.pid, signal.SIGKILL)
    cluster.run("up")
    assert "kept" in cluster.kubectl("get", "configmaps", "-n", "payments")
    assert not set(cluster.dns_containers()) & set(before)


def test_a_cluster_of_ones_own_is_taken_as_it_is_and_given_back(cluster: Cluster) -> None:
    cluster.run("up", "--local")
    theirs = {
        "KUBECONFIG": str(cluster.settings.kubeconfig("admin")),
        "PATH": f"{cluster.binary.parent}:{os.environ['PATH']}",
    }
    cluster.run("up", "--existing", name="borrowed", **theirs)
    path = Path(cluster.run("kubeconfig", "agent", name="borrowed", **theirs).strip())
    assert "agents" in cluster.kubectl("auth", "whoami", kubeconfig=path)
    cluster.run("down", name="borrowed", **theirs)
    assert "payments" not in cluster.kubectl("get", "namespaces")
    assert "Running" in cluster.kubectl("get", "pods", "-n", "kube-system")


def rules_and_routes() -> str:
    """What the host's firewall and routing hold."""
    commands = (["nft", "list", "ruleset"], ["ip", "route", "show", "table", "all"], ["ip", "rule"])
    return "".join(
        subprocess.run(command, capture_output=True, text=True, check=True).stdout for command in commands
    )


def test_down_leaves_nothing(cluster: Cluster) -> None:
    cluster.run("up", "--local")
    settings = cluster.settings
    inside = cluster.node().processes()
    assert inside
    assert settings.interface in rules_and_routes()
    cluster.run("down")
    cluster.run("down")
    left = rules_and_routes()
    assert settings.interface not in left
    assert "table ip chaperone" not in left
    assert not set(inside) & set(everything())
    assert str(settings.state) not in Path("/proc/self/mountinfo").read_text()
    assert not Path("/sys/class/net", settings.interface).exists()
    assert not [root for root in cgroups.hierarchies() if (root / settings.ident).exists()]
    assert {path.name for path in settings.state_root.iterdir()} <= {f".{NAME}.lock", ".borrowed.lock"}
