"""The compiled shim under test, and a recorder for it to dial."""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from shim_peer import Recorder
from shim_process import Shim, compile_shim


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """A directory with a short name (unix(7): 108 bytes for a socket path) that other users may enter."""
    with tempfile.TemporaryDirectory(prefix="shim-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        yield directory


def compiled(scratch: Path, build: str) -> Shim:
    socket_path = scratch / f"{build}.sock"
    return Shim(compile_shim(scratch / build, socket_path, build), socket_path)


@pytest.fixture(scope="session")
def released(scratch: Path) -> Shim:
    """The shim as images carry it: static, against musl."""
    return compiled(scratch, "released")


@pytest.fixture(scope="session")
def sanitized(scratch: Path) -> Shim:
    """The same sources against glibc, with the address and undefined behaviour sanitizers."""
    return compiled(scratch, "sanitized")


@pytest.fixture(scope="session")
def listless(scratch: Path) -> Shim:
    """As released, but as on a kernel without CONFIG_PROC_CHILDREN."""
    return compiled(scratch, "listless")


@pytest.fixture(scope="session")
def blind(scratch: Path) -> Shim:
    """As released, but as in a container that has no memory left to open a file."""
    return compiled(scratch, "blind")


@pytest.fixture(scope="session")
def impatient(scratch: Path) -> Shim:
    """As released, but the kernel waits for two seconds only while it is stopped."""
    return compiled(scratch, "impatient")


@pytest.fixture(scope="session", params=["released", "sanitized"])
def shim(request: pytest.FixtureRequest) -> Shim:
    """The released and the sanitized build in turn."""
    return request.getfixturevalue(str(request.param))


@pytest.fixture(scope="session", params=["released", "sanitized", "listless"])
def reaper(request: pytest.FixtureRequest) -> Shim:
    """Every build, for what ends processes."""
    return request.getfixturevalue(str(request.param))


@pytest.fixture
def recorder(shim: Shim) -> Iterator[Recorder]:
    """A recorder that answers only what the test says."""
    with Recorder(shim.socket_path) as listening:
        yield listening


@pytest.fixture(scope="session")
def odd(scratch: Path) -> str:
    """A program that starts others in odd ways."""
    out = scratch / "odd"
    source = Path(__file__).with_name("programs.c")
    subprocess.run(["musl-gcc", "-static", "-o", str(out), str(source)], check=True)
    return str(out)
