"""Telling the shipper that the spool has grown: one byte in a pipe."""

import os
from typing import Final

WAKE_FD: Final = "CHAPERONE_WAKE_FD"
"""Environment variable that names the shipper's end of the pipe."""


class Waker:
    """A session's end of the pipe."""

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor

    def wake(self) -> None:
        """Say that frames were appended; once per round of a poll loop is enough. Never blocks."""
        try:
            os.write(self._descriptor, b"\0")
        except BlockingIOError:
            return  # a full pipe wakes the shipper as well as one more byte would


def drain(descriptor: int) -> bool:
    """Empty the shipper's end; whatever is appended later leaves a byte again.

    False when nobody holds the other end any more, so that no session will append again.
    """
    os.set_blocking(descriptor, False)
    try:
        while os.read(descriptor, 4096):
            pass
    except BlockingIOError:
        return True
    return False
