import io

import pytest
from devcluster.progress import Progress


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_step_is_one_line_with_its_time() -> None:
    stream, clock = io.StringIO(), Clock()
    with Progress(stream, clock).step("build") as step:
        clock.now = 12.3
        step.result = "(2 files)"
    assert stream.getvalue() == "   12.3 s  ✓ build (2 files)\n"


def test_a_failed_step_is_marked() -> None:
    stream = io.StringIO()
    with pytest.raises(ValueError, match="no"), Progress(stream, Clock()).step("build"):
        raise ValueError("no")
    assert stream.getvalue() == "    0.0 s  ✗ build\n"
