"""The shipper's environment, and what is wrong with it."""

from pathlib import Path

import pytest

from sidecar.contract.errors import ConfigurationError
from sidecar.shipping.settings import Settings, read_settings

NEEDED = {
    "CHAPERONE_COLLECTOR": "wss://chaperone-collector.chaperone-system.svc:8443/v1/intake",
    "CHAPERONE_CA": "-----BEGIN CERTIFICATE-----",
    "CHAPERONE_WAKE_FD": "7",
}


def test_what_is_not_set_has_a_default() -> None:
    settings = read_settings(NEEDED)
    assert settings == Settings(NEEDED["CHAPERONE_COLLECTOR"], NEEDED["CHAPERONE_CA"], 7)
    assert (settings.spool, settings.token_file) == (Path("/spool"), Path("/var/run/chaperone/token"))


def test_everything_can_be_set() -> None:
    settings = read_settings(
        NEEDED
        | {
            "CHAPERONE_COLLECTOR_ADDRESS": "10.96.0.77",
            "CHAPERONE_SPOOL": "/s",
            "CHAPERONE_TOKEN_FILE": "/t",
            "CHAPERONE_SHIPPER_LINGER_SECONDS": "0",
            "CHAPERONE_SHIPPER_DRAIN_SECONDS": "2.5",
        }
    )
    assert settings.collector_address == "10.96.0.77"
    assert (settings.spool, settings.token_file, settings.linger, settings.drain) == (
        Path("/s"),
        Path("/t"),
        0.0,
        2.5,
    )


@pytest.mark.parametrize("name", NEEDED)
def test_what_is_needed_is_named_when_it_is_missing(name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        read_settings({key: value for key, value in NEEDED.items() if key != name})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CHAPERONE_COLLECTOR", "ws://collector"),
        ("CHAPERONE_COLLECTOR", "https://collector"),
        ("CHAPERONE_COLLECTOR", "wss://"),
        ("CHAPERONE_WAKE_FD", "seven"),
        ("CHAPERONE_SHIPPER_LINGER_SECONDS", "-1"),
        ("CHAPERONE_SHIPPER_LINGER_SECONDS", "inf"),
        ("CHAPERONE_SHIPPER_DRAIN_SECONDS", "soon"),
    ],
)
def test_what_is_wrong_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        read_settings(NEEDED | {name: value})
