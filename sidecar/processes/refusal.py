"""Answering a dial-in that gets no session."""

import socket
from contextlib import suppress


def refuse_all(listener: socket.socket, reason: str) -> None:
    """Refuse every dial-in that waits, without looking at it."""
    with suppress(BlockingIOError):
        while True:
            connection, _ = listener.accept()
            refuse(connection, reason)


def refuse(connection: socket.socket, reason: str) -> None:
    """Tell the shim why not, and hang up. It may be gone already."""
    connection.setblocking(False)
    with connection, suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
        connection.send(b"R" + reason.encode())
