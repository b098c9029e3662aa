"""A recorder's settings."""

import base64

import pytest

from sidecar.contract.environment import write_roots
from sidecar.contract.errors import ConfigurationError
from sidecar.settings import Settings

GIVEN = {
    "CHAPERONE_CONTAINERS": "app, proxy",
    "CHAPERONE_ROOT_KEYS": write_roots((bytes(32), bytes([1]) * 32)),
    "CHAPERONE_POD_UID": "uid",
    "CHAPERONE_POD_NAME": "till",
    "CHAPERONE_POD_NAMESPACE": "payments",
    "CHAPERONE_NODE_NAME": "node-1",
}


def test_what_injection_says_is_read() -> None:
    settings = Settings({**GIVEN, "CHAPERONE_SPOOL_BYTES": "1000"})
    assert settings.containers == ("app", "proxy")
    assert settings.root_keys == (bytes(32), bytes([1]) * 32)
    assert (settings.pod_uid, settings.pod, settings.namespace, settings.node) == (
        "uid",
        "till",
        "payments",
        "node-1",
    )
    assert settings.spool_bytes == 1000


@pytest.mark.parametrize("name", GIVEN)
def test_what_is_missing_is_named(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} is not set"):
        Settings({key: value for key, value in GIVEN.items() if key != name})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CHAPERONE_CONTAINERS", "app,,proxy"),
        ("CHAPERONE_CONTAINERS", "../app"),
        ("CHAPERONE_ROOT_KEYS", "no base64!"),
        ("CHAPERONE_ROOT_KEYS", base64.b64encode(bytes(31)).decode()),
        ("CHAPERONE_SPOOL_BYTES", "256Mi"),
        ("CHAPERONE_MAX_SESSIONS", "-1"),
    ],
)
def test_what_is_wrong_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        Settings({**GIVEN, name: value})
