"""What the build gives: a file that runs in any container, small enough to sit in its memory."""

import subprocess
from pathlib import Path

import pytest
from shim_process import SOURCES, Shim, compile_shim


def sections(file: Path, *options: str) -> str:
    command = ["readelf", "--wide", *options, str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_needs_no_interpreter_and_no_library(released: Shim) -> None:
    segments = sections(released.path, "--segments", "--dynamic")
    assert "INTERP" not in segments
    assert "There is no dynamic section" in segments


def test_is_stripped_and_under_50_kb(released: Shim) -> None:
    assert ".symtab" not in sections(released.path, "--sections")
    assert released.path.stat().st_size < 50_000


def test_is_hardened(released: Shim) -> None:
    segments = [line.split() for line in sections(released.path, "--segments").splitlines()]
    flags = {line[0]: " ".join(line[6:-1]) for line in segments if len(line) > 7}
    assert flags["GNU_STACK"] == "RW"
    assert "GNU_RELRO" in flags
    assert all("W E" not in flag and "RWE" not in flag for flag in flags.values())


def test_one_command_builds_it() -> None:
    dry_run = subprocess.run(
        ["make", "-n", "-B", "-C", str(SOURCES)], capture_output=True, text=True, check=True
    )
    (command,) = [line for line in dry_run.stdout.splitlines() if not line.startswith("make")]
    assert command.startswith("musl-gcc ")
    assert " -static " in command
    assert "-DSOCKET_PATH='\"/.chaperone/sock\"'" in command


def test_the_path_of_the_socket_cannot_be_chosen_by_the_caller(released: Shim) -> None:
    strings = released.path.read_bytes()
    assert str(released.socket_path).encode() in strings
    assert b"getenv" not in strings


def test_a_missing_compiler_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        FileNotFoundError, match="musl-gcc is missing: install the Debian packages musl-tools"
    ):
        compile_shim(tmp_path / "shim", tmp_path / "sock", "released")
