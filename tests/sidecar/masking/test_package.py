"""What the package offers, and that the parts few sessions need are loaded by those alone."""

import subprocess
import sys

import pytest

from sidecar import masking

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
