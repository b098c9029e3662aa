from pathlib import Path

import pytest
from devcluster import cli
from devcluster.errors import UsageError
from devcluster.record import Backend, Record

LOCAL = Record(Backend.LOCAL, "1.37.2", 1)


@pytest.fixture(autouse=True)
def _empty_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CHAPERONE_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("CHAPERONE_CACHE", str(tmp_path / "cache"))


def run(*argv: str) -> int:
    return cli.main(list(argv), Path("/tree"))


@pytest.mark.parametrize("command", ["up", "down", "status", "env", "kubeconfig", "install", "uninstall"])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    for argv in (["--help"], [command, "--help"]):
        with pytest.raises(SystemExit) as ended:
            run(*argv)
        assert ended.value.code == 0
    assert "--name" in capsys.readouterr().out


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["fly"],
        ["up", "--kind", "--local"],
        ["up", "--version", "latest"],
        ["kubeconfig"],
        ["kubeconfig", "root"],
    ],
)
def test_bad_usage_ends_with_status_2(argv: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(*argv)
    assert ended.value.code == 2


@pytest.mark.parametrize("argv", [["status"], ["env"], ["kubeconfig", "agent"], ["install"], ["uninstall"]])
def test_without_a_cluster_the_next_command_is_named(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*argv, "--name", "none") == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.endswith("there is no cluster none; run: scripts/cluster up --name none\n")


def test_a_bad_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("status", "--name", "../x") == 1
    assert "bad cluster name" in capsys.readouterr().err


def test_a_new_cluster_is_local_unless_docker_is_there() -> None:
    assert cli.choose_backend(None, None, lambda: False) is Backend.LOCAL
    assert cli.choose_backend(None, None, lambda: True) is Backend.KIND
    assert cli.choose_backend(None, Backend.EXISTING, lambda: True) is Backend.EXISTING


def test_a_cluster_keeps_its_back_end_and_version() -> None:
    assert cli.choose_backend(LOCAL, None, lambda: True) is Backend.LOCAL
    assert cli.choose_version(LOCAL, None) == "1.37.2"
    with pytest.raises(UsageError, match="back end local"):
        cli.choose_backend(LOCAL, Backend.KIND, lambda: True)
    with pytest.raises(UsageError, match=r"version 1\.37\.2"):
        cli.choose_version(LOCAL, "1.34.4")


def test_values_for_the_chart_are_gathered() -> None:
    parsed = cli.build_parser(["install"]).parse_args(
        ["install", "--set", "a=1", "--set", "b=2", "--test-images", "--for-tests"]
    )
    assert parsed.values == ["a=1", "b=2"]
    assert parsed.test_images
    assert parsed.for_tests
