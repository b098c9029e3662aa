"""``python -m sidecar.processes.listening``: wait until the recorder of this container listens.

The kubelet runs it as the recorder starts (container hook ``postStart``) and starts no other container of the
pod before it has ended, so that none is there without shim and socket, however busy the node is.
"""

# pathlib would cost more than all of this
# ruff: noqa: PTH110

import os
import sys
import time

from sidecar.processes.installation import socket_path
from sidecar.settings import Settings

_LONGEST_SECONDS = 60.0
_PAUSE_SECONDS = 0.005


def main() -> int:
    """Give 0 once every socket is there; 1 after a minute, whereupon the kubelet starts the recorder anew.

    Raises ConfigurationError.
    """
    settings = Settings(os.environ)
    deadline = time.monotonic() + _LONGEST_SECONDS
    while not all(os.path.exists(socket_path(settings, container)) for container in settings.containers):
        if time.monotonic() > deadline:
            return 1
        time.sleep(_PAUSE_SECONDS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
