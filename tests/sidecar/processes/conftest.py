"""A compiled shim, an authority, and a recorder of real processes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from live_recorder import Authority, LiveRecorder, compile_shim


@pytest.fixture(scope="session")
def compiled_shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shim as images carry it, but for the socket's path."""
    return compile_shim(tmp_path_factory.mktemp("shim") / "shim")


@pytest.fixture(scope="session")
def authority() -> Authority:
    """Who signs the grants that these recorders trust."""
    return Authority()


@pytest.fixture(scope="session")
def shared(
    tmp_path_factory: pytest.TempPathFactory, compiled_shim: Path, authority: Authority
) -> Iterator[LiveRecorder]:
    """One recorder for all the tests that leave it as it is."""
    with LiveRecorder(tmp_path_factory.mktemp("recorder"), compiled_shim, authority) as recorder:
        yield recorder


@pytest.fixture
def recorder(tmp_path: Path, compiled_shim: Path, authority: Authority) -> Iterator[LiveRecorder]:
    """A recorder for one test."""
    with LiveRecorder(tmp_path, compiled_shim, authority) as recorder:
        yield recorder
