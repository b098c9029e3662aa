"""What the shipper is told by its environment, read once when it starts."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from sidecar.contract.errors import ConfigurationError
from sidecar.contract.names import SPOOL_DIRECTORY, TOKEN_FILE
from sidecar.shipping.waking import WAKE_FD

_PREFIX: Final = "CHAPERONE_"


@dataclass(frozen=True)
class Settings:
    """Settings of a shipper. Times are in seconds."""

    collector: str
    """``wss://host:port/v1/intake``; the host is the name the collector's certificate must bear."""
    ca: str
    """PEM of the authority that the collector's certificate must come from."""
    wake_fd: int
    """The reading end of the pipe that sessions write to."""
    collector_address: str = ""
    """Where the collector is tried first: others in the pod may say what its name means."""
    spool: Path = Path(SPOOL_DIRECTORY)
    token_file: Path = Path(TOKEN_FILE)
    """The pod's projected token, read again for each connection because the kubelet renews it."""
    linger: float = 30.0
    """How long everything must be acknowledged and quiet before the shipper ends."""
    drain: float = 15.0
    """After SIGTERM: how long to try to have everything acknowledged."""


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read ``CHAPERONE_COLLECTOR``, ``_CA``, ``_WAKE_FD``, and optionally ``_COLLECTOR_ADDRESS``, ``_SPOOL``,
    ``_TOKEN_FILE``, ``_SHIPPER_LINGER_SECONDS`` and ``_SHIPPER_DRAIN_SECONDS``. Raises ConfigurationError.
    """
    collector = _text(environment, "COLLECTOR")
    if urlsplit(collector).scheme != "wss" or not urlsplit(collector).hostname:
        raise ConfigurationError("CHAPERONE_COLLECTOR must be a wss:// address")
    return Settings(
        collector=collector,
        ca=_text(environment, "CA"),
        wake_fd=int(_seconds(environment, WAKE_FD.removeprefix(_PREFIX), None)),
        collector_address=environment.get(_PREFIX + "COLLECTOR_ADDRESS", ""),
        spool=Path(_text(environment, "SPOOL", str(SPOOL_DIRECTORY))),
        token_file=Path(_text(environment, "TOKEN_FILE", str(TOKEN_FILE))),
        linger=_seconds(environment, "SHIPPER_LINGER_SECONDS", Settings.linger),
        drain=_seconds(environment, "SHIPPER_DRAIN_SECONDS", Settings.drain),
    )


def _text(environment: Mapping[str, str], name: str, default: str = "") -> str:
    value = environment.get(_PREFIX + name) or default
    if not value:
        raise ConfigurationError(f"{_PREFIX}{name} is not set")
    return value


def _seconds(environment: Mapping[str, str], name: str, default: float | None) -> float:
    text = _text(environment, name, "" if default is None else str(default))
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise ConfigurationError(f"{_PREFIX}{name} must be a number, not negative")
    return value
