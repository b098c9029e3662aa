"""A container's own program that runs under a real shim and recorder."""

import os
import re
import subprocess
import threading

from live_recorder import PATIENCE_S, LiveRecorder, Ticket, wait_until

UNMASKED = re.compile(rb"6011000|\d9424,")
"""More of the number 6011000990139424 than its first six and last four digits."""
REMARK = b"chaperone: output is missing here: the recorder was restarted"


class Running:
    """A program that runs, and all it has shown so far."""

    def __init__(
        self,
        recorder: LiveRecorder,
        ticket: Ticket,
        *,
        stdin: int = subprocess.DEVNULL,
        before: tuple[str, ...] = (),
    ) -> None:
        """``before`` execs the shim."""
        self.process = recorder.popen(ticket, stdin=stdin, before=before)
        self.shown = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        while data := os.read(self.process.stdout.fileno(), 65536):
            self.shown += data

    def wait_for(self, text: bytes) -> None:
        wait_until(lambda: text in self.shown, f"{text!r} in {self.shown[-200:]!r}")

    def end(self) -> int:
        """Wait for its end; give its exit code."""
        code = self.process.wait(3 * PATIENCE_S)
        self._reader.join(PATIENCE_S)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        return code
