"""What a recorder is told by its environment, read once when it starts.

Imports next to nothing: the process that waits in every guarded pod reads it.
"""

import os
from binascii import Error, a2b_base64
from collections.abc import Mapping

from sidecar.contract.errors import ConfigurationError

_MEBIBYTE = 1024 * 1024
_KEY_BYTES = 32


class Settings:
    """Settings of a recorder. Every variable's name starts with ``CHAPERONE_``."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Read them. Raises ConfigurationError, naming the variable."""
        read = _Reader(environment)
        self.containers: tuple[str, ...] = read.names("CONTAINERS")
        """The containers served, one socket each."""
        self.root_keys: tuple[bytes, ...] = read.keys("ROOT_KEYS")
        """Raw Ed25519 public keys trusted to certify grant signers; base64 in the environment."""
        self.pod_uid = read.text("POD_UID")
        self.pod = read.text("POD_NAME")
        self.namespace = read.text("POD_NAMESPACE")
        self.node = read.text("NODE_NAME")
        self.directory = read.text("DIRECTORY", "/.chaperone")
        """Where each container's shim and socket go."""
        self.debug_directory = read.text("DEBUG_DIRECTORY", "/debug")
        """Where shim and socket of debug containers go; not there in pods of earlier versions."""
        self.spool = read.text("SPOOL", "/spool")
        self.shim = read.text("SHIM", os.path.join(os.path.dirname(__file__), "shim", "shim"))  # noqa: PTH118, PTH120  pathlib would cost a tenth of the idle process
        """The shim in the recorder's image."""
        self.spool_bytes = read.number("SPOOL_BYTES", 256 * _MEBIBYTE)
        """Most bytes of unshipped frames."""
        self.spool_patience_seconds = read.number("SPOOL_PATIENCE_SECONDS", 60)
        """How long a session waits for room in the spool before it is ended."""
        self.max_sessions = read.number("MAX_SESSIONS", 32)
        """Most sessions at once."""
        self.own_session_seconds = read.number("OWN_SESSION_SECONDS", 24 * 3600)
        """After how long a container's own program that runs on gets another session."""
        self.linger_seconds = read.number("LINGER_SECONDS", 300)
        """How long what sessions need stays loaded after the last one."""
        self.hello_seconds = read.number("HELLO_SECONDS", 5)
        """How long a shim may take to say what it wants."""
        self.skew_seconds = read.number("SKEW_SECONDS", 30)
        """How far the clocks of node and control side may be apart."""
        self.drain_seconds = read.number("DRAIN_SECONDS", 20)
        """How long a stopping recorder waits for the collector to take what is spooled."""
        self.farewell_seconds = read.number("FAREWELL_SECONDS", 5)
        """How long one waits that has nothing to tell but that it stops."""


class _Reader:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def text(self, name: str, default: str = "") -> str:
        value = self._environment.get("CHAPERONE_" + name) or default
        if not value:
            raise ConfigurationError(f"CHAPERONE_{name} is not set")
        return value

    def number(self, name: str, default: int) -> int:
        value = self.text(name, str(default))
        if not value.isdecimal():
            raise ConfigurationError(f"CHAPERONE_{name} must be a whole number")
        return int(value)

    def names(self, name: str) -> tuple[str, ...]:
        names = tuple(part.strip() for part in self.text(name).split(","))
        if not all(names) or any("/" in part or part.startswith(".") for part in names):
            raise ConfigurationError(f"CHAPERONE_{name} must be names separated by commas")
        return names

    def keys(self, name: str) -> tuple[bytes, ...]:
        try:
            keys = tuple(a2b_base64(part) for part in self.text(name).split(","))
        except Error:
            keys = ()
        if not keys or any(len(key) != _KEY_BYTES for key in keys):
            raise ConfigurationError(f"CHAPERONE_{name} must be Ed25519 public keys in base64")
        return keys
