"""A session process forked before its session: it has touched all memory it needs and waits for a dial-in.

Forking and the page copies after it take longer than the rest of a session's start.
"""

import select
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sidecar.processes.children import fork

_MESSAGE_BYTES: Final = 1024
READY_AFTER_SECONDS: Final = 0.05
"""A spare is made this long after the last dial-in, so that it does not compete with the session."""


@dataclass(frozen=True)
class DialledIn:
    """A shim that connected."""

    connection: socket.socket
    container: str
    accepted_at: int
    """Nanoseconds on the monotonic clock."""
    reports_refusal: bool


class Spare:
    """The waiting process as its parent sees it."""

    def __init__(self, body: Callable[[socket.socket], int]) -> None:
        """Fork it; ``body`` gets the socket to call :func:`await_dial_in` with."""
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

        def be_spare() -> int:
            self.forget()
            return body(theirs)

        with theirs:
            self.pid = fork(be_spare, "a session")

    def give(self, dialled: DialledIn) -> bool:
        """Let it serve a dial-in; False when it has died."""
        words = (str(dialled.accepted_at), str(int(dialled.reports_refusal)), dialled.container)
        try:
            socket.send_fds(self._ours, [" ".join(words).encode()], [dialled.connection.fileno()])
        except BrokenPipeError:
            return False
        finally:
            self.forget()
        return True

    def forget(self) -> None:
        """Let go of it: it ends when nobody holds its socket and it has nothing to serve."""
        self._ours.close()


def await_dial_in(parent: socket.socket, lifeline: int) -> DialledIn | None:
    """Wait for a dial-in; None when the recorder stops or the parent is gone."""
    ready, _, _ = select.select([parent, lifeline], [], [])
    if parent not in ready:
        return None
    message, descriptors, _, _ = socket.recv_fds(parent, _MESSAGE_BYTES, 1, socket.MSG_CMSG_CLOEXEC)
    if not descriptors:
        return None
    accepted_at, reports, container = message.decode().split(" ", 2)
    return DialledIn(socket.socket(fileno=descriptors[0]), container, int(accepted_at), reports == "1")
