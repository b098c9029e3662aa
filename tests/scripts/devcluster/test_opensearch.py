import argparse
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from devcluster import opensearch
from devcluster.errors import ClusterToolError, UsageError
from devcluster.processes import everything
from devcluster.progress import Progress
from devcluster.settings import Settings, load_settings


def settings(state: Path) -> Settings:
    return load_settings("life", {**os.environ, "CHAPERONE_STATE": str(state)}, Path(__file__).parents[3])


def test_the_command_line_names_an_action_and_a_version() -> None:
    parser = argparse.ArgumentParser()
    opensearch.add_arguments(parser)
    arguments = parser.parse_args(["up", "--version", "2"])
    assert (arguments.action, arguments.version) == ("up", "2")


def test_a_server_is_read_back(tmp_path: Path) -> None:
    assert opensearch.read_server(tmp_path) is None
    (tmp_path / "server.json").write_text('{"release": "3", "port": 9207}')
    server = opensearch.read_server(tmp_path)
    assert server == opensearch.Server("3", 9207, tmp_path)
    assert server is not None
    assert server.url == "http://127.0.0.1:9207"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"release": "3", "port": "x"}'])
def test_a_damaged_state_folder_says_what_to_do(tmp_path: Path, text: str) -> None:
    (tmp_path / "server.json").write_text(text)
    with pytest.raises(ClusterToolError, match="opensearch down"):
        opensearch.read_server(tmp_path)


def test_ports_are_the_runners_and_differ_by_folder(tmp_path: Path) -> None:
    first, second = (opensearch.likely_ports(tmp_path / name) for name in ("a", "b"))
    assert sorted(first) == sorted(second) == list(range(9201, 9300))
    assert first[0] != second[0]
    assert first == opensearch.likely_ports(tmp_path / "a")


def test_a_server_listens_on_the_loopback_interface_only() -> None:
    lines = opensearch.render_configuration(9207).splitlines()
    assert "network.host: 127.0.0.1" in lines
    assert "transport.port: 9307" in lines


def test_env_without_a_server_is_the_callers_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAPERONE_STATE", str(tmp_path))
    with pytest.raises(UsageError, match="opensearch up --name life"):
        opensearch.run(argparse.Namespace(name="life", action="env", version=None))


@contextmanager
def ending(state: Path) -> Generator[None]:
    """A process that looks like the server's for a second, as one does that was killed on a busy machine."""
    command = [sys.executable, "-c", "import time; time.sleep(1)", "-basePath", str(state)]
    with subprocess.Popen(command):
        yield


@pytest.mark.opensearch
@pytest.mark.timeout(900)
def test_a_killed_server_comes_back_with_its_data_and_down_leaves_nothing(tmp_path: Path) -> None:
    ours = settings(tmp_path / "state")
    try:
        server = opensearch.up(ours, None, Progress())
        put = urllib.request.Request(f"{server.url}/kept", method="PUT")
        with urllib.request.urlopen(put, timeout=60):
            pass
        assert opensearch.up(ours, None, Progress()) == server
        other = "2" if server.release == "3" else "3"
        with pytest.raises(UsageError, match="take it down first"):
            opensearch.up(ours, other, Progress())
        (process,) = (found for found in everything() if str(server.state) in found.argv)
        os.kill(process.pid, signal.SIGKILL)
        with ending(server.state):
            assert opensearch.up(ours, None, Progress()) == server
        with urllib.request.urlopen(f"{server.url}/kept", timeout=60) as answer:
            assert answer.status == 200
    finally:
        opensearch.down(ours, Progress())
    assert list((tmp_path / "state").iterdir()) == []
    assert not [found for found in everything() if str(ours.state_root) in " ".join(found.argv)]
    opensearch.down(ours, Progress())
