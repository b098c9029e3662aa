"""What the kubelet runs as a recorder starts ends once the recorder listens for every container."""

import subprocess
from pathlib import Path

import pytest
from live_recorder import PATIENCE_S, Authority, LiveRecorder


def test_it_ends_when_every_socket_is_there(
    tmp_path: Path, compiled_shim: Path, authority: Authority
) -> None:
    recorder = LiveRecorder(tmp_path, compiled_shim, authority, {"CONTAINERS": "app,second"})
    recorder.container.mkdir(parents=True)
    (recorder.container / "sock").touch()
    with recorder.hook() as hook:
        with pytest.raises(subprocess.TimeoutExpired):
            hook.wait(0.5)
        with recorder:
            assert hook.wait(PATIENCE_S) == 0
            assert (recorder.container.parent / "second/sock").is_socket()


def test_wrong_settings_fail_it(tmp_path: Path, compiled_shim: Path, authority: Authority) -> None:
    recorder = LiveRecorder(tmp_path, compiled_shim, authority, {"CONTAINERS": "../app"})
    with recorder.hook() as hook:
        assert hook.wait(PATIENCE_S) == 1
