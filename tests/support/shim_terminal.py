"""A client at a terminal: the outer pty of a session, as kubectl and the container runtime give it."""

import fcntl
import os
import select
import struct
import subprocess
import termios
import time
from collections.abc import Sequence
from typing import Self

from shim_peer import PATIENCE_S, TICK_S
from shim_process import Shim

TIOCGEXCL = 0x80045440


class Client:
    """Starts a shim whose controlling terminal is a new pty, types into it and reads its screen."""

    def __init__(self, *, rows: int = 24, cols: int = 80) -> None:
        self.master, self.slave = os.openpty()
        self.screen = b""
        self._read = 0
        self.resize(rows, cols)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.master)
        os.close(self.slave)

    def start(self, shim: Shim, *argv: str, before: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
        return self.start_command([*before, *shim.command(*argv)])

    def start_command(self, command: Sequence[str | bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            ["setsid", "--ctty", *command], stdin=self.slave, stdout=self.slave, stderr=self.slave
        )

    def resize(self, rows: int, cols: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, cols * 8, rows * 16))

    def type(self, text: bytes) -> None:
        os.write(self.master, text)

    def wait_for(self, text: bytes) -> bytes:
        """What came up to and with the text, since the last time. Raises TimeoutError."""
        deadline = time.monotonic() + PATIENCE_S
        while (at := self.screen.find(text, self._read)) < 0:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{text!r} is not in {self.screen[self._read :]!r}")
            self._take()
        start, self._read = self._read, at + len(text)
        return self.screen[start : self._read]

    def settle(self) -> None:
        """Wait until nothing has come for a second."""
        quiet_since = time.monotonic()
        while time.monotonic() < quiet_since + 1:
            if self._take():
                quiet_since = time.monotonic()

    def rest(self) -> bytes:
        """What is on the screen beyond what was waited for, once the shim has ended."""
        while self._take():
            pass
        return self.screen[self._read :]

    def _take(self) -> bool:
        ready = bool(select.select([self.master], [], [], TICK_S)[0])
        if ready:
            self.screen += os.read(self.master, 65536)
        return ready

    def is_raw(self) -> bool:
        _, oflag, _, lflag, *_ = termios.tcgetattr(self.slave)
        return not (oflag & termios.OPOST or lflag & (termios.ICANON | termios.ECHO | termios.ISIG))

    def is_exclusive(self) -> bool:
        packed = fcntl.ioctl(self.slave, TIOCGEXCL, struct.pack("i", -1))
        return struct.unpack("i", packed) != (0,)
