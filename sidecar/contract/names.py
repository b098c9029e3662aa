"""Names fixed across the project: API groups, labels, paths and what is injected into a guarded pod."""

from pathlib import PurePosixPath
from typing import Final

VERSION: Final = "0.1.0"

API_GROUP: Final = "chaperone.dev"
AUDIT_GROUP: Final = "audit.chaperone.dev"
AUDIT_VERSION: Final = "v1alpha1"

GUARD_LABEL: Final = "chaperone.dev/guard"
GUARD_ENABLED: Final = "enabled"
INJECTED_ANNOTATION: Final = "chaperone.dev/recorder"
"""Of injected pods: the version that injected them."""
MAIN_PROCESS_ANNOTATION: Final = "chaperone.dev/main-process"
"""Of pods whose containers' own programs are to run under the shim: ``true``, or names of containers."""
MAIN_PROCESS_FLAG: Final = "--main"
"""Tells the shim so; before the command line, in the place of ``--``."""
INJECTED_LABEL: Final = "chaperone.dev/guarded"
"""Of injected pods, so that they can be selected."""

RECORDER_CONTAINER: Final = "chaperone-recorder"
SHIM_VOLUME: Final = "chaperone"
SPOOL_VOLUME: Final = "chaperone-spool"
TOKEN_VOLUME: Final = "chaperone-token"  # noqa: S105  the name of a volume
DEBUG_VOLUME: Final = "chaperone-debug"
"""What debug containers have of Chaperone: they may mount whole volumes only, and none that others mount."""
RESERVED_VOLUMES: Final = frozenset({SHIM_VOLUME, SPOOL_VOLUME, TOKEN_VOLUME, DEBUG_VOLUME})

SHIM_DIRECTORY: Final = PurePosixPath("/.chaperone")
SHIM_PATH: Final = SHIM_DIRECTORY / "shim"
SHIM_FILE: Final = "shim"
SOCKET_FILE: Final = "sock"
SESSION_FLAG: Final = "--"
"""Between the grant of a session and its command line."""
SPOOL_DIRECTORY: Final = PurePosixPath("/spool")
DEBUG_DIRECTORY: Final = PurePosixPath("/debug")
"""Where the recorder has the volume of debug containers."""
TOKEN_FILE: Final = PurePosixPath("/var/run/chaperone/token")
TOKEN_AUDIENCE: Final = "chaperone-collector"  # noqa: S105  a public audience name

RECORDER_UID: Final = 47813
"""User and group id the recorder runs as, distinct from any application's."""
