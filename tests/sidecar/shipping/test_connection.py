"""Where a shipper looks for its collector, and whom it believes to be it."""

from collections.abc import Iterator

import pytest
from alone import alone
from collector_server import NOWHERE, TOKEN, CollectorServer, running

NOBODY = "255.255.255.255"
"""An address at which nobody can be."""
CONNECTING = """
import sys
from sidecar.shipping.connection import Connection, ConnectionFailedError, Limits
url, address, ca, token = sys.argv[1:]
try:
    Connection.open(url, address=address, ca=ca, token=token, limits=Limits(60, 60)).close()
except ConnectionFailedError as error:
    print(error, end="")
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectorServer]:
    with running(tmp_path_factory.mktemp("collector")) as server:
        yield server


def connect(server: CollectorServer, host: str, address: str = "") -> str:
    """Why there is no connection to the collector called ``host``; nothing when there is one."""
    url = server.url.replace("localhost", host)
    return alone(CONNECTING, url, address, server.ca, TOKEN)


def test_nobody_is_asked_for_the_name_where_the_address_is_known(server: CollectorServer) -> None:
    assert f"no connection to {NOWHERE}: " in connect(server, NOWHERE)
    assert connect(server, NOWHERE, "127.0.0.1") == ""


def test_an_address_that_has_changed_is_not_all(server: CollectorServer) -> None:
    assert connect(server, "localhost", NOBODY) == ""
    both = connect(server, NOWHERE, NOBODY)
    assert f"no connection to {NOBODY}: " in both
    assert f"no connection to {NOWHERE}: " in both


def test_whoever_is_at_the_address_proves_the_name(server: CollectorServer) -> None:
    assert "mismatch" in connect(server, "elsewhere.invalid", "127.0.0.1")
