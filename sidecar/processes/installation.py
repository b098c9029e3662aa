"""What guarded containers find in ``/.chaperone``: the shim and the socket it dials."""

# pathlib would cost a tenth of the process that waits in every guarded pod
# ruff: noqa: PTH101, PTH103, PTH104, PTH108, PTH112, PTH123

import os
import socket
from collections.abc import Iterator
from contextlib import suppress

from sidecar.settings import Settings

SHIM_FILE = "shim"
SOCKET_FILE = "sock"
DEBUG = "debug containers"
"""In the place of a container's name: the socket that all debug containers dial. None is called so."""
_NEW = ".new"
_BACKLOG = 128
_READ_BYTES = 256 * 1024


def socket_path(settings: Settings, container: str) -> str:
    """Give the path of a container's socket."""
    return f"{settings.directory}/{container}/{SOCKET_FILE}"


def install(settings: Settings) -> dict[str, socket.socket]:
    """Put shim and listening socket into each container's directory; give the sockets by container.

    That of debug containers comes first: who waits for the recorder waits for the last one. The sockets of
    an earlier run go before, and each new one appears with its permissions, listening. Raises OSError.
    """
    remove_sockets(settings)
    return {container: _install(settings, directory) for container, directory in _directories(settings)}


def remove_sockets(settings: Settings) -> None:
    """Let nobody dial any more."""
    for _, directory in _directories(settings):
        path = f"{directory}/{SOCKET_FILE}"
        _remove(path)
        _remove(path + _NEW)


def _directories(settings: Settings) -> Iterator[tuple[str, str]]:
    if os.path.isdir(settings.debug_directory):
        yield DEBUG, settings.debug_directory
    for container in settings.containers:
        yield container, f"{settings.directory}/{container}"


def _install(settings: Settings, directory: str) -> socket.socket:
    os.makedirs(directory, mode=0o755, exist_ok=True)
    _copy(settings.shim, f"{directory}/{SHIM_FILE}")
    return _listen(f"{directory}/{SOCKET_FILE}")


def _listen(path: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
    listener.bind(path + _NEW)
    os.chmod(path + _NEW, 0o666)  # noqa: S103  every user of the container may dial; the grant decides
    listener.listen(_BACKLOG)
    os.rename(path + _NEW, path)
    return listener


def _copy(source: str, target: str) -> None:
    """Replace a file that may be running (ETXTBSY) by a copy nobody reads and everybody can run."""
    _remove(target + _NEW)
    with open(source, "rb") as reading, open(target + _NEW, "xb") as writing:
        while chunk := reading.read(_READ_BYTES):
            writing.write(chunk)
        os.fchmod(writing.fileno(), 0o111)
    os.rename(target + _NEW, target)


def _remove(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)
