"""What injection tells the recorder, by environment variables of its own container.

Nobody can change them once the pod exists, which is why trust is rooted here.
"""

import base64
import binascii
from typing import Final

from sidecar.contract.errors import ConfigurationError

CONTAINERS: Final = "CHAPERONE_CONTAINERS"
"""Names of the guarded containers, separated by commas."""
ROOT_KEYS: Final = "CHAPERONE_ROOT_KEYS"
"""Raw Ed25519 public keys in base64, separated by commas."""
CA: Final = "CHAPERONE_CA"
"""Certificates that vouch for the collector, PEM."""
COLLECTOR: Final = "CHAPERONE_COLLECTOR"
"""URL of the collector's intake, ``wss://…``."""
COLLECTOR_ADDRESS: Final = "CHAPERONE_COLLECTOR_ADDRESS"
"""Cluster address of the collector's Service, so that its name need not be asked; not set when unknown."""
SPOOL_BYTES: Final = "CHAPERONE_SPOOL_BYTES"
"""Most bytes the recorder keeps that the collector has not acknowledged."""
MAX_SESSIONS: Final = "CHAPERONE_MAX_SESSIONS"
"""Most sessions at once."""
POD_UID: Final = "CHAPERONE_POD_UID"
POD_NAME: Final = "CHAPERONE_POD_NAME"
POD_NAMESPACE: Final = "CHAPERONE_POD_NAMESPACE"
NODE: Final = "CHAPERONE_NODE_NAME"


def write_roots(roots: tuple[bytes, ...]) -> str:
    """Give the value of ``CHAPERONE_ROOT_KEYS``."""
    return ",".join(base64.b64encode(root).decode() for root in roots)


def read_roots(text: str) -> tuple[bytes, ...]:
    """Read what :func:`write_roots` gave. Raises ConfigurationError."""
    try:
        return tuple(base64.b64decode(root, validate=True) for root in text.split(",") if root)
    except (binascii.Error, ValueError):
        raise ConfigurationError(f"{ROOT_KEYS} does not hold base64 separated by commas") from None
