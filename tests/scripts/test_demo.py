"""What ``scripts/demo`` refuses, before it does anything."""

import subprocess
from pathlib import Path

import pytest

DEMO = Path(__file__).parents[2] / "scripts/demo"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([DEMO, *arguments], capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("arguments", [("--existing",), ("--exist",), ("--name", "mine", "--existing")])
def test_a_cluster_of_ones_own_is_refused_in_one_line(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "docs/install.md" in done.stderr


def test_an_unknown_option_is_refused() -> None:
    done = run("--registry", "somewhere")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no such option: --registry" in done.stderr


def test_help_names_the_ways_to_a_cluster() -> None:
    out = run("--help").stdout
    assert all(option in out for option in ("--name", "--kind", "--local", "--version"))
    assert "--existing" not in out
