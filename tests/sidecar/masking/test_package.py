"""What the package offers, and that the parts few sessions need are loaded by those alone."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from sidecar import masking

SOURCES = sorted(Path(masking.__path__[0]).rglob("*.py"))
IMPURE = {"__import__", "breakpoint", "eval", "exec", "input", "open", "print"}
"""Built-in ways to the world; the modules that lead there are forbidden by an import contract."""
LATER = ["base64_stream", "keyboard", "live", "objects", "terminal"]


@pytest.mark.parametrize("name", masking.__all__)
def test_every_name_is_there(name: str) -> None:
    assert getattr(masking, name).__name__ == name


def test_no_other_name_is_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        getattr(masking, "nothing")  # noqa: B009  a name that the checker would refuse


def test_a_pipe_loads_nothing_for_terminals() -> None:
    code = (
        "import sys; from sidecar.masking import Engine, Profile; Engine.load(Profile.STRICT).stream();"
        "print(*(name for name in sys.modules if name.startswith('sidecar.masking.')))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "sidecar.masking.stream" in loaded.split()
    assert not {f"sidecar.masking.{name}" for name in LATER} & set(loaded.split())


def test_no_built_in_leads_to_the_world() -> None:
    assert {"databases.py", "stream.py", "cases.py"} < {source.name for source in SOURCES}
    assert {source: names(source) & IMPURE for source in SOURCES if names(source) & IMPURE} == {}


def names(source: Path) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(source.read_bytes())) if isinstance(node, ast.Name)}
