"""Which container dials by the socket that all debug containers share."""

import base64
import time
from pathlib import Path

import pytest
from live_recorder import POD_UID, Authority, Ticket

from sidecar.contract.handshake import Header, Hello, WindowSize
from sidecar.processes.admission import RefusedError, admit
from sidecar.processes.installation import DEBUG
from sidecar.settings import Settings


def settings_of(authority: Authority, spool: Path) -> Settings:
    spool.mkdir(exist_ok=True)
    return Settings(
        {
            "CHAPERONE_CONTAINERS": "app",
            "CHAPERONE_ROOT_KEYS": base64.b64encode(authority.root).decode(),
            "CHAPERONE_POD_UID": POD_UID,
            "CHAPERONE_POD_NAME": "till",
            "CHAPERONE_POD_NAMESPACE": "payments",
            "CHAPERONE_NODE_NAME": "node-1",
            "CHAPERONE_SPOOL": str(spool),
        }
    )


def hello(ticket: Ticket, *, application: bool = False) -> Hello:
    header = Header(False, False, WindowSize(0, 0), 0, 0, 0, application=application)
    return Hello(header, ticket.token.encode(), tuple(word.encode() for word in ticket.argv))


def test_the_grant_says_which_it_is_and_is_used_once(authority: Authority, tmp_path: Path) -> None:
    settings = settings_of(authority, tmp_path / "spool")
    ticket = authority.grant("sh", container="debugger-x")
    assert admit(hello(ticket), DEBUG, settings, now=int(time.time())).container == "debugger-x"
    with pytest.raises(RefusedError, match="used before"):
        admit(hello(ticket), DEBUG, settings, now=int(time.time()))


def test_it_is_no_way_around_the_sockets_of_others(authority: Authority, tmp_path: Path) -> None:
    settings = settings_of(authority, tmp_path / "spool")
    for container, dialled in (("app", DEBUG), ("debugger-x", "app")):
        ticket = authority.grant("sh", container=container)
        with pytest.raises(RefusedError, match="another container"):
            admit(hello(ticket), dialled, settings, now=int(time.time()))
    own = authority.application("sh")
    with pytest.raises(RefusedError, match="another container"):
        admit(hello(own, application=True), DEBUG, settings, now=int(time.time()))
