"""Asking the shim for its hello, and receiving it and the descriptors that come with it."""

import os
import socket
import time
from dataclasses import dataclass
from typing import Final

from sidecar.contract.handshake import (
    HEADER,
    MAX_PACKET_BYTES,
    HandshakeError,
    Hello,
    listening,
    parse_body,
    parse_header,
)

_MOST_DESCRIPTORS: Final = 16


@dataclass(frozen=True)
class Greeting:
    """A hello and the descriptors that came with it, as many as its kind of session has."""

    hello: Hello
    descriptors: tuple[int, ...]


def receive(connection: socket.socket, seconds: float) -> Greeting:
    """Ask for a hello and receive it within a time. Raises HandshakeError; then no descriptor stays open."""
    descriptors: list[int] = []
    try:
        return _receive(connection, time.monotonic() + seconds, descriptors)
    except HandshakeError:
        _close(descriptors)
        raise
    except OSError:
        _close(descriptors)
        raise HandshakeError("the hello did not arrive in time") from None


def _close(descriptors: list[int]) -> None:
    for number in descriptors:
        os.close(number)


def _receive(connection: socket.socket, deadline: float, descriptors: list[int]) -> Greeting:
    connection.settimeout(max(deadline - time.monotonic(), 0.001))
    connection.send(listening())
    packet, received, flags, _ = socket.recv_fds(
        connection, MAX_PACKET_BYTES, _MOST_DESCRIPTORS, socket.MSG_CMSG_CLOEXEC
    )
    descriptors += received
    if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
        raise HandshakeError("the hello's first packet is too large")
    header = parse_header(packet)
    if len(descriptors) != header.descriptors:
        raise HandshakeError(f"the hello needs {header.descriptors} descriptors, not {len(descriptors)}")
    body = bytearray(packet[HEADER.size :])
    while len(body) < header.total:
        connection.settimeout(max(deadline - time.monotonic(), 0.001))
        more = connection.recv(MAX_PACKET_BYTES)
        if not more:
            raise HandshakeError("the hello ends too early")
        body += more
    return Greeting(parse_body(header, bytes(body)), tuple(descriptors))
