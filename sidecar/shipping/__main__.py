"""``python -m sidecar.shipping``: ship the spool; ends with 0 once all is acknowledged and quiet."""

import os
import signal
import sys
import time
from functools import partial
from types import FrameType

from sidecar.contract.errors import ConfigurationError
from sidecar.shipping.settings import read_settings
from sidecar.shipping.shipment import Surroundings
from sidecar.shipping.shipper import Shipper


def log(message: str) -> None:
    """Write one line on standard error."""
    os.write(2, f"chaperone-shipper: {message}\n".encode())


def main() -> int:
    """Run, and give the exit code; 78 when the settings are wrong (sysexits.h EX_CONFIG)."""
    try:
        settings = read_settings(os.environ)
    except ConfigurationError as error:
        log(str(error))
        return 78
    surroundings = Surroundings(
        monotonic=time.monotonic, sleep=time.sleep, unix_ns=time.time_ns, randomness=os.urandom, log=log
    )
    shipper = Shipper(settings, surroundings)
    signal.signal(signal.SIGTERM, partial(_stop, shipper))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})  # blocked by who starts it, until now
    return shipper.run()


def _stop(shipper: Shipper, _signal: int, _frame: FrameType | None) -> None:
    shipper.stop()


if __name__ == "__main__":
    sys.exit(main())
