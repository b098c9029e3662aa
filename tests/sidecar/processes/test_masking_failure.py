"""A library that fails in the middle of a session ends it: what it could not mask goes nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from live_recorder import Authority, LiveRecorder

from sidecar.contract.events import Channel, Ending

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NUMBER = "5555555555554444"
# Read by every Python that starts with its folder on the path: lets Hyperscan fail on data that says so.
FAILING_LIBRARY = """
import importlib.util
import sys

class Failing:
    def scan(self, data, *_):
        import hyperscan
        raise hyperscan.ScratchInUseError(repr(data))

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name != "sidecar.masking.hyperscan_safe":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module
        def exec_module(module):
            load(module)
            hits = module.Scanner.hits
            def breaking(scanner, data):
                if b"BREAK" in data:
                    scanner._database = Failing()
                return hits(scanner, data)
            module.Scanner.hits = breaking
        spec.loader.exec_module = exec_module
        return spec

sys.meta_path.insert(0, Finder())
"""


@pytest.fixture
def failing(
    tmp_path: Path, compiled_shim: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LiveRecorder]:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(FAILING_LIBRARY)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    with LiveRecorder(tmp_path, compiled_shim, authority) as recorder:
        yield recorder


def ends_it(recorder: LiveRecorder, authority: Authority, ticket_argv: str) -> None:
    ticket = authority.grant("sh", "-c", ticket_argv)
    process = recorder.popen(ticket)
    assert process.stdout is not None
    assert process.stdout.readline() == b"well 555555******4444\n"
    stdout, stderr = process.communicate(b"BREAK\n", timeout=60)
    assert process.returncode != 0
    assert NUMBER.encode() not in stdout + stderr
    assert b"after" not in stdout
    assert stderr.startswith(b"chaperone: ")
    recording = recorder.ended_recording(ticket.session)
    assert recording.end.how is Ending.RECORDER_FAILED
    assert b"after" not in recording.data(Channel.STDOUT) + recording.data(Channel.STDERR)
    assert NUMBER not in repr(recording.events)
    assert NUMBER not in recorder.log()
    assert "BugError" in recorder.log()


@pytest.mark.parametrize("redirection", ["", ">&2"])
def test_it_ends_the_session(failing: LiveRecorder, authority: Authority, redirection: str) -> None:
    breaking = f"echo $word {NUMBER} {redirection}; sleep 10; echo {NUMBER} after"
    ends_it(failing, authority, f"echo well {NUMBER}; read word; {breaking}")


def test_the_next_session_is_well(failing: LiveRecorder, authority: Authority) -> None:
    failing.run(authority.grant("echo", "BREAK", NUMBER))
    assert failing.run(authority.grant("echo", NUMBER)).stdout == b"555555******4444\n"
