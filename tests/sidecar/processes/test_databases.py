"""The file of compiled databases: used where it is there and of these sources, and never needed."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sidecar.masking import Engine, Profile
from sidecar.processes.databases import SOURCES, fingerprint, keep, kept

if TYPE_CHECKING:
    from sidecar.masking.databases import Compiled

MASKING = Path(__file__).resolve().parents[3] / "sidecar/masking"


def masked(compiled: Compiled) -> bytes:
    return Engine(Profile.STRICT, compiled).masks()(b"4111111111111111")[0]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("databases") / "compiled.hsdb"
    keep(str(path))
    return path


def test_what_is_kept_is_used(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def compile_nothing() -> Compiled:
        raise AssertionError("compiled although the file is there")

    monkeypatch.setattr("sidecar.processes.databases.compile_all", compile_nothing)
    assert masked(kept(str(file))) == b"411111******1111"


def test_without_a_file_they_are_compiled(tmp_path: Path) -> None:
    assert masked(kept(str(tmp_path / "none"))) == b"411111******1111"


@pytest.mark.parametrize("at", [0, 8, 16, -1])
def test_a_file_of_other_sources_or_damaged_is_not_used(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    def used_nothing(_content: bytes) -> Compiled:
        raise AssertionError("used although it is of other sources, or damaged")

    other = tmp_path / "other.hsdb"
    content = bytearray(file.read_bytes())
    assert content[:8] == fingerprint()
    content[at] ^= 1
    other.write_bytes(content)
    monkeypatch.setattr("sidecar.processes.databases.load", used_nothing)
    assert masked(kept(str(other))) == b"411111******1111"


def test_every_source_of_the_expressions_counts() -> None:
    """What compiles and keeps them, and what ``patterns`` imports of the engine, directly or not."""
    wanted, seen = ["patterns", "databases", "hyperscan_safe"], set[str]()
    while wanted:
        name = wanted.pop()
        seen.add(name)
        wanted += set(imported(name)) - seen
    assert {f"{name}.py" for name in seen} <= set(SOURCES)


def imported(name: str) -> list[str]:
    """The modules of the engine that one of them imports when it is imported itself."""
    return [
        str(node.module).removeprefix("sidecar.masking.")
        for node in ast.parse((MASKING / f"{name}.py").read_bytes()).body
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("sidecar.masking.")
    ]
