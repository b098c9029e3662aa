"""Attacks from inside a debug container: what fails in a session fails there."""

import json
from pathlib import Path

import pytest
from debugging import debug, ended
from kube import NAMESPACE, Kubectl, until
from pods import pod
from sessions import Audit, marker
from workshop import Workshop

ATTACKS = Path(__file__).parent / "attacks"
INTO_NAMESPACES = "leave into namespaces of one's own"
"""What does it keeps the rest of its process from the socket: last."""


@pytest.fixture(scope="module")
def target(_lasting: Workshop) -> str:
    return _lasting.pod(pod(marker()))


def test_shim_socket_and_files_stand_what_they_stand_in_a_session(
    admin: Kubectl, target: str, audit: Audit
) -> None:
    mark = marker()
    attacks = ("on_shim.py", "on_socket.py", "on_files.py")
    source = "\n".join((ATTACKS / name).read_text() for name in attacks)
    inside = ("--", "env", f"MARK={mark}", "python3", "-c", source)
    admin.run(*debug(target, "--attach=false", "--profile=baseline", "--target=app", *inside))
    on_shim, on_socket, on_files = map(json.loads, audit.recorded(mark).data("stdout").splitlines())
    assert {name for name, told in on_shim.items() if told == "done"} <= {"list descriptors"}
    assert len(on_shim) == 16
    assert on_socket.pop("heard") + on_socket.pop("refused") == 200
    assert on_socket["stolen grant"] == "Rthe grant is for another command line"
    assert on_socket["replayed grant"] == "Rthe grant was used before; run the command again"
    assert all(told.startswith("R") for told in on_socket.values()), on_socket
    done = {name for name, told in on_files.items() if told == "done"}
    assert done <= {"read the shim", INTO_NAMESPACES}


def test_whoever_kills_its_shim_ends_all_that_it_started(
    admin: Kubectl, agent: Kubectl, target: str, audit: Audit
) -> None:
    mark = marker()
    daemon = f"setsid sh -c 'trap \"\" HUP TERM; sleep 1000; : {mark}'"
    script = f"{daemon} & sleep 0.3; kill -9 $PPID; sleep 1000; echo {mark}"
    options = ("--attach=false", "--profile=baseline", "--target=app", "--", "bash", "-c", script)
    admin.run(*debug(target, *options))
    assert audit.recorded(mark).status["how"] == "client-gone"
    until(lambda: ended(admin, target, 137), what="the end of the debug container")
    assert mark not in agent.run("exec", "-n", NAMESPACE, target, "--", "ps", "-eo", "args")
