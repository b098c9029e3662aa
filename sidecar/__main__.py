"""``python -m sidecar``: the recorder of a pod."""

import os
import sys

from sidecar.contract.errors import ConfigurationError
from sidecar.processes.log import log
from sidecar.processes.parent import run
from sidecar.settings import Settings


def main() -> int:
    """Run, and give the exit code; 78 when the settings are wrong (sysexits.h EX_CONFIG)."""
    try:
        settings = Settings(os.environ)
    except ConfigurationError as error:
        log(str(error))
        return 78
    return run(settings)


if __name__ == "__main__":
    sys.exit(main())
