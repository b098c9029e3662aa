"""What guarded containers find."""

import base64
import os
import stat
from pathlib import Path

import pytest

from sidecar.contract import names
from sidecar.processes.installation import DEBUG, SHIM_FILE, SOCKET_FILE, install, remove_sockets
from sidecar.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a recorder for two containers."""
    (tmp_path / "shim").write_bytes(b"the shim")
    return Settings(
        {
            "CHAPERONE_CONTAINERS": "app,proxy",
            "CHAPERONE_ROOT_KEYS": base64.b64encode(bytes(32)).decode(),
            "CHAPERONE_POD_UID": "uid",
            "CHAPERONE_POD_NAME": "till",
            "CHAPERONE_POD_NAMESPACE": "payments",
            "CHAPERONE_NODE_NAME": "node-1",
            "CHAPERONE_DIRECTORY": str(tmp_path / "chaperone"),
            "CHAPERONE_DEBUG_DIRECTORY": str(tmp_path / "debug"),
            "CHAPERONE_SHIM": str(tmp_path / "shim"),
        }
    )


def test_debug_containers_share_a_socket_where_their_volume_is(settings: Settings, tmp_path: Path) -> None:
    sockets = install(settings)
    assert list(sockets) == ["app", "proxy"]
    for listener in sockets.values():
        listener.close()
    (tmp_path / "debug").mkdir()
    sockets = install(settings)
    assert list(sockets) == [DEBUG, "app", "proxy"], "who waits for the recorder waits for the last one"
    assert (tmp_path / "debug" / SOCKET_FILE).is_socket()
    assert stat.S_IMODE((tmp_path / "debug" / SHIM_FILE).stat().st_mode) == 0o111
    for listener in sockets.values():
        listener.close()
    remove_sockets(settings)
    assert not (tmp_path / "debug" / SOCKET_FILE).exists()


def test_its_names_are_those_of_the_contract(settings: Settings) -> None:
    assert (SHIM_FILE, SOCKET_FILE) == (names.SHIM_FILE, names.SOCKET_FILE)
    defaults = Settings({**os.environ, **_without_places(settings)})
    assert defaults.directory == str(names.SHIM_DIRECTORY)
    assert defaults.spool == str(names.SPOOL_DIRECTORY)
    assert defaults.debug_directory == str(names.DEBUG_DIRECTORY)


def _without_places(settings: Settings) -> dict[str, str]:
    return {
        "CHAPERONE_CONTAINERS": ",".join(settings.containers),
        "CHAPERONE_ROOT_KEYS": base64.b64encode(bytes(32)).decode(),
        "CHAPERONE_POD_UID": settings.pod_uid,
        "CHAPERONE_POD_NAME": settings.pod,
        "CHAPERONE_POD_NAMESPACE": settings.namespace,
        "CHAPERONE_NODE_NAME": settings.node,
    }


def test_each_container_gets_a_shim_and_a_socket(settings: Settings) -> None:
    listeners = install(settings)
    assert list(listeners) == ["app", "proxy"]
    for name, listener in listeners.items():
        directory = Path(settings.directory) / name
        assert sorted(path.name for path in directory.iterdir()) == ["shim", "sock"]
        assert stat.S_IMODE((directory / "shim").stat().st_mode) == 0o111
        assert stat.S_IMODE((directory / "sock").stat().st_mode) == 0o666
        listener.close()


def test_what_an_earlier_run_left_is_replaced(settings: Settings) -> None:
    for listener in install(settings).values():
        listener.close()
    Path(settings.shim).write_bytes(b"another shim")
    for listener in install(settings).values():
        listener.close()
    assert (Path(settings.directory) / "app" / "shim").stat().st_size == len(b"another shim")


def test_sockets_are_removed(settings: Settings) -> None:
    for listener in install(settings).values():
        listener.close()
    remove_sockets(settings)
    assert not (Path(settings.directory) / "app" / "sock").exists()
    remove_sockets(settings)
