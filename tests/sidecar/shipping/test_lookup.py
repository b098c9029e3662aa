"""How long a recorder waits to hear what a name means, where others in its pod say whom it asks."""

import json
from pathlib import Path

from alone import alone

IN_A_WORLD_OF_ITS_OWN = ("unshare", "--user", "--map-root-user", "--net", "--mount", "--")
"""Where anybody may say what is in ``/etc``, and listen at every port."""
ASKING = """
import json, sys
from sidecar.shipping.lookup import addresses
told = {}
for name in sys.argv[2:]:
    try:
        told[name] = addresses(name, seconds=float(sys.argv[1]))
    except OSError as error:
        told[name] = error.strerror
print(json.dumps(told))
"""
MISLED = """
import socket, subprocess, time
from pathlib import Path
for name, text in (
    ("resolv.conf", "nameserver 127.0.0.1\\noptions use-vc timeout:30 attempts:5\\n"),
    ("nsswitch.conf", "hosts: files dns\\n"),
    ("hosts", "".join(f"127.0.1.{number} crowd\\n" for number in range(200))),
):
    Path(name).write_text(text)
    subprocess.run(["mount", "--bind", name, f"/etc/{name}"], check=True)
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
server = socket.create_server(("127.0.0.1", 53))
begun = time.monotonic()
"""
"""Everybody is told to ask a server that takes questions and never answers."""
WAITED = """
assert time.monotonic() - begun >= 2
server.settimeout(0)
server.accept()
"""


def asked(seconds: float, *names: str) -> dict[str, list[str] | str]:
    """The addresses of names, or why there are none."""
    return json.loads(alone(ASKING, str(seconds), *names))


def test_a_name_is_looked_up_and_an_address_is_its_own() -> None:
    told = asked(600, "localhost", "127.0.0.1", "::1")
    assert set(told.pop("localhost")) & {"127.0.0.1", "::1"}
    assert told == {"127.0.0.1": ["127.0.0.1"], "::1": ["::1"]}


def test_who_is_not_found_says_why() -> None:
    told = asked(600, "collector.invalid")["collector.invalid"]
    assert isinstance(told, str)
    assert told


def test_a_server_that_never_answers_is_not_waited_for_and_of_a_crowd_few_are_tried(tmp_path: Path) -> None:
    script = MISLED + ASKING + WAITED
    told = alone(script, "2", "collector.example", "crowd", before=IN_A_WORLD_OF_ITS_OWN, folder=tmp_path)
    assert json.loads(told) == {
        "collector.example": "nobody says in time what the name means",
        "crowd": [f"127.0.1.{number}" for number in range(4)],
    }
