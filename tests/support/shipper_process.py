"""The shipper as a process of its own, and the pipe that wakes it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from sidecar.shipping.waking import Waker


class ShipperProcess:
    """``python -m sidecar.shipping`` over a spool."""

    def __init__(self, folder: Path, spool: Path, *, url: str, ca: str, token: str) -> None:
        self.folder = folder
        self.spool = spool
        self.token_file = folder / "token"
        self.token_file.write_text(token + "\n")
        self._receiver, sender = os.pipe()
        self.sender = sender
        self.waker = Waker(sender)
        self._environment = os.environ | {
            "CHAPERONE_COLLECTOR": url,
            "CHAPERONE_CA": ca,
            "CHAPERONE_WAKE_FD": str(self._receiver),
            "CHAPERONE_SPOOL": str(spool),
            "CHAPERONE_TOKEN_FILE": str(self.token_file),
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *, linger: float = 30.0, drain: float = 30.0) -> "subprocess.Popen[bytes]":
        settings = {
            "CHAPERONE_SHIPPER_LINGER_SECONDS": str(linger),
            "CHAPERONE_SHIPPER_DRAIN_SECONDS": str(drain),
        }
        former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # inherited, as from a recorder
        with (self.folder / "shipper.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sidecar.shipping"],
                env=self._environment | settings,
                pass_fds=[self._receiver],
                stderr=log,
            )
        signal.pthread_sigmask(signal.SIG_SETMASK, former)
        return self.process

    def ship(self, *, seconds: float = 120.0) -> int:
        """Run until all is shipped; give the exit code."""
        return self.start(linger=0).wait(seconds)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def close(self) -> None:
        self.kill()
        os.close(self._receiver)
        os.close(self.sender)

    def log(self) -> str:
        return (self.folder / "shipper.log").read_text()


def until(condition: Callable[[], object], *, seconds: float = 60.0) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(str(condition))
        time.sleep(0.02)
